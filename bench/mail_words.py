"""What is said in a mail? Tables over the texts of `bench/data/mail_words`, per language, program and kind, with intervals, and
the misses; and whether an alarm in the last sentence of a long message is seen.

    python bench/mail_words.py [--set first|second|blind|blind-second|all] [--quick]

Each text names words that must be among the customer's (`must`) and words that must not (`must_not`). The first set was written
before the code that reads it, the second after that read the first without a miss, the blind one by somebody who had not seen
the tables. `--quick` leaves the alarms out, which fit
the classifier.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.classify.plain import table
from core.mail.said import said
from core.reports.intervals import wilson

DATA = Path(__file__).parent / "data"
LENGTHS = (6, 12, 20)  # sentences before the alarm


@dataclass(frozen=True)
class Result:
    """One text and what went wrong with it."""

    mail: dict[str, Any]
    lost: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def right(self) -> bool:
        return not self.lost and not self.kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=("first", "second", "blind", "blind-second", "all"), default="all")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    results = [judge(mail) for mail in read(args.set)]
    for name, key in (("language", "lang"), ("program", "client"), ("kind", "kind")):
        print(f"By {name}\n\n{_by(results, lambda mail, key=key: mail.get(key, 'reply'))}\n")
    _misses(results)
    if not args.quick:
        _alarms(later=args.set == "blind-second")


def read(which: str) -> list[dict[str, Any]]:
    """The texts, each with its file's name."""
    files = {
        f: "second" if f.stem == "second" else "first" for f in sorted((DATA / "mail_words").glob("*.toml"))
    }
    blind = DATA / "mail_blind"
    files |= {blind / "quotes.toml": "blind", blind / "quotes_second.toml": "blind-second"}
    chosen = [f for f, name in files.items() if which in {name, "all"}]
    return [mail | {"file": f.stem} for f in chosen for mail in tomllib.loads(f.read_text("utf-8"))["mail"]]


def judge(mail: dict[str, Any]) -> Result:
    """What of the words that must be said is lost, and what of the others is kept."""
    words = _plain(said(mail.get("text", ""), mail.get("html", ""), subject=mail.get("subject", "")).words)
    lost = tuple(one for one in mail.get("must", ()) if _plain(one) not in words)
    kept = tuple(one for one in mail.get("must_not", ()) if _plain(one) in words)
    return Result(mail, lost, kept)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _by(results: Sequence[Result], key: Callable[[dict[str, Any]], str]) -> str:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[key(result.mail)].append(result)
    rows = [_row(name, group) for name, group in sorted(groups.items())]
    return table(("", "texts", "right", "95 %", "words lost", "history kept"), [*rows, _row("all", results)])


def _row(name: str, group: Sequence[Result]) -> tuple[object, ...]:
    right, lost, kept = (
        sum(map(bool, found)) for found in zip(*((r.right, r.lost, r.kept) for r in group), strict=True)
    )
    low, high = wilson(right, len(group))
    return name, len(group), right, f"{low:.2f}–{high:.2f}", lost, kept


def _misses(results: Sequence[Result]) -> None:
    missed = [r for r in results if not r.right]
    print(f"Misses: {len(missed)} of {len(results)}")
    for r in missed:
        print(f"  {r.mail['file']}, {r.mail['lang']}, {r.mail['client']}: lost {r.lost}, kept {r.kept}")
    print()


def _alarms(*, later: bool) -> None:
    """Alarms behind ordinary sentences, and how often there is an alarm without one. `later`: those that were written last."""
    from core.classify.cache import load_or_fit
    from core.classify.starter import starter
    from core.model import Priority

    lines = tomllib.loads((DATA / "mail_alarms.toml").read_text("utf-8"))
    if later:
        lines |= tomllib.loads((DATA / "mail_alarms_second.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as cache:
        model = load_or_fit(starter().examples, starter().background, Path(cache))
    urgent = {i.name for i in starter().intents if i.priority in {Priority.URGENT, Priority.HIGH}}
    draw = random.Random(7)
    rows = []
    for length in LENGTHS:
        before = [" ".join(draw.sample(lines["plain"], length)) for _ in lines["alarms"]]
        pairs = list(zip(before, lines["alarms"], strict=True))
        seen = [any(g.intent in urgent for g in model.suspects(f"{text} {alarm}")) for text, alarm in pairs]
        false = [any(g.intent in urgent for g in model.suspects(text)) for text in before]
        low, high = wilson(sum(seen), len(seen))
        rows.append((length, sum(seen), len(seen), f"{low:.2f}–{high:.2f}", sum(false)))
        for (_, alarm), one in zip(pairs, seen, strict=True):
            if not one:
                print(f"  not seen behind {length} sentences: {alarm}")
    head = ("sentences before", "alarms seen", "of", "95 %", "alarms without one")
    print(f"An alarm in the last sentence\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
