"""From a raw mail to what the customer said now, and from there to what the classifier counts."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable

log = logging.getLogger(__name__)

HTML_LIMIT = 200_000
WORDS_LIMIT = 8_000
LINE_LIMIT = 300
FEATURE_LIMIT = 4_000
SIGNATURE_LIMIT = 600
SIGN_OFF_WORDS = 6

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "cs", "ja", "ko", "zh")

_LOOKS_HTML = re.compile(r"</[a-z]{1,12}>|<(?:br|p|div|html|body|table|span)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_QUOTED_PARTS = (
    "//blockquote[@type='cite'] | //*[contains(@class, 'gmail_quote')] | //*[contains(@class, 'yahoo_quoted')]"
    " | //*[@id='divRplyFwdMsg']/following-sibling::* | //*[@id='divRplyFwdMsg'] | //style | //script | //head | //title"
)
_REPLY_DELIMITER = re.compile(r"^#{2}-.{0,200}-#{2}\s*$", re.MULTILINE)
_DANISH_PREFIX = re.compile(r"(?:tak|knus|kh|dbh|mvh)\w", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

_PLACEHOLDERS = (
    (re.compile(r"(?:https?://|www\.)\S+"), " xxurl "),
    (re.compile(r"[^\s@<>\"(),:;]{1,64}@[^\s@<>\"(),:;]{1,255}"), " xxmail "),
    (re.compile(r"[$€£¥]\s?\d[\d.,]*|(?<!\d)\d[\d.,]{0,20}\s?(?:[$€£¥]|usd\b|eur\b|gbp\b)"), " xxmoney "),
    (re.compile(r"(?<![a-z0-9])[a-z]{0,5}[-_#]?\d[\d.,:/_-]{2,}"), " xxnum "),
    (re.compile(r"(?<![a-z0-9])#?\d{1,3}(?![a-z0-9])"), " xxnum "),
)


def customer_words(message_text: str, html: str = "") -> str:
    """What the customer said now: no markup, quoted history, signature or disclaimer. Never raises."""
    raw = _from_html(html) or _plain(message_text)
    text = _fold(raw[: 2 * WORDS_LIMIT])[:WORDS_LIMIT]
    return _guarded(_reply_only, text) or text


def normalise(text: str) -> str:
    """The form that features are counted on: NFKC, lower case, placeholders, the first 4,000 characters."""
    text = unicodedata.normalize("NFKC", clean(text)[:FEATURE_LIMIT])[:FEATURE_LIMIT].lower()
    text = text.replace("’", "'").replace("‘", "'")
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return " ".join(text.split())


def clean(text: str) -> str:
    """Text that can be stored and shown: no lone surrogates, control or direction characters."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("", valid.replace("\r\n", "\n").replace("\r", "\n"))


def _plain(text: str) -> str:
    text = text[:HTML_LIMIT]
    if _LOOKS_HTML.search(text):
        return _from_html(text) or clean(text).strip()
    return clean(text).strip()


def _from_html(html: str) -> str:
    """The text of (possibly broken) HTML; "" when there is none."""
    html = clean(html[:HTML_LIMIT])
    if not html.strip():
        return ""
    return _guarded(_rendered, html) or clean(_TAG.sub(" ", html)).strip()


def _rendered(html: str) -> str:
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml.html import document_fromstring  # type: ignore[import-untyped]

    tree = document_fromstring(re.sub(r"^\s*<\?xml[^>]{0,200}\?>", "", html))
    whole = clean(Inscriptis(tree, ParserConfig()).get_text()).strip()
    for part in tree.xpath(_QUOTED_PARTS):
        if part.getparent() is not None:
            part.drop_tree()  # keeps the text behind the element, which may be the customer's own
    return clean(Inscriptis(tree, ParserConfig()).get_text()).strip() or whole


def _guarded(work: Callable[[str], str], text: str) -> str:
    """`work(text)`, or "" when a parser gives up: strange mail must still reach a human."""
    try:
        return work(text)
    except Exception:  # the parsers promise nothing about hostile input
        log.warning("a message could not be taken apart by %s; its raw text is used", work.__name__)
        return ""


def _fold(text: str) -> str:
    """Break very long lines: the reply parser's patterns take quadratic time on one line."""
    return "\n".join(piece for line in text.split("\n") for piece in _pieces(line))


def _pieces(line: str) -> list[str]:
    pieces = []
    while len(line) > LINE_LIMIT:
        cut = line.rfind(" ", LINE_LIMIT // 2, LINE_LIMIT)
        cut = LINE_LIMIT if cut < 0 else cut
        pieces.append(line[:cut])
        line = line[cut:].lstrip(" ")
    return [*pieces, line]


def _reply_only(text: str) -> str:
    from mailparser_reply.parser import EmailMessage

    top = _REPLY_DELIMITER.split(text, maxsplit=1)[0].strip() or text
    mail = EmailMessage(text=top, languages=list(LANGUAGES), keep_hyphen_lists=True).read()
    for reply in mail.replies:
        body = reply.content if reply is mail.replies[0] else ""
        body = body.replace(reply.headers or "", "", 1)
        for disclaimer in reply.disclaimers or []:
            body = body.replace(disclaimer, "", 1)
        words = _unquoted(_unsigned(body, reply.signatures or ""))
        if words:
            return words
    return _unquoted(_without_headers(top, [r.headers or "" for r in mail.replies]))


def _without_headers(text: str, headers: list[str]) -> str:
    for header in filter(None, headers):
        text = text.replace(header, "", 1)
    return text


def _unsigned(body: str, signature: str) -> str:
    """Take a signature off, unless it is no signature: the parser takes any line that begins with
    "Thanks," (or with Danish "tak", so "taking" too) for a sign-off and drops all that follows."""
    start = body.rfind(signature) if signature else -1
    sign_off = signature.split("\n", 1)[0].strip()
    if start <= 0 or len(signature) > SIGNATURE_LIMIT or "?" in signature:
        return body
    if len(sign_off.split()) > SIGN_OFF_WORDS or _DANISH_PREFIX.match(sign_off) or not body[:start].strip():
        return body
    return body[:start]


def _unquoted(text: str) -> str:
    lines = [line for line in text.split("\n") if not line.lstrip().startswith(">")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
