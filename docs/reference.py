"""What the code says about itself: the secrets' example file, the table of desks, the configuration, the intents, the commands.

Nothing here is written twice by hand: the settings classes, the connectors' abilities and their help pages are the source.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import click
from babel import Locale
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import DESKS, vendor_of
from connectors.channels import CHANNELS
from core.admin.init import env_name, secret_names
from core.classify.starter import STARTER, StarterIntent, starter
from core.cli import backstop
from core.model import Action, Priority
from core.ports import Limbo, Presence
from core.rules import ALWAYS_HUMAN
from core.sections import Embeddings, Only
from core.settings import RungSettings, Settings, WebToken
from core.web import state_words

DESK, CHANNEL, PROGRAM = "support", "urgent", "dashboard"  # the names that examples use
EVERYWHERE = (
    "resume reminders when half of the promised time has passed and the assignee has not touched the ticket",
    "tell the customer once, with a new time, when a promise cannot be kept",
    "promise a time that the desk has kept in the past (`escalation.promise_bounds`)",
    "notify the team once about a surge of one intent, and send one approved text to all of its customers",
)
"""What needs nothing of a desk beyond what every connector must do."""
ROOT = Path(__file__).resolve().parents[1]


def desk_settings() -> dict[str, type[BaseModel]]:
    """Vendor → the class of its `[desks.<name>]` table."""
    return {vendor: vendor_of(vendor).settings for vendor in DESKS}


def channel_settings() -> dict[str, type[BaseModel]]:
    """Kind of channel → the class of its `[channels.<kind>.<name>]` table."""
    return {kind: importlib.import_module(path).Settings for kind, path in CHANNELS.items()}


def label(vendor: str) -> str:
    """The vendor's name as its help page writes it."""
    page = ROOT / DESKS[vendor].replace(".", "/") / "README.md"
    found = re.match(r"# (.+)", page.read_text(encoding="utf-8")) if page.exists() else None
    return found[1].strip() if found else vendor.title()


# --- the table of desks ---------------------------------------------------------------------


def ability(action: type[Any]) -> str:
    """What an action does, as its own description begins."""
    return re.split(r"[;.(]", _first_line(action))[0].strip().lower()


def action_table() -> str:
    """Single actions by desk, as Markdown."""
    return desk_table(features=False)


def desk_table(*, features: bool = True) -> str:
    """Abilities by desk, as Markdown."""
    able = {vendor: vendor_of(vendor).supports for vendor in DESKS}
    head = ["what Backstop does there", *(label(vendor) for vendor in able)]
    rows = [
        [ability(action), *(_yes(action in found) for found in able.values())] for action in get_args(Action)
    ]
    more = _features() if features else ()
    rows += [[what, *(_yes(has(vendor)) for vendor in able)] for what, has in more]
    return _markdown([head, ["---"] * len(head), *rows])


def _features() -> Iterator[tuple[str, Callable[[str], bool]]]:
    """What Backstop does beyond single actions, each with whether it does it at a vendor's desk."""
    tables, kinds = desk_settings(), list(Only.model_fields)
    for kind in kinds:
        yield (
            f"handle only some {kind} of the account (`only`)",
            lambda v, kind=kind: kind in tables[v].PLACES,
        )
    yield "recognise the desk's own AI without configuration", lambda v: bool(tables[v].KNOWS_AI)
    yield "recognise the desk's own AI by `ai_agents`", lambda v: "ai_agents" in tables[v].model_fields
    yield "look through suspended mail or spam for genuine messages", lambda v: _offers(v, Limbo)
    yield (
        "recover such a message from the console (elsewhere the console lists the steps)",
        lambda v: bool(tables[v].RECOVERS),
    )
    yield "ignore a claim by an agent who is away or offline", lambda v: _offers(v, Presence)
    for same in EVERYWHERE:
        yield same, lambda _: True


def _offers(vendor: str, port: type[Any]) -> bool:
    """Whether the vendor's desk has all that a port asks for."""
    return all(hasattr(vendor_of(vendor).desk, name) for name in vars(port) if not name.startswith("_"))


def _yes(can: bool) -> str:
    return "yes" if can else "no"


