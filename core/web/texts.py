"""The pages of texts: an answer, an acknowledgment or a note, as it stands in its file and as it would read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from core.config import texts
from core.config.drafts import Draft, write
from core.errors import ConfigError
from core.language import LANGUAGES
from core.sandbox import LONGEST
from core.web.access import backstop, needs
from core.web.intents import noted
from core.web.users import Role

TOO_LONG = f"The text is longer than {LONGEST} characters: no message may be. Shorten it"


def add_routes(pages: Blueprint) -> None:
    """A page for each text."""
    pages.add_url_rule("/texts/<path:name>", "text", one)
    pages.add_url_rule("/texts/<path:name>", "change_text", change, methods=["POST"])


def one(name: str) -> Any:
    """One text: its words, and how they read when they are filled in."""
    text = _found(name)
    try:
        return _shown(text, texts.draft_of(text))
    except ConfigError as err:
        abort(409, str(err))


def _found(name: str) -> texts.Text:
    text = texts.text_of(backstop(), name)
    if text is None:
        abort(404, "A text is named like order_status.txt, or order_status.de.txt for one language.")
    return text


@needs(Role.ADMIN)
def change(name: str) -> Any:
    """Show how new words would read, with the difference; or write what was shown."""
    app, text, words = backstop(), _found(name), request.form.get("words", "")
    try:
        draft = texts.draft_of(text, words)
    except ConfigError as err:
        abort(409, str(err))
    seen = request.form.get("seen", "")
    wrong = [TOO_LONG] if len(words) > LONGEST else texts.faults(app, text, draft.new)
    if wrong:
        return _shown(text, draft, seen=seen, wrong=wrong, status=422)
    if request.form.get("do") != "write":
        late = "" if seen == draft.fingerprint else f"{draft.name} changed on disk since this page was shown."
        return _shown(text, draft, shown=True, wrong=[late] if late else [])
    try:
        said = write([draft], {draft.name: seen}, app.clock())
    except ConfigError as err:
        return _shown(text, draft, shown=True, wrong=[str(err)], status=409)
    noted(f"text {text.name}", draft.old or "", draft.new)
    flash(f"{said[0]}. It is used from the next message on." if said else "No change was needed.", "good")
    return redirect(url_for("console.text", name=text.name), code=303)


def _shown(
    text: texts.Text,
    draft: Draft,
    *,
    seen: str = "",
    shown: bool = False,
    wrong: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """`seen`: the file as it was when the words were begun; by default as it is. `shown`: with the difference."""
    app = backstop()
    faults, preview = ([], []) if wrong and not shown else texts.usable(app, text, draft.new)
    stem = text.name.removesuffix(".txt").removesuffix(f".{text.language}" if text.language else "")
    html = render_template(
        "console/text.html",
        text=text,
        draft=draft,
        seen=seen or draft.fingerprint,
        shown=shown,
        wrong=[*wrong, *faults],
        preview=preview,
        variables=texts.variables(text, app),
        purpose=texts.PURPOSE.get(text.base, ""),
        used_by=[name for name, rule in app.settings.intents.items() if rule.reply == text.base],
        others={tag: f"{stem}.{tag}.txt" for tag in LANGUAGES if tag != text.language},
        there={one.name for one in texts.texts(app) if one.path.is_file()},
        plain=f"{stem}.txt" if text.language else "",
    )
    return Response(html, status)
