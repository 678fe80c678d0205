"""The safety net: what it catches in twelve languages, and how often it calls people to an ordinary message.

    python bench/safety.py [--data DIR] [--rows test|train] [--show]

`data/safety/xx.toml` holds messages by topic and ordinary ones that share words with them; they were written before the words of the
net and nothing is read from them but here. With DIR (clinc150/ and banking77/ as JSONL) the false calls on public ordinary messages are
counted, too: `--rows train` is for choosing, `test` for reporting. `--show` prints what is missed and what is called falsely.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.classify.plain import table
from core.classify.recall import interval
from core.classify.safety import dangers, topics
from core.classify.starter import held_out
from core.language import LANGUAGES

HERE = Path(__file__).parent / "data" / "safety"
ORDINARY = "ordinary"


def main() -> None:
    args = _arguments()
    rows = []
    for language in LANGUAGES:
        texts = tomllib.loads((HERE / f"{language}.toml").read_text("utf-8"))
        found = {topic.name: _called(texts[topic.name], args.show, missed=True) for topic in topics()}
        false = _called(texts[ORDINARY], args.show, missed=False)
        calm = _called(
            [one for lines in held_out(language).values() for one in lines], args.show, missed=False
        )
        rows.append(
            (
                language,
                *_share([sum(one) for one in zip(*found.values(), strict=True)]),
                *_share(false),
                *_share(calm),
            )
        )
    head = (
        "language",
        "caught",
        "95 % interval",
        "false among near misses",
        "interval",
        "false among held-out messages",
        "interval",
    )
    print(table(head, rows), flush=True)
    if args.data:
        public = [
            (name, *_share(_called(texts, args.show, missed=False)))
            for name, texts in _public(args.data, args.rows)
        ]
        print("\n" + table(("public messages", "false calls", "95 % interval"), public))
    print(f"\nmilliseconds for one message, p50 and p99: {_speed():s}")


def _called(texts: list[str], show: bool, *, missed: bool) -> tuple[int, int]:
    """How many of the texts the net catches, of how many; `missed`: print the others instead."""
    found = [(text, dangers(text)) for text in texts]
    if show:
        for text, caught in found:
            if bool(caught) != missed:
                print(f"  {'missed' if missed else 'false'}: {text} {[(d.topic, d.words) for d in caught]}")
    return sum(bool(caught) for _, caught in found), len(texts)


def _share(counted: tuple[int, int] | list[int]) -> tuple[str, str]:
    right, of = counted
    return f"{right} of {of}", "{:.4f} to {:.4f}".format(*interval(right, of))


def _public(folder: Path, part: str) -> Iterator[tuple[str, list[str]]]:
    names = {"clinc150": [part, f"oos_{part}"], "banking77": [part]}
    for name, files in names.items():
        lines = [
            line
            for file in files
            for line in (folder / name / f"{file}.jsonl").read_text("utf-8").splitlines()
        ]
        yield f"{name} {part}", [json.loads(line)["text"] for line in lines if line]


def _speed() -> str:
    texts = [text for language in LANGUAGES for lines in held_out(language).values() for text in lines]
    times = []
    for text in texts:
        begun = time.thread_time()
        dangers(text)
        times.append(1000 * (time.thread_time() - begun))
    times.sort()
    return f"{times[len(times) // 2]:.2f}, {times[int(len(times) * 0.99)]:.2f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", choices=["test", "train"], default="test")
    parser.add_argument("--show", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
