"""What the structure tests count in the code: imports, circles of parts, functions, long lines. Pure."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

OURS = ("core", "connectors", "demo", "webhook_app")


def name_of(path: Path, root: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands right under a node, without expressions: neither an import nor a function is in one."""
    return (one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr))


@functools.cache
def imports(tree: ast.AST) -> tuple[tuple[str, int, bool], ...]:
    """Return each imported name (module, or module and name), its line, and whether it is inside a function.

    What stands under `if TYPE_CHECKING` is left out: it is not imported when the program runs.
    """

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, int, bool]]:
        for one in statements(node):
            if isinstance(one, ast.If) and "TYPE_CHECKING" in ast.unparse(one.test):
                continue
            if isinstance(one, ast.Import):
                yield from ((alias.name, one.lineno, inside) for alias in one.names)
            elif isinstance(one, ast.ImportFrom) and one.module:
                yield from ((f"{one.module}.{alias.name}", one.lineno, inside) for alias in one.names)
            yield from walk(one, inside or isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))

    return tuple(walk(tree, False))


def graph(files: Mapping[str, ast.AST]) -> dict[str, set[str]]:
    """Return which module imports which, among these modules; imports in functions count."""

    def target(name: str) -> str:
        return name if name in files else name.rpartition(".")[0]

    found = {
        module: {target(name) for name, _, _ in imports(tree)} & files.keys()
        for module, tree in files.items()
    }
    return {module: used - {module} for module, used in found.items()}


def parts(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return which part (`core.pipeline`, `connectors.kit`) imports which, from a graph of modules."""

    def part(module: str) -> str:
        return ".".join(module.split(".")[:2])

    found: dict[str, set[str]] = {part(module): set() for module in edges}
    for module, used in edges.items():
        found[part(module)] |= {part(one) for one in used} - {part(module)}
    return found


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Return one circle of modules, or [] when there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as err:
        return list(err.args[1])
    return []


def own_lines(node: ast.FunctionDef) -> int:
    """Return a function's lines without its docstring and the functions in it (a blueprint is a list of routes)."""

    def outermost(one: ast.AST) -> Iterator[ast.FunctionDef]:
        for child in statements(one):
            if isinstance(child, ast.FunctionDef):
                yield child
            else:
                yield from outermost(child)

    nested = sum((one.end_lineno or 0) - one.lineno + 1 for one in outermost(node))
    documentation = len((ast.get_docstring(node, clean=False) or "").splitlines())
    return (node.end_lineno or 0) - node.lineno + 1 - nested - documentation
