"""From a message to the words that the classifier reads, and from there to what it counts."""

from __future__ import annotations

import re
import unicodedata

from core.mail.characters import clean
from core.mail.said import said

WORDS_LIMIT = 8_000
FEATURE_LIMIT = 4_000

STANDS_FOR = frozenset({"xxurl", "xxmail", "xxmoney", "xxnum"})
"""What stands in the place of addresses and numbers; no word that anybody knows."""

_URL = re.compile(r"(?:https?://|www\.)\S+")
_MAIL = re.compile(r"[^\s@<>\"(),:;]{1,64}@[^\s@<>\"(),:;]{1,255}")
_DIGIT = re.compile(r"\d")
_NUMBERS = (
    (re.compile(r"[$€£¥]\s?\d[\d.,]*|(?<!\d)\d[\d.,]{0,20}\s?(?:[$€£¥]|usd\b|eur\b|gbp\b)"), " xxmoney "),
    (re.compile(r"(?<![a-z0-9])[a-z]{0,5}[-_#]?\d[\d.,:/_-]{2,}"), " xxnum "),
    (re.compile(r"(?<![a-z0-9])#?\d{1,3}(?![a-z0-9])"), " xxnum "),
)


_SHORT = (
    "don't doesn't didn't can't won't isn't aren't wasn't weren't couldn't wouldn't shouldn't hasn't haven't hadn't "
    "i'm i've you've we've they've you're they're there's that's what's where's how's who's"
)
_TYPED = {one.replace("'", ""): one for one in _SHORT.split()} | {
    "u": "you",
    "ur": "your",
    "r": "are",
    "pls": "please",
    "plz": "please",
    "thx": "thanks",
    "wanna": "want to",
    "gonna": "going to",
    "acc": "account",
    "pw": "password",
}
_TYPED_WORD = re.compile(rf"(?<![\w'])(?:{'|'.join(_TYPED)})(?![\w'])")


def spelt_out(text: str) -> str:
    """Return English that was `normalise`d with what people type instead of an apostrophe or a whole word written out."""
    return _TYPED_WORD.sub(lambda found: _TYPED[found[0]], text)


def customer_words(message_text: str, html: str = "") -> str:
    """Return what the customer says now in a message of which nothing else is known. Never raises."""
    return said(message_text, html).words[:WORDS_LIMIT]


def single(text: str) -> bool:
    """Return whether a text is only numbers, ids and addresses, or at most one word beside them."""
    words = [word for word in re.findall(r"\w+", normalise(text)) if word not in STANDS_FOR]
    return len(words) <= 1


def normalise(text: str) -> str:
    """Return the form that features are counted on: NFKC, lower case, placeholders, the first 4,000 characters."""
    text = unicodedata.normalize("NFKC", clean(text)[:FEATURE_LIMIT])[:FEATURE_LIMIT].lower()
    text = text.replace("’", "'").replace("‘", "'")
    if "//" in text or "www." in text:
        text = _URL.sub(" xxurl ", text)
    if "@" in text:
        text = _MAIL.sub(" xxmail ", text)
    if _DIGIT.search(text):
        for pattern, placeholder in _NUMBERS:
            text = pattern.sub(placeholder, text)
    return " ".join(text.split())
