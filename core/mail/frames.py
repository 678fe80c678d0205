"""The words that mail programs and letter writers put around what is said: `frames.toml`, made searchable."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROLES = ("from", "date", "to", "cc", "subject")
_EDGES = re.compile(r"^[\W_]+|(?:[^\w)]|_)+$")
_SPACES = re.compile(r"\s+")
_SPACED_WORD = r"[^\W\u0e00-\u0eff\u1100-\uffff]"  # a letter of a script that puts spaces between words
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Frames:
    """Of all languages at once, as keys (see `key`); `own` by the verb that shows the language."""

    labels: Mapping[str, frozenset[str]]  # a label of a header block → what it may stand for
    original: frozenset[str]
    forwarded: frozenset[str]
    closing: frozenset[str]
    sent: re.Pattern[str]
    wrote: re.Pattern[str]
    own: Mapping[str, frozenset[str]]
    device: re.Pattern[str]
    title: re.Pattern[str]
    notice: re.Pattern[str]
    banner: re.Pattern[str]
    small: frozenset[str]
    reply_line: re.Pattern[str]


def key(text: str) -> str:
    """Return the form in which phrases are compared: lower case, no accents, no punctuation around them."""
    plain = text.casefold()
    if not plain.isascii():  # else there is no accent: most of what is read is ASCII
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _SPACES.sub(" ", _EDGES.sub("", plain)).strip()


def squashed(text: str) -> str:
    """Return only the letters and digits of a text as words between spaces: line breaks, quotation marks and markup
    make no difference then."""
    return f" {_NO_LETTERS.sub(' ', key(text)).strip()} "


@cache
def frames() -> Frames:
    """Return the table, read once."""
    table = tomllib.loads((Path(__file__).parent / "frames.toml").read_text("utf-8"))
    languages = [language for language in table.values() if isinstance(language, dict)]
    labels: dict[str, set[str]] = {}
    for language in languages:
        for role in ROLES:
            for label in language.get(role, ()):
                labels.setdefault(key(label), set()).add(role)
    own: dict[str, set[str]] = {}
    for language in languages:
        for verb in language["wrote"]:
            own.setdefault(key(verb), set()).update(map(str.casefold, language.get("own", ())))
    return Frames(
        labels={label: frozenset(roles) for label, roles in labels.items()},
        original=_keys(languages, "original"),
        forwarded=_keys(languages, "forwarded"),
        closing=_keys(languages, "closing"),
        sent=_any_of(_keys(languages, "sent")),
        wrote=_any_of(own),
        own={verb: frozenset(words) for verb, words in own.items()},
        device=_any_of(map(key, table["device"])),
        title=_any_of(_keys(languages, "title")),
        notice=_any_of(_keys(languages, "notice")),
        banner=_any_of(_keys(languages, "banner")),
        small=frozenset(table["small"]),
        reply_line=_any_of(_keys(languages, "reply_line")),
    )


def _keys(languages: Iterable[Mapping[str, list[str]]], name: str) -> frozenset[str]:
    return frozenset(key(phrase) for language in languages for phrase in language.get(name, ()))


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the keys as whole words; where a script writes no spaces, anywhere."""
    groups: dict[tuple[bool, bool], list[str]] = {}
    for word in sorted(filter(None, words), key=len, reverse=True):
        groups.setdefault((_spaced(word[0]), _spaced(word[-1])), []).append(re.escape(word))
    return re.compile("|".join(_whole(*edges, "|".join(some)) for edges, some in groups.items()))


def _whole(before: bool, after: bool, words: str) -> str:
    """The words with what may not stand beside them; once for all of them, because the class takes long to compile."""
    begin = rf"(?<!{_SPACED_WORD})" if before else ""
    end = rf"(?!{_SPACED_WORD})" if after else ""
    return f"{begin}(?:{words}){end}"


def _spaced(letter: str) -> bool:
    """Whether the letter is of a script that puts spaces between words."""
    return letter < "\u0e00" or "\u0eff" < letter < "\u1100"
