"""What other people's servers send, decoded and scrubbed once.

Whatever leaves here can be stored in any database, written as UTF-8 and rendered: no NUL, no half of a surrogate pair, no
number beyond 64 bits, nothing nested without end. All functions raise ValueError and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any
from urllib.parse import parse_qsl

import requests

DEEPEST = 64  # levels; the vendors' own objects have about ten
LARGEST = 2**63  # what an integer column holds
FIELDS = 200  # of a form
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(words: str) -> str:
    """Return a text with U+FFFD for what databases and encoders refuse: NUL and lone surrogates."""
    return words if words.isascii() and "\x00" not in words else _UNSTORABLE.sub("\ufffd", words)


def decoded(body: bytes | str) -> Any:
    """Return the value that a JSON text stands for, scrubbed. Bytes are read as UTF-8, whatever they are."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        return _scrubbed(json.loads(text, strict=False), DEEPEST)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def answer_of(response: requests.Response) -> Any:
    """Return the JSON in an answer, scrubbed."""
    return decoded(response.content)


def words_of(response: requests.Response, most: int) -> str:
    """Return the beginning of an answer's text, for an error message."""
    return clean(response.content[: 4 * most].decode("utf-8", "replace"))[:most]


def form_of(body: bytes | str) -> list[tuple[str, str]]:
    """Return the names and values of a form or a query, in order and scrubbed; at most two hundred."""
    text = body.decode() if isinstance(body, bytes) else body
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS)
    return [(clean(name), clean(value)) for name, value in pairs]


def _scrubbed(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError("nested too deeply")
        if isinstance(value, list):
            return [_scrubbed(one, levels - 1) for one in value]
        return {clean(name): _scrubbed(one, levels - 1) for name, one in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        return str(value)
    return value
