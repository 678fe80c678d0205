"""An HTML mail as the lines that its reader sees, with what the mail program marked as quoted."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from core.mail.characters import clean
from core.mail.headers import is_forwarded
from core.mail.lines import Line, Mark, deeper, line_of, lines_of
from core.mail.styles import Seen, drops, seen_in, sheet, style_of

log = logging.getLogger(__name__)

HTML_LIMIT = 200_000
_LOOKS_HTML = re.compile(r"</[a-z]{1,12}>|<(?:br|p|div|html|body|table|span)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
_NO_TEXT = frozenset(("style", "script", "head", "title", "template", "noscript"))
# A mark is a line of its own in the rendered text. Noncharacters: `clean` has taken them out of the mail itself.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARKED = re.compile(f"([{_OPEN}{_CLOSE}])([a-z])")
_LETTERS = {"b": Mark.NONE, "q": Mark.QUOTE, "a": Mark.ATTRIBUTION, "h": Mark.HISTORY, "s": Mark.SIGNATURE}
_QUOTES = re.compile(r"\b(?:\w+_quote|yahoo_quoted|zmail_extra|airmail|front-blockquote)")
_CONTAINERS = re.compile(
    r"\b(?:\w+_quote|yahoo_quoted|zmail_extra|moz-forward-container|messageReplySection|gmail_extra|replybody1|__QUOTED_TEXT__"
    r"|__HEADERS__|OLK_SRC_BODY_SECTION|reply-quote)\b"
)
_ATTRIBUTIONS = re.compile(r"\b(?:gmail_attr|moz-cite-prefix|reply-intro|zmail_attr|yahoo_quoted_header)\b")
_BELOW = frozenset(
    (
        "divRplyFwdMsg",
        "appendonsend",
        "x_divRplyFwdMsg",
        "x_appendonsend",
        "mail-editor-reference-message-container",
        "zwchr",
    )
)
_SIGNATURES = re.compile(
    r"\b(?:gmail_signature|ms-outlook-mobile-signature|protonmail_signature_block|moz-signature|messageSignatureSection|front-signature|Signature)\b"
)


def seen_lines(text: str, html: str = "") -> tuple[Line, ...]:
    """Return what is seen of a message: of its HTML where there is some, else of its text. Never raises."""
    if html.strip():
        lines = _lines_of_html(html)
        if any(not line.blank for line in lines):
            return lines
    return _lines_of_html(text) if _LOOKS_HTML.search(text[:HTML_LIMIT]) else lines_of(text[:HTML_LIMIT])


def _lines_of_html(html: str) -> tuple[Line, ...]:
    html = clean(html[:HTML_LIMIT])
    if not html.strip():
        return ()
    lines = _guarded(_rendered, html)
    return lines if any(not line.blank for line in lines) else lines_of(_TAG.sub(" ", html))


def _guarded(work: Callable[[str], tuple[Line, ...]], text: str) -> tuple[Line, ...]:
    """`work(text)`, or () when a parser gives up: strange mail must still reach a human."""
    try:
        return work(text)
    except Exception:  # the parsers promise nothing about hostile input
        log.warning("a message's HTML could not be read; its text without the tags is used")
        return ()


def _rendered(html: str) -> tuple[Line, ...]:
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml.html import document_fromstring  # type: ignore[import-untyped]

    tree = document_fromstring(_DECLARATION.sub("", html))
    _hide(tree)
    _mark(tree)
    return tuple(_unmarked(Inscriptis(tree, ParserConfig()).get_text()))


def _hide(tree: Any) -> None:
    """Take out what the styles hide. Sizes and colours are inherited, so each text is asked for itself."""
    rules = sheet([element.text or "" for element in tree.iter("style")])
    seen: dict[Any, Seen] = {}
    for element in list(tree.iter()):
        parent = element.getparent()
        if parent is not None and parent not in seen:
            continue  # inside something that is gone
        around = seen[parent] if parent is not None else Seen()
        if not isinstance(element.tag, str):  # a comment: its tail is the parent's
            element.tail = "" if around.hidden else element.tail
            continue
        style = style_of(element, rules)
        if element.tag in _NO_TEXT or drops(style):
            if parent is not None:
                element.drop_tree() if not around.hidden else parent.remove(element)
            continue
        seen[element] = here = seen_in(style, around)
        if here.hidden:
            element.text = ""
        if around.hidden:
            element.tail = ""


def _mark(tree: Any) -> None:
    """Put marks around what mail programs mark as quoted, attributed, earlier, or a signature."""
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.getparent() is None:
            continue
        names = " ".join(filter(None, (element.get(a) for a in ("class", "id", "name", "data-marker"))))
        if element.tag == "blockquote":
            sure = element.get("type") == "cite" or _QUOTES.search(names)
            _around(element, "q" if sure else "b")
        elif element.get("id") in _BELOW:
            _to_the_end(element)
        elif _ATTRIBUTIONS.search(names) and not _forwards(element):
            _around(element, "a")
        elif _SIGNATURES.search(names):
            _around(element, "s")
        elif _CONTAINERS.search(names) or element.get("name") == "quote":
            _container(element)


def _container(element: Any) -> None:
    """A container of quoted mail. Where it holds a quotation, only what stands above that is its attribution: the
    rest may be an answer. Where it holds none, all of it is earlier mail. A forwarded mail is neither."""
    if _forwards(element):
        return
    quotation = next((child for child in element if child.tag == "blockquote"), None)
    if quotation is None:
        _around(element, "h")
        return
    before = _marker(element, "a", _OPEN)
    before.tail, element.text = element.text, None
    element.insert(0, before)
    quotation.addprevious(_marker(element, "a", _CLOSE))


def _forwards(element: Any) -> bool:
    lines = (line.strip() for line in element.itertext())
    return is_forwarded(next((line for line in lines if line), ""))


def _to_the_end(element: Any) -> None:
    """From the element on, all that follows in its parent is an earlier mail."""
    parent = element.getparent()
    element.addprevious(_marker(element, "h", _OPEN))
    parent.append(_marker(element, "h", _CLOSE))


def _around(element: Any, letter: str) -> None:
    first = _marker(element, letter, _OPEN)
    first.tail, element.text = element.text, None
    element.insert(0, first)
    element.append(_marker(element, letter, _CLOSE))


def _marker(element: Any, letter: str, side: str) -> Any:
    marker = element.makeelement("div")
    marker.text = side + letter
    return marker


def _unmarked(text: str) -> Iterator[Line]:
    """The rendered lines with the marks that stand around them."""
    open_marks: list[str] = []
    for raw in text.split("\n"):
        pieces = _MARKED.split(raw)
        for place in range(0, len(pieces), 3):
            said = pieces[place]
            if said.strip() or len(pieces) == 1:
                quotes = [letter for letter in open_marks if letter in "bq"]
                marks = [_LETTERS[letter] for letter in open_marks if letter in "qahs"]
                yield deeper(line_of(said), len(quotes), _strongest(marks))
            if place + 2 < len(pieces):
                _turn(open_marks, pieces[place + 1], pieces[place + 2])


def _turn(open_marks: list[str], side: str, letter: str) -> None:
    if side == _OPEN:
        open_marks.append(letter)
    elif letter in open_marks:
        open_marks.reverse()
        open_marks.remove(letter)
        open_marks.reverse()


def _strongest(marks: list[Mark]) -> Mark:
    order = (Mark.HISTORY, Mark.QUOTE, Mark.ATTRIBUTION, Mark.SIGNATURE)
    return next((mark for mark in order if mark in marks), Mark.NONE)
