"""What the classifier makes of ordinary messages on the first day, before anybody has taught it: with the starter's lines alone.

    python bench/ordinary.py [--set eighth|seventh|sixth|…|first] [--rows all|report|choose] [--show]

`data/ordinary/` holds eight sets of messages by the intent a careful agent would name. The first three were written before lines of the
same kinds were added. The fourth (plain) was written before the last lines and the fifth (untidy, like the third) after: nothing was
chosen by these two. The sixth and seventh are as people type (lower case, slips, filler, a story first), written together before anything
was done for such messages: the sixth is for choosing, the seventh was measured once. The eighth (stories of two sentences, hardly any
punctuation) was written last and measured once. "Answered" is at or above .85 for
an intent that may be answered automatically, without an alarm beside it; "falsely urgent" is at or above an urgent intent's suspicion.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.classify.build import embedded_of
from core.classify.multilingual import Multilingual, alarms
from core.classify.plain import table
from core.classify.recall import ANGRY, first, interval
from core.classify.starter import URGENT
from core.model import NO_INTENT, Prediction
from core.settings import Settings

TEXTS = Path(__file__).parent / "data" / "ordinary"
AUTO = 0.85
SETS = {"first": "en.toml"} | {
    one: f"en_{one}.toml" for one in ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
}
PARTS = {"choose": slice(0, None, 2), "report": slice(1, None, 2), "all": slice(None)}
Rows = Sequence[tuple[str, str, Prediction]]  # meant, text, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="eighth")
    parser.add_argument("--rows", choices=PARTS, default="all")
    parser.add_argument("--show", action="store_true", help="print what is not answered, or wrongly")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        classifier = embedded_of(Settings(path=Path("backstop.toml"), classifier={"cache": folder}))
        rows = judged(classifier, TEXTS / SETS[args.set], PARTS[args.rows])
    print(table(("", "share", "95 % interval"), [(name, *_share(flags)) for name, flags in figures(rows)]))
    print("\n" + table(("intent", "answered", "ranked first", "of"), _by_intent(rows)))
    if args.show:
        _show(rows)


def judged(classifier: Multilingual, path: Path, part: slice) -> Rows:
    """Return what the classifier makes of this part of the messages of each intent."""
    texts = tomllib.loads(path.read_text("utf-8"))
    return [(meant, text, classifier.predict(text)) for meant, lines in texts.items() for text in lines[part]]


def figures(rows: Rows) -> list[tuple[str, list[bool]]]:
    """Return the measures, each with a flag for every message that it is about."""
    held = {*URGENT, ANGRY}
    ordinary = [(meant, one) for meant, _, one in rows if meant not in {*held, NO_INTENT}]
    real = [(meant, one) for meant, _, one in rows if meant != NO_INTENT]
    return [
        ("ordinary messages answered", [_answered(one) for _, one in ordinary]),
        (
            "of all messages, answered wrongly",
            [_answered(one) and one.intent != meant for meant, _, one in rows],
        ),
        ("of those answered, right", [one.intent == meant for meant, _, one in rows if _answered(one)]),
        ("top intent right", [first(one) == meant for meant, one in real]),
        (
            "at .85 and above, all intents",
            [one.confidence >= AUTO and one.intent != NO_INTENT for _, one in real],
        ),
        ("urgent kinds seen", [bool(alarms(one)) for meant, _, one in rows if meant in URGENT]),
        ("falsely urgent", [_paged(one) for meant, _, one in rows if meant not in held]),
    ]


def _answered(found: Prediction) -> bool:
    return found.confidence >= AUTO and found.intent not in {*URGENT, ANGRY, NO_INTENT} and not alarms(found)


def _paged(found: Prediction) -> bool:
    return bool(alarms(found).keys() & set(URGENT[:-1]))


def _share(flags: Sequence[bool]) -> tuple[str, str]:
    right, of = sum(flags), len(flags)
    return f"{right} of {of} ({right / max(of, 1):.3f})", "{:.3f} to {:.3f}".format(*interval(right, of))


def _by_intent(rows: Rows) -> list[tuple[str, int, int, int]]:
    found = []
    for name in dict.fromkeys(meant for meant, _, _ in rows):
        own = [one for meant, _, one in rows if meant == name]
        found.append((name, sum(map(_answered, own)), sum(first(one) == name for one in own), len(own)))
    return found


def _show(rows: Rows) -> None:
    for meant, text, one in rows:
        if one.intent != meant or not _answered(one):
            print(
                f"{meant:22} {one.intent:22} {one.confidence:.2f} {first(one):22} {one.unread[:20]} | {text}"
            )


if __name__ == "__main__":
    main()
