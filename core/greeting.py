"""The name by which a customer may be greeted: only what is surely a first name. Pure.

The name field holds what people, forms, phone systems and spam relays put there. A greeting by a wrong name is
worse than none, and a relay's message in the name would be carried to its victim.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

LONGEST = 40
MOST_WORDS = 5
_BEHIND = re.compile(
    r"\s*(?:[(\[{|/]|\s[-–—]\s|\s@\s|,\s*(?:ph\.?d|m\.?d|msc|bsc|mba|jr|sr|esq)\b).*$", re.IGNORECASE
)
_NAME = re.compile(r"^[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*$")
_LETTERS_ONLY = re.compile(r"^[^\W\d_]+(?:[\s.'’ʼ,-]+[^\W\d_]+)*\.?$")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)
_NO_CASE = re.compile(
    r"[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_FAMILY = re.compile(r"(?:ов|ова|ев|ева|ёв|ёва|ский|ская|цкий|цкая|енко|чук|щук)$")


def first_name(name: str) -> str:
    """Return the first name in a name field ("Dr. Anna Weber" → "Anna"); "" where there is none for sure: titles with a
    family name alone, roles, articles, companies, families, callers, addresses, numbers, sentences."""
    plain = _BEHIND.sub("", " ".join(name.split()))
    if len(name) > LONGEST or not _LETTERS_ONLY.match(plain) or _NO_CASE.search(plain):
        return ""
    words, titled = _without_titles(_in_order(plain).split())
    if not words or len(words) > MOST_WORDS or (titled and len(words) == 1) or _is_nobody(words):
        return ""
    first = words[0]
    if not _NAME.match(first) or len(first) < 2 or _POSSESSIVE.search(first):  # noqa: PLR2004
        return ""
    return _written(first, words)


def _in_order(name: str) -> str:
    """ "Weber, Anna" as "Anna Weber"; a name with more commas is none."""
    family, comma, given = name.partition(",")
    return f"{given.strip()} {family.strip()}" if comma and "," not in given else name


def _without_titles(words: list[str]) -> tuple[list[str], bool]:
    titles = 0
    while titles < len(words) and _key(words[titles]) in _table()["titles"]:
        titles += 1
    return words[titles:], titles > 0


def _is_nobody(words: list[str]) -> bool:
    keys = [_key(word) for word in words]
    table = _table()
    return (
        keys[0] in table["first"]
        or keys[0] in table["families"]
        or any(key in table["anywhere"] for key in keys)
        or (len(keys) > 1 and (keys[-1] in table["last"] or bool(_FAMILY.search(keys[0]))))
    )


def _written(first: str, words: list[str]) -> str:
    """Return a name as it is written, one in all capitals or all small letters capitalised. A single such word
    is "": it is more likely part of an address or a company."""
    if any(word != word.upper() and word != word.lower() for word in words):
        return first if first[0].isupper() and first != first.upper() else ""
    return first.title() if len(words) > 1 and (first.islower() or first.isupper()) else ""


def _key(word: str) -> str:
    return word.casefold().replace(".", "").strip("'’-,")


@cache
def _table() -> dict[str, frozenset[str]]:
    table = tomllib.loads(Path(__file__).with_name("not_names.toml").read_text("utf-8"))
    return {name: frozenset(words) for name, words in table.items()}
