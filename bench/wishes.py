"""Wishes that are none: how many are answered as that wish, how many are named to a specialist, and what holding them back costs.

    python bench/wishes.py [--set sixth|seventh|eighth|older|all] [--data DIR] [--show]

A wish may be negated, past, hypothetical or reported. Each set of `data/mail_blind` was written before the code that it was first read
with. The price is the share of ordinary messages that would be answered and are not: held-out messages in twelve languages, the
ordinary ones of `data/ordinary`, and, with `--data`, those of CLINC150 and Banking77 (DIR has `clinc150` and `banking77`; half of each
intent's messages teach it).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.classify.build import embedded_of
from core.classify.linear import LinearClassifier, fit
from core.classify.plain import table
from core.classify.starter import URGENT, held_out, starter
from core.language import LANGUAGES
from core.model import NO_INTENT, Prediction
from core.reports.intervals import wilson
from core.settings import Settings

DATA = Path(__file__).parent / "data"
AUTO, ROUTE = 0.85, 0.6
OLDER = ("negation", "negation_second", "negation_third", "negation_fourth", "told_fourth", "negation_fifth")
SETS = ("sixth", "seventh", "eighth")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=(*SETS, "older", "all"), default="all")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", action="store_true", help="print what is answered, and what the rule costs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        classifier = embedded_of(Settings(path=Path("backstop.toml"), classifier={"cache": folder}))
        rows = [(*one, classifier.predict(one[-1])) for one in wishes(args.set)]
        print(table(("set", "kind", "wishes", "answered", "95 %", "named"), _rows(rows)), "\n")
        _show(rows, args.show)
        prices = [_price(name, classifier, texts, shown=args.show) for name, texts in _ordinary()]
    if args.data:
        prices += [_price(*one, shown=args.show) for one in _public(args.data)]
    print(
        table(
            ("ordinary messages", "answered without the rule", "lost", "95 %", "named", "lost", "95 %"),
            prices,
        )
    )


def wishes(which: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield set, kind, language and text of each wish that is none."""
    names = [f"wishes_{one}" for one in SETS if which in {one, "all"}]
    names += OLDER if which in {"older", "all"} else ()
    for name in names:
        path = DATA / "mail_blind" / f"{name}.toml"
        for language, found in tomllib.loads(path.read_text("utf-8")).items() if path.exists() else ():
            kinds = found if isinstance(found, dict) else {"mixed": found}
            yield from ((name, kind, language, text) for kind, texts in kinds.items() for text in texts)


def _rows(rows: Sequence[tuple[str, str, str, str, Prediction]]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for name, kind in dict.fromkeys(one[:2] for one in rows):
        own = [one[-1] for one in rows if one[:2] == (name, kind)]
        sure, named = sum(map(answered, own)), sum(map(_named, own))
        found.append((name, kind, len(own), sure, _interval(sure, len(own)), named))
    return found


def answered(found: Prediction) -> bool:
    """Return whether an automatic answer is possible: an urgent intent has none."""
    return found.confidence >= AUTO and found.intent not in {*URGENT, NO_INTENT}


def _named(found: Prediction) -> bool:
    """Return whether a specialist is told that this is wanted."""
    return found.confidence >= ROUTE and found.intent != NO_INTENT


def _show(rows: Sequence[tuple[str, str, str, str, Prediction]], shown: bool) -> None:
    for name, kind, language, text, one in rows if shown else ():
        if answered(one) or _named(one):
            print(f"{name:16} {kind:12} {language} {one.intent:20} {one.confidence:.2f} | {text}")


def _ordinary() -> Iterator[tuple[str, list[str]]]:
    for language in LANGUAGES:
        yield language, [text for texts in held_out(language).values() for text in texts]
    for path in sorted((DATA / "ordinary").glob("*.toml")):
        yield path.stem, [text for texts in tomllib.loads(path.read_text("utf-8")).values() for text in texts]


def _price(name: str, classifier: Any, texts: Sequence[str], *, shown: bool) -> tuple[object, ...]:
    with mock.patch.object(LinearClassifier, "_held_back", return_value=("", 1.0)):
        would = [classifier.predict(text) for text in texts]
    found = [classifier.predict(text) for text in texts]
    counts: list[object] = []
    for kind, enough in (("answer", answered), ("name", _named)):
        could = [(text, one) for text, before, one in zip(texts, would, found, strict=True) if enough(before)]
        lost = [(text, one) for text, one in could if not enough(one)]
        counts += [len(could), len(lost), _interval(len(lost), len(could))]
        for text, one in lost if shown else ():
            print(f"lost {kind}, {name:14} {one.unread[:60]} | {text}")
    return name, *counts


def _interval(k: int, n: int) -> str:
    return "{:.2f}–{:.2f}".format(*wilson(k, n))


def _public(folder: Path) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield the public sets by name, each with a classifier taught by half of its messages, and the other half."""
    for name in ("clinc150", "banking77"):
        lines = (folder / name / "test.jsonl").read_text("utf-8").splitlines()
        by_intent: dict[str, list[str]] = defaultdict(list)
        for row in map(json.loads, lines):
            by_intent[row["label"]].append(row["text"])
        taught = {intent: texts[::2] for intent, texts in by_intent.items()}
        asked = [text for texts in by_intent.values() for text in texts[1::2]]
        yield name, fit(taught, starter().background), asked


if __name__ == "__main__":
    main()
