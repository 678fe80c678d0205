"""Greetings, filler and goodbyes, which say nothing of what a customer wants and would only make messages alike, or unlike."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FEWEST = 2  # words that must be left
TAIL = 160  # characters, in which a goodbye is looked for
_WORDS = re.compile(r"\w+")


def wish(text: str) -> str:
    """Return the text without the greeting it begins with and the goodbye it ends with; whole where hardly a word would be left."""
    opening, casual, closing = _patterns()
    rest = casual.sub("", opening.sub("", text.rstrip(), count=1), count=1)
    rest = rest[:-TAIL] + closing.sub("", rest[-TAIL:], count=1)
    return rest if len(_WORDS.findall(rest)) >= FEWEST else text


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    table = tomllib.loads(Path(__file__).with_name("courtesy.toml").read_text("utf-8")).values()
    greeting, formal, closing = (
        _any(one[kind] for one in table) for kind in ("greeting", "formal", "closing")
    )
    whom = r"(?:\s+(?:there|team|guys|folks|all|everyone|everybody|again|support|sir|madam|zusammen|à tous|a tutti|a todos))?"
    named = r"(?-i:[^\W\d_a-z]\w*\.?)"
    name = rf"(?:\s+{named}){{0,3}}"
    end = r"\s*(?:[,.!:;–-]+|\n)\s*"
    opening = (
        rf"\A\s*(?:(?:{greeting}){whom}{name}{end}|(?:{formal})(?:\s+[\w./-]+){{1,5}}?\s*[,!:\n]+\s*){{1,2}}"
    )
    few = r"(?: [\w'’-]+){0,5}"
    last = rf"(?<=[,.!?;:)\n])\s*(?:(?:{closing})\b{few}[\s.,!:)-]*){{1,2}}(?:{named}\s*){{0,3}}\Z"
    filler = _any(one.get("filler", "") for one in table)
    casual = rf"\A\s*(?:(?:{_any(one.get('bare', '') for one in table)})\b{whom}\s+)?(?:(?:{filler})\b[\s,.!:;–-]*)*"
    return re.compile(opening, re.I), re.compile(casual, re.I), re.compile(last, re.I)


def _any(entries: Iterable[str]) -> str:
    words = {word.strip() for entry in entries for word in entry.split(",")} - {""}
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
