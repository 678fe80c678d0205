"""The pages of intents: what is to happen with each, read from the file and changed in it after a look at the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from core.config import intents as files
from core.config import reload, texts
from core.config.drafts import Changed, Draft, write
from core.errors import ConfigError, said_of
from core.ledger.db import reading
from core.model import Mode, Priority
from core.rules import rules_for
from core.settings import Settings
from core.web import quality as q
from core.web.access import backstop, needs, reader
from core.web.users import Role, record


def add_routes(pages: Blueprint) -> None:
    """The list, and a page for each intent."""
    pages.add_url_rule("/intents", "intents", listed)
    pages.add_url_rule("/intents/<name>", "intent", one)
    pages.add_url_rule("/intents/<name>", "change_intent", change, methods=["POST"])


def listed() -> str:
    """All intents with what happens to them, those that customers write about first; and the texts."""
    app = backstop()
    with reading(app.engine) as connection:
        seen = Counter(row.intent for row in q.seen(connection, app.clock()))
    there, trouble = _on_disk(app)
    rules = there.rules.values()
    return render_template(
        "console/intents.html",
        rules=sorted(rules, key=lambda rule: (-seen[rule.name], rule.priority.rank, rule.name)),
        seen=seen,
        there=there,
        trouble=trouble or _refused(app),
        texts=texts.texts(app),
        ours=texts.PURPOSE,
    )


def _on_disk(app: Any) -> tuple[files.OnDisk, str]:
    """The file, or what this process runs by and why the file cannot be read."""
    try:
        return files.on_disk(app), ""
    except ConfigError as err:
        return files.OnDisk("", app.settings), str(err)


def _refused(app: Any) -> str:
    """Why the file is not in use, "" where it is."""
    why = reload.take_up(app)
    return f"{why}\nThe previous settings stay in use until this is corrected." if why else ""


def one(name: str) -> Any:
    """One intent, and the form to change it."""
    app = backstop()
    there, trouble = _on_disk(app)
    values = {} if trouble else files.values_of(there.text, name)
    return _shown(name, there, values, wrong=trouble or _refused(app))


@needs(Role.ADMIN)
def change(name: str) -> Any:
    """Show what a change would come to, or write what was shown."""
    app, asked = backstop(), {key: request.form.get(key, "")[:200] for key in files.FIELDS}
    there, trouble = _on_disk(app)
    if trouble or name not in there.rules:
        return _shown(name, there, asked, wrong=trouble, status=422)
    try:
        draft, settings = files.drafted(app, name, asked)
        if request.form.get("do") != "write":
            return _shown(name, there, asked, draft=draft, settings=settings)
        said = write([draft], {draft.name: request.form.get("seen", "")}, app.clock())
    except Changed as err:
        return _shown(name, there, asked, draft=draft, settings=settings, wrong=said_of(err), status=409)
    except ConfigError as err:
        return _shown(name, there, asked, wrong=str(err), status=422)
    old, new = (files.said(files.values_of(text, name)) for text in (draft.old or "", draft.new))
    noted(f"intents.{name}", old, new)
    flash(f"{said[0]}. It is used from the next ticket on." if said else "No change was needed.", "good")
    return redirect(url_for("console.intent", name=name), code=303)


def noted(what: str, old: str, new: str) -> None:
    """Write a change of a file into the log of changes."""
    app, found = backstop(), reader()
    if old != new:
        with app.engine.begin() as connection:
            record(connection, app.clock(), found.name if found else "", what, old, new)


def _shown(
    name: str,
    there: files.OnDisk,
    values: Mapping[str, str],
    *,
    draft: Draft | None = None,
    settings: Settings | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    app = backstop()
    rule = there.rules.get(name)
    if rule is None:
        abort(404, "There is no such intent.")
    with reading(app.engine) as connection:
        rows = [row for row in q.seen(connection, app.clock()) if row.intent == name]
    queues = {one.queue for one in there.rules.values()} | {own.general_queue for own in app.rules.values()}
    html = render_template(
        "console/intent.html",
        rule=rule,
        values=values,
        wrong=wrong.splitlines(),
        draft=draft,
        effect=effect(app, there.settings, settings, rows) if settings and draft and draft.changes else None,
        rows=len(rows),
        queues=sorted(filter(None, queues)),
        replies=sorted({f"{name}.txt", *_replies(app), *filter(None, [values.get("reply")])}),
        written=_replies(app),
        humans_only=name in there.humans_only,
        editable=texts.text_of(app, rule.reply) is not None,
        priorities=list(Priority),
        modes=list(Mode),
    )
    return Response(html, status)


def _replies(app: Any) -> set[str]:
    """The answers whose words are written."""
    return {text.base for text in texts.texts(app) if text.base.endswith(".txt") and text.path.is_file()}


def effect(app: Any, before: Settings, after: Settings, rows: Sequence[q.Seen]) -> list[tuple[str, int, int]]:
    """What would have become of the same tickets: outcome, number by the file as it is, number by the changed one."""
    old, new = _counts(app, before, rows), _counts(app, after, rows)
    return [(name, old[name], new[name]) for name in ("answered", "routed", "general", "paged")]


def _counts(app: Any, settings: Settings, rows: Sequence[q.Seen]) -> Mapping[str, int]:
    rules = {desk: rules_for(settings, own) for desk, own in app.desk_settings.items()}
    how = q.handling(rules, (), str(app.hours.zone))
    acting = {rule.name for own in rules.values() for rule in own.intents.values() if rule.mode is Mode.ACT}
    how = replace(how, answerable=acting.intersection(how.answerable))
    return q.replayed(rows, settings.bands.auto, settings.bands.route, how).counts
