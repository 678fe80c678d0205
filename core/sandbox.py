"""Render admins' templates safely: whatever goes wrong in one is a BrokenTemplate.

Jinja's sandbox keeps a template away from the program. It does not keep it from running without end or from
filling the memory, so the steps of one rendering, the numbers in it and the length of the result are bounded
here.
"""

from __future__ import annotations

import functools
import inspect
import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
)
from jinja2.filters import do_format
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from core.errors import BrokenTemplate, EmptyTemplate
from core.language import guess
from core.values import storable

HERE = Path(__file__).parent / "templates"
ALSO = {"nb": ("no", "nn")}  # other names under which a language's file may stand
STEPS = 200_000  # of the interpreter in one rendering; our own longest template takes about 2,000
LONGEST = 20_000  # characters of one message, and of any value on the way to it
LARGEST = 10_000  # number that a filter, a call or a sign may be given
WIDE = re.compile(r"%[^%a-zA-Z]*\d{5}|\{[^}]*:[^}]*\d{5}")  # a format that makes a text of such a length


class _TooMuch(Exception):
    """A bound was exceeded. The message is our own text."""


class _Environment(SandboxedEnvironment):
    """The sandbox, with bounded numbers."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return what a sign makes of two values."""
        _refuse(left, right, form=left)
        if operator == "*" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            _refuse_product(left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return what a call in a template returns."""
        method = inspect.unwrap(obj) if callable(obj) else obj
        _refuse(*args, *kwargs.values(), form=getattr(method, "__self__", ""))
        return super().call(context, obj, *args, **kwargs)


def _refuse(*values: Any, form: Any) -> None:
    """Raise _TooMuch where one of the numbers, or a width in `form`, is too large."""
    if any(isinstance(value, int | float) and not abs(value) <= LARGEST for value in values):
        raise _TooMuch(f"a number above {LARGEST}")
    if isinstance(form, str) and WIDE.search(form):
        raise _TooMuch(f"a width above {LARGEST}")


def _refuse_product(left: Any, right: Any) -> None:
    text, times = (left, right) if isinstance(right, int) else (right, left)
    if isinstance(times, int) and operator.length_hint(text, 1) * times > LONGEST:
        raise _TooMuch(f"a value longer than {LONGEST}")


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that takes no large numbers."""

    @functools.wraps(function)  # keeps the mark by which Jinja knows what else to hand over
    def call(*args: Any, **kwargs: Any) -> Any:
        _refuse(*args[1:], *kwargs.values(), form=args[0] if function is do_format else "")
        return function(*args, **kwargs)

    return call


def environment(dirs: Sequence[Path], signature: str = "") -> SandboxedEnvironment:
    """Return the templates of the admin, and ours under `ours/`. `signature`: what they may use by that name."""
    ours = PrefixLoader({"ours": FileSystemLoader(str(HERE))})
    env = _Environment(
        loader=ChoiceLoader([FileSystemLoader([str(d) for d in dirs]), ours]),
        undefined=StrictUndefined,
        autoescape=False,  # texts are plain; connectors escape where a vendor wants HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["signature"] = signature
    env.filters = {name: _bounded(function) for name, function in env.filters.items()}
    return env


@functools.cache
def built_in() -> SandboxedEnvironment:
    """Return our templates alone: what is said when an admin's is broken."""
    return environment([])


def signed(env: SandboxedEnvironment, text: str) -> str:
    """Return a message with the desk's signature below it, unless its template has put it somewhere itself."""
    signature = str(env.globals["signature"]).strip()
    return f"{text}\n\n{signature}" if signature and signature not in text else text


def candidates(name: str, language: str) -> list[str]:
    """Return the file names to look for, best first: all that an admin may have written, then ours."""
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, ending) if dot else (name, "txt")
    tags = (language, *ALSO.get(language, ()))
    names = [*(f"{stem}.{tag}.{ending}" for tag in tags), f"{stem}.{ending}", f"{stem}.en.{ending}"]
    return [*names, *(f"ours/{one}" for one in names)]


def is_ours(env: SandboxedEnvironment, name: str, language: str) -> bool:
    """Return whether `render` would take one of our own templates: the admin has written none."""
    file = next((one for one in candidates(name, language) if _exists(env, one)), "")
    return file.startswith("ours/")


def _exists(env: SandboxedEnvironment, file: str) -> bool:
    try:
        return env.loader is not None and bool(env.loader.get_source(env, file))
    except TemplateNotFound:
        return False
    except (ValueError, OSError):  # there, but not UTF-8 or not readable: `render` says so
        return True


def spoken(env: SandboxedEnvironment, name: str, language: str) -> str:
    """Return the language of the text that `render` would take: by its name, or by what stands in it; "" when unsure."""
    stem, _, ending = name.rpartition(".")
    tags = {
        f"{stem or name}.{tag}.{ending if stem else 'txt'}" for tag in (language, *ALSO.get(language, ()))
    }
    for file in candidates(name, language):
        try:
            source = env.loader.get_source(env, file)[0] if env.loader else ""
        except (TemplateNotFound, ValueError):  # not there, or not UTF-8: see `render`
            continue
        found = guess(source)
        return language if file.removeprefix("ours/") in tags else found.language if found.sure else ""
    return ""


def render(env: SandboxedEnvironment, name: str, facts: Mapping[str, Any], language: str = "en") -> str:
    """Return the text in the customer's language where a translation exists: `reply.de.txt` before `reply.txt`.

    Raises BrokenTemplate for whatever is wrong with the template or with what comes out of it.
    """
    return filled(*template_of(env, name, language), facts)


def template_of(env: SandboxedEnvironment, name: str, language: str) -> tuple[Template, str]:
    """Return the template that `render` takes, and its file. Raises BrokenTemplate when it cannot be read."""
    for file in candidates(name, language):
        try:
            return env.get_template(file), file
        except TemplateNotFound:
            continue
        except Exception as err:  # not UTF-8, no template, not readable
            raise _broken(file, err) from err
    raise BrokenTemplate(name, ": there is no such file")


def filled(template: Template, file: str, facts: Mapping[str, Any]) -> str:
    """Return what a template makes of the facts. Raises BrokenTemplate."""
    try:
        with _few_steps():
            text = "".join(_short(template.generate(**facts))).strip()
    except Exception as err:  # an admin's template may raise anything
        raise _broken(file, err) from err
    if not text:
        raise EmptyTemplate(file, ": nothing is left of it when it is filled in")
    return str(storable(text))


def _broken(file: str, err: Exception) -> BrokenTemplate:
    return BrokenTemplate(file, f"{_line(err)}: {_fault(err)}")


@contextmanager
def _few_steps() -> Iterator[None]:
    """Raise _TooMuch within the block after STEPS steps: nothing else ends an empty loop."""
    left, before = STEPS, sys.gettrace()

    def step(_frame: FrameType, _event: str, value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooMuch("it does not end")
        if isinstance(value, str | list | tuple) and len(value) > LONGEST:
            raise _TooMuch(f"a value longer than {LONGEST}")
        return step

    sys.settrace(step)
    try:
        yield
    finally:
        sys.settrace(before)


def _short(parts: Iterator[str]) -> Iterator[str]:
    length = 0
    for part in parts:
        length += len(part)
        if length > LONGEST:
            raise _TooMuch(f"more than {LONGEST} characters")
        yield part


def _fault(err: Exception) -> str:
    """Return what is wrong, without a word of the values that were filled in."""
    if isinstance(err, TemplateNotFound):
        return f"there is no template {err.name}"
    if isinstance(err, TemplateError):
        return err.message or type(err).__name__
    if isinstance(err, UnicodeDecodeError):
        return f"byte {err.start + 1} is not UTF-8: save the file as UTF-8"
    return str(err) if isinstance(err, _TooMuch) else type(err).__name__


def _line(err: Exception) -> str:
    """Return the place in the file, as far as the error names it."""
    number, trace = getattr(err, "lineno", None), err.__traceback__
    while trace is not None and number is None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:  # Jinja's own rewriting: the template's lines
            number = trace.tb_lineno
        trace = trace.tb_next
    return f", line {number}" if number else ""