def _markdown(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


# --- secrets --------------------------------------------------------------------------------


def env_example() -> str:
    """The text of `.env.example`."""
    lines = [
        "# Secrets belong here (beside backstop.toml, as .env, readable by you alone) or into the environment, never into the file.",
        "# Any key of the file may be set the same way: BACKSTOP_ and its path in capitals, joined by __.",
        "# NAME_FILE instead of NAME names a file that holds the value. Several secrets at once are separated by commas.",
        "",
        "# where the configuration is, and the store, whose address may hold a password",
        "#BACKSTOP_CONFIG=/etc/backstop/backstop.toml",
        "#BACKSTOP_DATABASE_URL=postgresql://backstop:…@127.0.0.1/backstop",
    ]
    for section, table in _sections():
        lines += _example(f"[{section}]", (section,), table)
    lines += _example(f"[web.tokens.{PROGRAM}]", ("web", "tokens", PROGRAM), WebToken)
    for vendor, table in desk_settings().items():
        lines += _example(f"[desks.{DESK}] with vendor = {vendor}: {label(vendor)}", ("desks", DESK), table)
    for kind, table in channel_settings().items():
        lines += _example(f"[channels.{kind}.{CHANNEL}]", ("channels", kind, CHANNEL), table)
    return "\n".join(lines) + "\n"


def _example(title: str, path: tuple[str, ...], table: type[BaseModel]) -> list[str]:
    names = secret_names(table)
    return ["", f"# {title}", *(f"#{env_name(*path, name)}=" for name in names)] if names else []


# --- the configuration reference ------------------------------------------------------------


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """The tables of the file whose keys are fixed, in the order of the file."""
    for name, info in Settings.model_fields.items():
        kinds = (info.annotation, *get_args(info.annotation))
        yield from ((name, kind) for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel))


def configuration() -> str:
    """Every key of the file with its default, as Markdown."""
    parts = ["## Top level\n", _keys(Settings, skip={name for name, _ in _sections()} | {"path"})]
    for name, table in _sections():
        title = f"{name}.<name>" if str(Settings.model_fields[name].annotation).startswith("dict") else name
        parts += [f"## `[{title}]`\n", f"{_first_line(table)}\n", _keys(table)]
        for inner, kind in INSIDE.get(name, {}).items():
            parts += [f"### `[{inner}]`\n", f"{_first_line(kind).partition(': ')[2]}\n", _keys(kind)]
    parts += ["### One rung of `escalation.ladder`\n", _keys(RungSettings)]
    for vendor, table in desk_settings().items():
        parts += [f'## `[desks.<name>]` with `vendor = "{vendor}"`\n', _keys(table)]
    for kind, table in channel_settings().items():
        parts += [f"## `[channels.{kind}.<name>]`\n", f"{_first_line(table)}\n", _keys(table)]
    return "\n".join(part for part in parts if part)


INSIDE: dict[str, dict[str, type[BaseModel]]] = {
    "web": {"web.tokens.<name>": WebToken},
    "classifier": {"classifier.embeddings": Embeddings},
}
"""Tables inside others."""


def _first_line(table: type[Any]) -> str:
    return (inspect.getdoc(table) or "").partition("\n")[0]


def _keys(table: type[BaseModel], skip: frozenset[str] | set[str] = frozenset()) -> str:
    if not table.model_fields:
        return ""
    said = _remarks(table)
    rows = [
        [
            f"`{info.alias or name}`",
            _default(info),
            (info.description or said.get(name, "")).replace("|", "\\|"),
        ]
        for name, info in table.model_fields.items()
        if name not in skip
    ]
    return _markdown([["key", "default", "what"], ["---"] * 3, *rows])


def _remarks(table: type[BaseModel]) -> dict[str, str]:
    """Field → the remark behind it in the source, of the class and those it is made from."""
    found: dict[str, str] = {}
    for base in reversed([b for b in table.__mro__ if issubclass(b, BaseModel) and b is not BaseModel]):
        if base.__module__.startswith(("core.", "connectors.")):
            found |= dict(re.findall(r"^    (\w+): .*?  # (.+)$", inspect.getsource(base), re.MULTILINE))
    return found


