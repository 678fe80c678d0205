"""Who wrote it? Confusion tables over the mail of `bench/data`, per kind and per language, with intervals, and the misses.

    python bench/mail.py [--set mail|mail_check|mail_fresh|mail_blind|…]

`mail_check`, `mail_fresh` and `mail_blind` were written later, by people who had not seen the phrases; one file per language, one message per line: [kind, subject, text, sender, headers]. `headers` names an entry of
`headers.toml`, by default that of the kind; `--bare` leaves all headers out, as two of the vendors do. Every second message of
a kind and language belongs to the tuning half, the others to the held-out one, which is only looked at for the final figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.mail import machine, thanks
from core.reports.intervals import wilson

DATA = Path(__file__).parent / "data"
PEOPLE, GRATITUDE = ("person",), ("thanks", "but")


@dataclass(frozen=True)
class Mail:
    """One line of the corpus."""

    language: str
    kind: str
    subject: str
    text: str
    sender: str
    headers: dict[str, str]
    held_out: bool


def main() -> None:
    args = _arguments()
    mails = [one for one in read(args.set) if args.half == "all" or one.held_out == (args.half == "held-out")]
    for bare in (False, True):
        if args.bare and not bare:
            continue
        written = [one for one in mails if one.kind not in GRATITUDE]
        judged = [(one, verdict(one, bare=bare)) for one in written]
        print(f"Who wrote it, {'without' if bare else 'with'} headers ({len(written)} messages)\n")
        _kinds(judged)
        _languages(judged)
        _misses(judged, shown=args.misses)
    grateful = [
        (one, "thanks" if thanks.is_thanks(one.text) else "not") for one in mails if one.kind in GRATITUDE
    ]
    print(f"Thanks, and thanks with something behind it ({len(grateful)} messages)\n")
    _thanks(grateful, shown=args.misses)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--set",
        choices=(
            "mail",
            "mail_check",
            "mail_fresh",
            "mail_blind",
            "mail_blind_second",
            "mail_blind_third",
            "mail_blind_fourth",
            "mail_blind_fifth",
        ),
        default="mail",
    )
    parser.add_argument("--half", choices=("tuning", "held-out", "all"), default="tuning")
    parser.add_argument("--bare", action="store_true", help="without headers only")
    parser.add_argument("--misses", action="store_true", help="list them")
    return parser.parse_args()


def read(corpus: str) -> Iterator[Mail]:
    """The mail of one set, language by language."""
    profiles = tomllib.loads((DATA / "mail" / "headers.toml").read_text(encoding="utf-8"))
    for path in sorted((DATA / corpus).glob("*.jsonl")):
        seen: Counter[str] = Counter()
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, subject, text, *rest = json.loads(line)
            sender, name = [*rest, "", ""][:2]
            seen[kind] += 1
            headers = {str(k): str(v) for k, v in profiles[name or kind].items()}
            held_out = seen[kind] % 2 == 0
            yield Mail(path.stem, kind, subject, text, sender or "a@customer.example", headers, held_out)


def verdict(one: Mail, *, bare: bool) -> str:
    """`none`, `likely`, `whole` (likely, and nothing else is said) or `proven`."""
    found = machine.evidence(one.subject, one.text, one.sender, {} if bare else one.headers)
    if found is None:
        return "none"
    return "whole" if found.whole and found.grade == "likely" else str(found.grade)


def _kinds(judged: Sequence[tuple[Mail, str]]) -> None:
    columns = ("none", "likely", "whole", "proven")
    print(f"{'kind':16}{'n':>5}" + "".join(f"{c:>8}" for c in columns) + "   seen as a machine's")
    for kind in dict.fromkeys(one.kind for one, _ in judged):
        counts = Counter(found for one, found in judged if one.kind == kind)
        n = sum(counts.values())
        print(
            f"{kind:16}{n:5}"
            + "".join(f"{counts[c]:8}" for c in columns)
            + f"   {share(n - counts['none'], n)}"
        )
    machines = [found for one, found in judged if one.kind not in PEOPLE]
    print(
        f"{'all machines':16}{len(machines):5}{'':32}   {share(sum(f != 'none' for f in machines), len(machines))}\n"
    )


def _languages(judged: Sequence[tuple[Mail, str]]) -> None:
    print(f"{'language':10}{'people':>8}{'likely':>8}{'proven':>8}{'machines':>10}{'seen':>6}")
    for code in dict.fromkeys(one.language for one, _ in judged):
        people = [found for one, found in judged if one.language == code and one.kind in PEOPLE]
        others = [found for one, found in judged if one.language == code and one.kind not in PEOPLE]
        likely, proven = sum(f in {"likely", "whole"} for f in people), people.count("proven")
        print(
            f"{code:10}{len(people):8}{likely:8}{proven:8}{len(others):10}{sum(f != 'none' for f in others):6}"
        )
    print()


def _misses(judged: Sequence[tuple[Mail, str]], *, shown: bool) -> None:
    for one, found in judged if shown else ():
        if (found == "none") != (one.kind in PEOPLE):
            print(f"  {one.language} {one.kind} → {found}: {one.subject!r} | {one.text[:110]!r} {one.sender}")
    print()


def _thanks(judged: Sequence[tuple[Mail, str]], *, shown: bool) -> None:
    print(f"{'language':10}{'thanks':>8}{'seen':>6}{'thanks, but':>14}{'taken for thanks':>18}")
    for code in [*dict.fromkeys(one.language for one, _ in judged), "all"]:
        mine = [(one.kind, found) for one, found in judged if code in {one.language, "all"}]
        n, m = (sum(kind == k for kind, _ in mine) for k in GRATITUDE)
        hit, wrong = mine.count(("thanks", "thanks")), mine.count(("but", "thanks"))
        print(f"{code:10}{n:8}{hit:6}{m:14}{wrong:18}")
    print(f"recognised {share(hit, n)}, taken for thanks {share(wrong, m)}\n")
    for one, found in judged if shown else ():
        if (one.kind == "thanks") != (found == "thanks"):
            print(f"  {one.language} {one.kind} → {found}: {one.text!r}")


def share(k: int, n: int) -> str:
    """`k of n`, with the share and its 95 % interval."""
    low, high = wilson(k, n)
    return f"{k} of {n} ({k / n if n else 0:.0%}, {low:.0%} to {high:.0%})"


if __name__ == "__main__":
    main()
