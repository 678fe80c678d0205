"""The house keeps its own rules: what is written about the code is true, and what belongs apart stays apart."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import structure
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from connectors import DESKS
from core import errors
from docs import hooks, reference

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEXTS = {
    ".py",
    ".toml",
    ".html",
    ".j2",
    ".jinja",
    ".txt",
    ".js",
    ".css",
    ".mako",
    ".md",
    ".yaml",
    ".yml",
    ".json",
    ".tpl",
    ".service",
    ".timer",
    ".in",
    ".lock",
    ".sh",
    ".cfg",
}
LONG, LONGEST = 300, 40  # lines of a file, of a function
LONGER = {
    "core/model.py": "the nouns, one after the other: there is no seam to cut at",
    "core/ledger/schema.py": "the tables, one after the other",
    "core/ledger/store.py": "one function per question to the tables",
    "core/policy.py": "the whole decision in its order",
}
"""Files over 300 lines, each with the reason. Not longer than it must be: what has become shorter is taken off."""

LONG_FUNCTIONS = {
    "connectors.freshdesk.reading.ticket_of": "one field after the other, as the vendor's page lists them",
    "core.wiring._composed": "the parts of a running process, one after the other",
    "core.engine.worker.launch": "what is started, in its order",
    "core.pipeline.outcome._become": "what a decision may lead to, case by case",
    "core.pipeline.plan.stored": "one transaction",
    "core.reports.weekly.summarise": "one field after the other",
}
"""Functions over 40 lines, each with the reason."""

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")


def committed(*under: str) -> list[Path]:
    """Files that git knows or would add, below the given places."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *under],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    return [ROOT / name for name in sorted(set(listed.stdout.splitlines())) if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def offenders(pattern: str, files: list[Path], flags: int = re.IGNORECASE) -> list[str]:
    """`file:line: what` for each match."""
    found = []
    for path in files:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            hit = re.search(pattern, line, flags)
            if hit:
                found.append(f"{path.relative_to(ROOT)}:{number}: {hit[0]}")
    return found


def code(*under: str) -> list[Path]:
    """What people write and change; a migration is written once and then frozen."""
    return [path for path in committed(*under) if path.suffix == ".py" and "versions" not in path.parts]


def texts(*under: str) -> list[Path]:
    names = {"Makefile", "Dockerfile", "Caddyfile", "run", ".env.example", ".gitignore", ".dockerignore"}
    return [path for path in committed(*under) if path.suffix in TEXTS or path.name in names]


def test_core_names_no_vendor():
    files = [path for path in texts("core") if path.suffix in {".py", ".toml", ".html", ".j2", ".txt", ".js"}]
    assert len(files) > 30
    assert offenders("|".join([*DESKS, "help scout", "zenpy"]), files) == []


