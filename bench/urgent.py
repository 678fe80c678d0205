"""Urgent messages seen and ordinary ones falsely urgent, in twelve languages, and what each floor of suspicion costs.

    python bench/urgent.py [--set second|first] [--rows choose|report|all] [--cost 20] [--show]

`data/urgent/xx.toml` and, for five languages, `data/urgent_second/xx.toml` hold urgent messages by kind and ordinary ones, never learned
from; lines of the same kinds as the first set's were added after it was written, none after the second. "Seen" is as the pipeline sees it: the guess, its runners-up or a single sentence is at or above the kind's floor, or the language
counts as unknown (a human reads it, high priority). "False" is an ordinary message at or above the floor of a kind that calls people.
The second table counts both for each kind and floor in all languages; `--cost` is what a missed urgent message costs in false calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.classify.build import embedded_of
from core.classify.multilingual import Multilingual, alarms
from core.classify.plain import table
from core.classify.recall import interval
from core.classify.starter import URGENT
from core.language import LANGUAGES
from core.model import Prediction
from core.settings import Settings

HERE = Path(__file__).parent / "data"
SETS = {"first": HERE / "urgent", "second": HERE / "urgent_second"}
ORDINARY = "ordinary"
PAGES = URGENT[:-1]  # the wish for a human routes to people, it does not wake them
FLOORS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
PARTS = {"choose": slice(0, None, 2), "report": slice(1, None, 2), "all": slice(None)}
Rows = dict[str, list[tuple[str, Prediction]]]  # by kind


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(path=Path("backstop.toml"), classifier={"cache": folder})
        files = {one: SETS[args.set] / f"{one}.toml" for one in LANGUAGES}
        classifier, part = embedded_of(settings), PARTS[args.rows]
        found = {one: _rows(classifier, path, part) for one, path in files.items() if path.exists()}
    print(
        table(
            ("language", "urgent seen", "95 % interval", *URGENT, "false", "95 % interval"),
            list(_lines(found)),
        )
    )
    print("\n" + table(("kind", "floor", "missed", "false", "cost"), list(_costs(found, args.cost))))
    if args.show:
        _show(found)


def _rows(classifier: Multilingual, path: Path, part: slice) -> Rows:
    texts = tomllib.loads(path.read_text("utf-8"))
    return {
        kind: [(text, classifier.examine(text, text)) for text in lines[part]]
        for kind, lines in texts.items()
    }


def _lines(found: dict[str, Rows]) -> Iterator[tuple[str, ...]]:
    for language, rows in found.items():
        seen = {kind: [_seen(one) for _, one in rows[kind]] for kind in URGENT}
        false = [_false(one) for _, one in rows[ORDINARY]]
        yield (
            language,
            *_share([flag for flags in seen.values() for flag in flags]),
            *(f"{sum(flags)} of {len(flags)}" for flags in seen.values()),
            *_share(false),
        )


def _costs(found: dict[str, Rows], cost: float) -> Iterator[tuple[str, float, str, str, str]]:
    """What each floor of one kind misses (seen as no urgent kind at all) and calls falsely, the other kinds' floors as they are."""
    for kind in URGENT:
        own = [one for rows in found.values() for _, one in rows[kind]]
        ordinary = [one for rows in found.values() for _, one in rows[ORDINARY]]
        for floor in FLOORS:
            missed = sum(
                not one.blind and not _at(one, kind, floor) and not _others(one, kind) for one in own
            )
            false = sum(_at(one, kind, floor) for one in ordinary)
            share = cost * missed / len(own) + false / len(ordinary)
            yield kind, floor, f"{missed} of {len(own)}", f"{false} of {len(ordinary)}", f"{share:.3f}"


def _at(found: Prediction, kind: str, floor: float) -> bool:
    return alarms(found, 0.0).get(kind, -1.0) >= floor


def _others(found: Prediction, kind: str) -> bool:
    return bool(alarms(found).keys() - {kind})


def _seen(found: Prediction) -> bool:
    return bool(found.blind or alarms(found))


def _false(found: Prediction) -> bool:
    return bool(alarms(found).keys() & set(PAGES))


def _share(flags: Iterable[bool]) -> tuple[str, str]:
    values = list(flags)
    return f"{sum(values)} of {len(values)}", "{:.3f} to {:.3f}".format(*interval(sum(values), len(values)))


def _show(found: dict[str, Rows]) -> None:
    for language, rows in found.items():
        for kind, judged in rows.items():
            for text, one in judged:
                if (kind in URGENT and not _seen(one)) or (kind == ORDINARY and _false(one)):
                    heard = " ".join(f"{name} {sure:.2f}" for name, sure in alarms(one, 0.05).items())
                    print(f"{language} {kind}: {one.intent} {one.confidence:.2f} [{heard}] | {text}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="second")
    parser.add_argument("--rows", choices=PARTS, default="all")
    parser.add_argument("--cost", type=float, default=20.0)
    parser.add_argument("--show", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
