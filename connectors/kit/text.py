"""Words on their way to a desk and back. Pure."""

from __future__ import annotations

import html as markup
import logging
import re
import unicodedata
from collections.abc import Iterable

log = logging.getLogger(__name__)

MOST_HTML = 200_000  # characters
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # markup may not hold them
_TAG = re.compile(r"<[^<>]*>")


def as_html(words: str) -> str:
    """Return plain text as HTML for a mail, with all markup escaped."""
    paragraphs = re.split(r"\n\s*\n", words.strip())
    return "".join(f"<p>{markup.escape(one, quote=False).replace(chr(10), '<br>')}</p>" for one in paragraphs)


def squeezed(words: str) -> str:
    """Return a text without white space, in NFKC, for comparison: servers rewrite HTML."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))


def intent_in(tags: Iterable[str], prefix: str) -> str:
    """Return the intent that the tags name; "" when they name none, or several."""
    begins = f"{prefix}intent_".casefold()
    named = {tag[len(begins) :] for tag in tags if tag.casefold().startswith(begins)}
    return named.pop() if len(named) == 1 else ""


def numbered(*clicks: str) -> str:
    """Return manual steps as text, one numbered line each."""
    return "\n".join(f"{n}. {click}" for n, click in enumerate(clicks, 1))


def counted(key: str, n: int) -> str:
    """Return the key of the n-th write of its kind, from 0; the first one has no number."""
    return key if n == 0 else f"{key}{n + 1}"


def words_in(html: str) -> str:
    """Return the plain text of HTML, of its first 200,000 characters. Never raises: where the renderer fails, tags are
    stripped."""
    if "<" not in html and "&" not in html:
        return html.strip()
    from inscriptis import get_text

    short = _CONTROL.sub("", html[:MOST_HTML])
    try:
        return str(get_text(short)).strip()
    except Exception as err:  # the renderer promises nothing about hostile markup
        log.warning("a message's HTML cannot be rendered (%s): its tags are stripped", type(err).__name__)
        return markup.unescape(_TAG.sub(" ", short)).strip()