def _default(info: FieldInfo) -> str:
    if "SecretStr" in str(info.annotation):
        return "from the environment"
    if info.is_required():
        return "must be given"
    value = info.get_default(call_default_factory=True)
    shown = "" if value is PydanticUndefined else as_toml(value)
    return f"`{shown}`" if shown not in {"", '""'} else "–"


def as_toml(value: Any) -> str:
    """A default as one would write it in the file."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case SecretStr():
            return ""
        case timedelta():
            return f'"{as_duration(value)}"'
        case dict():
            return "{ " + ", ".join(f"{k} = {as_toml(v)}" for k, v in value.items()) + " }" if value else "{}"
        case list() | tuple():
            return f"[{', '.join(as_toml(one) for one in value)}]"
        case BaseModel():
            return as_toml({k: v for k, v in value if v not in (None, "", 0)})
        case int() | float():
            return str(value)
    return f'"{value}"'


def as_duration(value: timedelta) -> str:
    """`90 minutes` → `1h30m`."""
    left, parts = int(value.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


# --- the starter's intents --------------------------------------------------------------------

SHOWN = 2  # examples of an intent and language


def starter_languages() -> list[str]:
    """The languages of the starter set, English first."""
    return sorted((path.stem for path in STARTER.glob("??.toml")), key=lambda code: (code != "en", code))


def intents() -> str:
    """The starter's intents, and what customers write for each in every language, as Markdown."""
    rows = [
        [f"`{one.name}`", one.description, one.priority.value, "yes" if _for_people(one) else "–"]
        for one in starter().intents
    ]
    head = ["intent", "what the customer means", "priority", "always to a human"]
    parts = [_markdown([head, ["---"] * len(head), *rows])]
    return "\n".join([*parts, *(_examples(code) for code in starter_languages())])


def _for_people(one: StarterIntent) -> bool:
    """Whether it is never answered automatically, with the priority it has to begin with."""
    return one.name in ALWAYS_HUMAN or one.priority in {Priority.URGENT, Priority.HIGH}


def _examples(code: str) -> str:
    known = starter(code).intents
    rows = [
        [
            f"`{one.name}`",
            f"{len(one.examples)}",
            " · ".join(map(_cell, sorted(one.examples, key=len)[3 : 3 + SHOWN])),
        ]
        for one in known
    ]
    title = f"## {Locale.parse(code).get_language_name('en')} (`{code}`), {sum(len(one.examples) for one in known)} examples\n"
    return title + "\n" + _markdown([["intent", "examples", "two of them"], ["---"] * 3, *rows])


def _cell(text: str) -> str:
    """A customer's words as they may stand in a table."""
    words = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words)


# --- the commands -----------------------------------------------------------------------------

WIDTH = 110  # of a help text, in characters


def commands() -> str:
    """Every command's help, as Markdown."""
    return "\n".join(_helped(backstop))


def _helped(command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    name = command.name or ""
    context = click.Context(
        command,
        parent,
        name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            found = command.get_command(context, one)
            if found is not None and not found.hidden:
                yield from _helped(found, context)


# --- where it is written --------------------------------------------------------------------

BLOCK = re.compile(r"(<!-- made by `make env`: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
MADE = {
    "actions": action_table,
    "desks": desk_table,
    "configuration": configuration,
    "intents": intents,
    "commands": commands,
}
WORDS = "deploy/zendesk-app/app/assets/words.js"
PAGES = ("README.md", "docs/desks.md", "docs/configuration.md", "docs/intents.md", "docs/commands.md")


def filled(text: str) -> str:
    """A page with its made blocks made again."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{MADE[found[2]]()}\n{found[3]}", text)


def outdated(root: Path = ROOT) -> dict[Path, str]:
    """Files that no longer say what the code says, with what they ought to say."""
    wanted = {root / ".env.example": env_example(), root / WORDS: state_words.script()}
    wanted |= {root / page: filled((root / page).read_text(encoding="utf-8")) for page in PAGES}
    return {
        path: text
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main() -> None:
    """Write what is outdated."""
    for path, text in outdated().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")  # noqa: T201 - a command of the makefile


if __name__ == "__main__":
    main()
