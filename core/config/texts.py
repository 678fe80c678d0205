"""The texts that an admin may write: which there are, whether one could be used, and how it would read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jinja2 import ChoiceLoader, DictLoader, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from core.app import App
from core.config.checks import replies
from core.config.drafts import Draft, read
from core.errors import BrokenTemplate, ConfigError
from core.language import LANGUAGES
from core.sandbox import ALSO, HERE, candidates, render, signed
from core.wording import ACKNOWLEDGMENT, NOTE, SECOND_WORD, check, samples

FILE = re.compile(r"(?:([a-z_][a-z0-9_]*)/)?([\w-]+)(?:\.([a-z]{2}))?\.txt", re.ASCII)
OURS = (ACKNOWLEDGMENT, SECOND_WORD, NOTE)
PURPOSE = {
    ACKNOWLEDGMENT: "tells a customer at once that a person will answer",
    SECOND_WORD: "tells a customer once that the answer will take longer than promised",
    NOTE: "the private note for agents",
}
SAMPLES = Path(__file__).parent / "replies"
SHOWN = 3  # renderings of one text


@dataclass(frozen=True)
class Text:
    """One file of words. `name`: below the folder of texts, as order_status.de.txt or, for one desk, shop/order_status.txt."""

    name: str
    desk: str
    stem: str
    language: str  # "" where the file's name says none
    path: Path

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.name.rpartition("/")[2]

    @property
    def base(self) -> str:
        """The name by which it is rendered, in whatever language."""
        return self.stem if self.stem in OURS else f"{self.stem}.txt"


def text_of(app: App, name: str) -> Text | None:
    """Return the text of this name, whether it is written already or not; None for what can be no text of an admin's."""
    found = FILE.fullmatch(name)
    if not found:
        return None
    desk, stem, language = found[1] or "", found[2], found[3] or ""
    if desk and desk not in app.rules:
        return None
    folder, file = app.settings.home / "templates" / desk, name.rpartition("/")[2]
    beside = app.settings.home / file  # the folder of the file itself is looked in first
    used = stem in OURS or f"{stem}.txt" in replies(app)
    path = beside if not desk and used and beside.is_file() else folder / file
    return Text(name, desk, stem, language, path.resolve())


def texts(app: App) -> list[Text]:
    """Return the texts that stand in files, and those that intents name without there being one."""
    folder = app.settings.home / "templates"
    names = [one.name for one in folder.glob("*.txt")]
    names += [f"{desk}/{one.name}" for desk in app.rules for one in (folder / desk).glob("*.txt")]
    names += [one.name for one in app.settings.home.glob("*.txt") if _is_used(app, one.name)]
    known = (text_of(app, name) for name in sorted({*names, *replies(app)}))
    return [one for one in known if one is not None]


def _is_used(app: App, file: str) -> bool:
    found = FILE.fullmatch(file)
    return found is not None and (found[2] in OURS or f"{found[2]}.txt" in replies(app))


def draft_of(text: Text, new: str | None = None) -> Draft:
    """Return the file as it is and as it shall be; without `new` as it is, or as it might begin. Raises ConfigError."""
    old = read(text.path)
    words = (old if old is not None else _beginning(text)) if new is None else _tidy(new)
    mode = text.path.stat().st_mode & 0o777 if old is not None else 0o644
    return Draft(text.path, text.name, old, words, mode)


def _tidy(text: str) -> str:
    """Return a text as a file has it: lines that end as here, and one end of line at the end."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def _beginning(text: Text) -> str:
    """Return our own words, or a sample, where nobody has written the text yet."""
    for place in (HERE, SAMPLES):
        for name in candidates(text.file, text.language or "en"):
            if not name.startswith("ours/") and (place / name).is_file():
                return (place / name).read_text(encoding="utf-8")
    return ""


def variables(text: Text, app: App) -> list[str]:
    """Return what may stand in the text between braces."""
    facts = next(samples(text.base, "en", app.clock(), app.hours_of(text.desk)))
    return sorted({*facts, "signature"})


def faults(app: App, text: Text, words: str) -> list[str]:
    """Return what keeps the text from being used, each with its remedy."""
    env = _drafted(app, text, words)
    try:
        named = meta.find_undeclared_variables(env.parse(words))
    except TemplateSyntaxError as err:
        return [f"line {err.lineno}: {err.message}. Write a brace that is meant as such as {{{{ '{{' }}}}"]
    known = variables(text, app)
    unknown = sorted(named - {*known, *env.globals})
    if unknown:
        return [_unknown(name, known) for name in unknown]
    found = check(env, {text.base} - set(OURS), app.clock(), app.hours_of(text.desk))
    return [f"{err}: correct it" for _, err in found if err.file == text.file]


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1, 0.5)
    meant = f"is {near[0]} meant? " if near else ""
    return f"there is no variable {name}: {meant}This text may use {', '.join(known)}"


def _drafted(app: App, text: Text, words: str) -> SandboxedEnvironment:
    """Return the desk's texts, with this one as if it were written."""
    env = app.templates_of(text.desk)
    loaders = [DictLoader({text.file: words}), *([env.loader] if env.loader else [])]
    return env.overlay(loader=ChoiceLoader(loaders))


def preview(app: App, text: Text, words: str) -> list[tuple[str, str]]:
    """Return how the text would read, each time with whom it would be for. It must be without faults."""
    env, language = _drafted(app, text, words), text.language or "en"
    language = next((tag for tag in LANGUAGES if language in ALSO.get(tag, ())), language)
    return list(_renderings(app, text, env, language))


def _renderings(app: App, text: Text, env: SandboxedEnvironment, language: str) -> Iterator[tuple[str, str]]:
    facts = list(samples(text.base, language, app.clock(), app.hours_of(text.desk)))
    if text.base != NOTE:
        facts = [one for name in ("Carla", "") for one in facts if one["name"] == name]
        # an answer promises nothing, the other two always do
        promise = next(one["promise"] for one in facts if one["promise"]) if text.base in OURS else ""
        facts = [one | {"promise": promise} for one in facts]
    for one in facts[:SHOWN]:
        said = render(env, text.file, one, language)
        whom = f"To {one['name']}" if one.get("name") else "To a customer whose name is unknown"
        yield ("For agents", said) if text.base == NOTE else (whom, signed(env, said))


def usable(app: App, text: Text, words: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the faults, and where there are none how it would read."""
    wrong = faults(app, text, words)
    try:
        return wrong, [] if wrong else preview(app, text, words)
    except BrokenTemplate as err:
        return [f"{err}: correct it"], []
    except ConfigError as err:
        return [str(err)], []
