"""Odd inputs without end, the same ones in every run: recorded ones damaged, and what no vendor ever sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

NUMBER = 5000  # inputs of each parser
TOKENS = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\\ud800",
    b"\\udfff\\ud800",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\r\n\r\n",
    b"\n",
    b"\t",
    b'"',
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[" * 80,
    b'{"a":' * 80,
    b",",
    b":",
    b"=",
    b"&",
    b"%00",
    b"%ff",
    b"%",
    b"+",
    b"null",
    b"true",
    b"1e999",
    b"-1e999",
    b"NaN",
    b"-0",
    b"9" * 20,
    b"9" * 400,
    b"9" * 4400,
    b"0x1",
    b"\xd9\xa3",
    b"\xc2\xb2",
    b"<a>",
    b"<!--",
    b"]]>",
    b"&#0;",
    b"&lt;",
    b"../",
    b"{{x}}",
    b"${x}",
    b"%s",
    b"2026-11-27T10:00:00Z",
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"T",
    b"-- ",
    b"> ",
    b"@",
    b"a@b",
    b"http://x",
    b"javascript:",
    b"=?klingon?q?x?=",
    b"charset=klingon",
    b"boundary=",
    b"base64",
    b"multipart/report",
]
VALUES: Sequence[Any] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    -(2**70),
    10**30,
    0.5,
    1e308,
    "",
    " ",
    "0",
    "null",
    "\0",
    "a\ud800b",
    "9" * 30,
    "²",
    "x" * 3000,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"id": None},
    {"": ""},
    {"id": [1]},
    [1, "a", {}, None],
    "2026-11-27",
    "9999-12-31T23:59:59-23:59",
    "not a time",
)


def damaged(rng: Random, seed: bytes) -> bytes:
    """One to four damages of the kinds that lines, proxies and attackers do."""
    raw = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(raw))
        match rng.randrange(7):
            case 0:
                raw[at:at] = rng.choice(TOKENS)
            case 1:
                raw[at : at + rng.randint(1, 8)] = rng.choice(TOKENS)
            case 2:
                del raw[at : at + rng.randint(1, 40)]
            case 3:
                del raw[at:]
            case 4 if raw:
                raw[rng.randrange(len(raw))] = rng.randrange(256)
            case 5:
                raw[at:at] = raw[: rng.randint(0, min(len(raw), 60))]
            case _:
                raw[at:at] = rng.randbytes(rng.randint(1, 12))
    return bytes(raw)


def changed(rng: Random, seed: str) -> Any:
    """The value of a JSON text with one to three of its parts exchanged, removed or doubled."""
    value = json.loads(seed)
    for _ in range(rng.randint(1, 3)):
        spots = list(_spots(value))
        if not spots:
            return rng.choice(VALUES)
        holder, key = rng.choice(spots)
        match rng.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(holder[key])
            case 2:
                holder[key] = [holder[key]] if rng.random() < 0.5 else {"id": holder[key]}
            case _:
                holder[key] = copy.deepcopy(rng.choice(VALUES))
    return value


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _spots(value[key])


def bodies(name: str, seeds: Sequence[bytes], number: int) -> Iterator[bytes]:
    """Odd bodies: damaged seeds, changed JSON, and noise. `name` makes each door's different."""
    rng = Random(name)  # nosec B311
    told = [json.dumps(value) for seed in seeds if (value := _json(seed)) is not None]
    for n in range(number):
        if n % 10 == 0:
            yield b"".join(rng.choice(TOKENS) for _ in range(rng.randint(0, 6)))
        elif told and n % 2:
            yield json.dumps(changed(rng, rng.choice(told))).encode()
        else:
            yield damaged(rng, rng.choice(seeds))


def values(name: str, seeds: Sequence[Any], number: int) -> Iterator[Any]:
    """Odd JSON values."""
    rng, told = Random(name), [json.dumps(seed) for seed in seeds]  # nosec B311
    for n in range(number):
        yield copy.deepcopy(rng.choice(VALUES)) if n % 50 == 0 else changed(rng, rng.choice(told))


def texts(name: str, seeds: Sequence[str], number: int, most: int) -> Iterator[str]:
    """Odd texts of at most `most` characters."""
    for raw in bodies(name, [seed.encode() for seed in seeds], number):
        yield raw.decode("utf-8", "surrogateescape" if len(raw) % 5 == 0 else "replace")[:most]


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def survives(
    work: Callable[[Any], Any], inputs: Iterator[Any], declared: type[Exception] | tuple[type[Exception], ...]
) -> int:
    """Feed all inputs; the number of those that were taken. Anything but the declared errors fails, with the input."""
    taken = 0
    for one in inputs:
        try:
            work(one)
        except declared:
            continue
        except Exception as err:
            raise AssertionError(f"{type(err).__name__}: {err}\nfor {one!r}"[:4000]) from err
        taken += 1
    return taken