def test_the_import_rules_hold():
    told = subprocess.run([BIN / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_a_vendor_is_one_folder_with_its_files_its_page_its_fixtures_and_a_row():
    for vendor, place in DESKS.items():
        folder = ROOT / place.replace(".", "/")
        assert {"connector.py", "README.md", "install", "fake"} <= {one.name for one in folder.iterdir()}, (
            vendor
        )
        assert any((ROOT / "tests/fixtures" / vendor).glob("*.body.*")), vendor


@pytest.mark.parametrize("page", reference.PAGES)
def test_what_pages_say_about_the_code_is_made_from_the_code(page):
    assert (ROOT / page) not in reference.outdated(), "run `make env`"


def test_the_zendesk_app_calls_the_states_what_the_console_calls_them():
    assert (ROOT / reference.WORDS) not in reference.outdated(), "run `make env`"


def test_the_example_of_secrets_names_every_secret_and_is_up_to_date():
    assert (ROOT / ".env.example") not in reference.outdated(), "run `make env`"
    text = (ROOT / ".env.example").read_text()
    for table in (*reference.desk_settings().values(), *reference.channel_settings().values()):
        for name, info in table.model_fields.items():
            if "SecretStr" in str(info.annotation):
                assert re.search(rf"^#BACKSTOP_\w+__{name.upper()}=", text, re.MULTILINE), name


def test_every_key_of_the_configuration_is_explained():
    rows = re.findall(r"^\| `(\w+)` \| .* \|  ?\|$", reference.configuration(), re.MULTILINE)
    unexplained = [name for name in rows if not name.endswith("_field")]
    assert unexplained == [], "write what it is behind the field, or as its description"


def test_the_readme_is_short_and_begins_with_the_promise_and_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) < 150
    assert "No ticket gets lost" in lines[2]
    assert next(n for n, line in enumerate(lines) if line.startswith("$ make demo")) < 15
    assert next(n for n, line in enumerate(lines) if line.startswith("$ make test")) < 15


def test_no_link_between_pages_leads_nowhere():
    broken = []
    for page in (path for path in committed() if path.suffix == ".md"):
        for target in LINK.findall(text_of(page)):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_plain_make_lists_every_target():
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(re.findall(r"^  make ([a-z-]+)", listed, re.MULTILINE)) == set(phony[1].split())


@pytest.mark.parametrize("target", ["install", "demo"])
def test_make_says_what_it_does_and_what_comes_next(target):
    """On a machine where nothing is installed yet; `--dry-run` prints the commands instead of running them."""
    said = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "VENV=nowhere", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for words in (
        "Making the virtual environment nowhere",
        "Installing the packages of requirements/runtime.lock",
    ):
        assert words in said
    assert "packages fetched" in said, "no minute of silence"
    assert ("Next: " if target == "install" else "backstop demo") in said.splitlines()[-1]


def test_no_index_and_no_machine_is_named_in_what_is_shared():
    """Whoever builds it has an index of their own, and other folders."""
    files = [path for path in texts() if path.name != Path(__file__).name]
    hosts = offenders(
        r"--(extra-)?index-url[ =]\S|--find-links|trusted-host|/simple/?\b|files\.pythonhosted|pypi\.org",
        files,
    )
    places = offenders(r"(?<![\w.:])/(work|root|home)/\w+", files)
    assert hosts == []
    assert places == []


def test_every_dependency_has_its_reason_and_its_licence():
    page = (ROOT / "DECISIONS.md").read_text()
    table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    for one in map(Requirement, PYPROJECT["project"]["dependencies"]):
        assert re.search(rf"\b{re.escape(canonicalize_name(one.name))}\b", table), (
            f"{one.name}: say why in DECISIONS.md"
        )


def test_files_are_short_enough_to_be_read():
    files = code("core", "connectors", "webhook_app.py", "deploy", "bench", "demo")
    long = {str(path.relative_to(ROOT)): len(text_of(path).splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > LONG and name not in LONGER} == {}
    assert [name for name in LONGER if long.get(name, 0) <= LONG] == []


def test_the_formatter_lays_out_the_code():
    """But for the tables of the made-up history, which would be one value a line."""
    mark = "# fmt: " + "skip"
    by_hand = [str(path.relative_to(ROOT)) for path in code() if mark in text_of(path)]
    assert by_hand == ["demo/history.py"]


@pytest.fixture(scope="module")
def trees() -> Iterator[dict[str, ast.Module]]:
    """Each module of the product with its tree: 80 MB of them, which nobody keeps afterwards."""
    files = code("core", "connectors", "webhook_app.py")
    yield {structure.name_of(path, ROOT): ast.parse(text_of(path)) for path in files}
    structure.imports.cache_clear()


def test_functions_are_short_enough_to_be_read(trees):
    long = {
        f"{module}.{node.name}": structure.own_lines(node)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and structure.own_lines(node) > LONGEST
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}
    assert [name for name in LONG_FUNCTIONS if name not in long] == []


LATE_IMPORTS = {
    ("core.classify.configured", "core.classify.outside.address"): "only with an outside classifier: numpy",
    ("core.classify.late", "core.classify.build.classifier_of"): "most processes never classify: numpy",
    ("core.web.trying", "core.classify.alike.nearest"): "only when somebody tries a message: numpy",
    ("core.cli", "core.ledger.db"): "the help must not load the store",
    ("core.cli", "core.ledger.trouble"): "the help must not load the store",
    ("core.telemetry.traces", "core.telemetry.traces_sdk.exporting"): "OpenTelemetry's library is an extra",
}
"""Imports of our own in functions, each with its reason. All others stand at the head of their file."""


def test_no_module_imports_itself_by_way_of_others(trees):
    """Imports in functions count: a circle that only they break is one all the same."""
    assert len(trees) > 200
    assert structure.circle(structure.graph(trees)) == []


def test_no_part_imports_itself_by_way_of_others(trees):
    """A folder of `core/` or `connectors/`, or a file that stands beside the folders, is a part."""
    found = structure.parts(structure.graph(trees))
    assert len(found) > 40
    assert structure.circle(found) == []


def test_our_own_modules_are_imported_at_the_head_of_a_file(trees):
    late = {
        (module, name)
        for module, tree in trees.items()
        for name, _, inside in structure.imports(tree)
        if inside and name.partition(".")[0] in structure.OURS
    }
    assert late == set(LATE_IMPORTS)


def test_the_structure_tests_see_what_they_look_for():
    """A circle closed in a function, and the import that closes it."""
    first = ast.parse("from core import b")
    second = ast.parse("def late():\n    from core.a import name\n")
    both = {"core.a": first, "core.b": second}
    assert structure.graph(both) == {"core.a": {"core.b"}, "core.b": {"core.a"}}
    assert len(structure.circle(structure.graph(both))) == 3
    assert list(structure.imports(second)) == [("core.a.name", 2, True)]
    assert structure.circle({"core.a": {"core.b"}, "core.b": set()}) == []


def test_every_page_of_the_repository_is_in_the_menu_of_the_site_and_reached_from_the_readme():
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    pages = {path for path in committed() if path.suffix == ".md"}
    placed = {path: hooks.ELSEWHERE.get(f"{path.relative_to(ROOT)}", path.name) for path in pages}
    assert [
        f"{path}" for path, name in placed.items() if not re.search(rf": {name}$", menu, re.MULTILINE)
    ] == []
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            todo += [(page.parent / link).resolve() for link in LINK.findall(text_of(page)) if ".md" in link]
    assert sorted(pages - reached) == []


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path):
    told = subprocess.run(  # not --quiet: mkdocs counts only the warnings that it may print
        [BIN / "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 10
    loaded = {
        hit
        for page in pages
        for hit in re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)"', text_of(page))
    }
    assert loaded == set()
    assert "[desks.&lt;name&gt;]" in text_of(tmp_path / "site/configuration/index.html")


def test_the_version_is_defined_in_one_place():
    version = PYPROJECT["project"]["version"]
    told = subprocess.run(
        [sys.executable, "-m", "core.cli", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stdout == f"backstop {version}\n"
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
    chart = (ROOT / "deploy/helm/backstop/Chart.yaml").read_text()
    assert f'appVersion: "{version}"' in chart
    assert f'"version": "{version}"' in (ROOT / "deploy/zendesk-app/app/manifest.json").read_text()


OWN_WORDS = {
    "ValueError",
    "idna.IDNAError",
    "OverflowError",
    "re.error",
    "csv.Error",
    "JoseError",
    "_NotTaken",
}
"""Raised about what a person wrote: a file, a pattern, an option, a claim's name."""


def _named(kind: ast.expr | None) -> set[str]:
    if isinstance(kind, ast.Tuple):
        return {name for one in kind.elts for name in _named(one)}
    return {ast.unparse(kind) if kind is not None else "BaseException"}


def _repeats(handler: ast.ExceptHandler) -> bool:
    """Whether the text of the exception goes into a text, a log line or an argument."""

    def is_it(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == handler.name

    for node in ast.walk(handler):
        if isinstance(node, ast.FormattedValue) and is_it(node.value):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in {"str", "repr", "log"}:
            given = [*node.args, *(k.value for k in node.keywords if k.arg != "exc_info")]
            if any(map(is_it, given)):
                return True
    return False


def test_the_text_of_a_foreign_exception_is_neither_stored_nor_shown(trees):
    """It repeats keys, rows and customers' words: `core.errors.said_of` says what may be said."""
    ours = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | OWN_WORDS
    found = [
        f"{module}:{handler.lineno}"
        for module, tree in trees.items()
        if "fake" not in module
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and not _named(handler.type) <= ours and _repeats(handler)
    ]
    assert found == []
