"""What automatic mail costs in pages: the demo's generated history with machine mail mixed in, replayed as a backtest does.

    python bench/pages.py [--weeks 2]

The tickets of the history (260 a week, of which it takes 4 % to be automatic mail) come in with their own words at a desk of
the sandbox; each is answered by a person an hour later. Automatic mail is drawn from the sets of `bench/mail.py`, without
headers, and scaled to its share; `as before` replays it with nothing known of machines.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent))

from mail import PEOPLE, Mail, read
from sqlalchemy import create_engine, select

from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from connectors.zendesk.fake import make_fake
from core import settings, wiring
from core.backtest.run import backtest, rows_of
from core.classify.plain import table
from core.ledger.schema import decisions, metadata
from core.pipeline.replay import Replayed
from demo.history import LEFT_ALONE, fill

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
PER_WEEK = 260
SETS = {
    "wordings like the fourth and fifth set": ("mail_blind", "mail_blind_second"),
    "odd wordings, like the sixth": ("mail_blind_third",),
    "like the seventh": ("mail_blind_fourth",),
}
OF_EACH = 60
HISTORY = "the history's people"
ESCALATION = {
    "promise": {"urgent": "30m", "high": "1h", "normal": "4h", "low": "1d"},
    "channels": {"urgent": ["slack:all"], "high": ["slack:all"], "normal": ["slack:all"], "low": ["desk"]},
    "ladder": [{"after": "30m", "notify": "team"}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--weeks", type=int, default=2)
    weeks = parser.parse_args().weeks
    mails = {name: drawn(sets) for name, sets in SETS.items()}
    with tempfile.TemporaryDirectory() as home:
        rows = replayed(Path(home), history(weeks), mails)
        with mock.patch("core.pipeline.authors.evidence", return_value=None):
            before = replayed(Path(home), [], mails)
    people = rows.pop(HISTORY)
    share = PER_WEEK * LEFT_ALONE
    a_week = told(people) / len(people) * (PER_WEEK - share)
    print(f"{PER_WEEK - share:.0f} tickets of people a week ({len(people)} replayed): {a_week:.0f} pages\n")
    lines = []
    for name, found in rows.items():
        for when, ones in (("as before", before[name]), ("now", found)):
            spoken = sum(bool(one.said) for one in ones)
            called = sum(bool(one.pages) for one in ones)
            per = share / len(ones)
            lines.append(
                (name, when, f"{called * per:.1f}", f"{told(ones) * per:.1f}", f"{spoken * per:.1f}")
            )
    head = (f"{share:.1f} automatic mails a week", "", "tickets that page", "pages", "replies to machines")
    print(table(head, lines))


def told(rows: list[Replayed]) -> int:
    return sum(len(one.pages) for one in rows)


def history(weeks: int) -> list[str]:
    """Return what the made-up customers write."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    fill(engine, NOW, weeks, per_week=PER_WEEK)
    with engine.connect() as conn:
        return [words for (words,) in conn.execute(select(decisions.c.words))]


def drawn(sets: tuple[str, ...]) -> list[Mail]:
    """Return machine mail of these sets, as often each as its sets have it."""
    every = [
        one for name in sets for one in read(name) if one.kind not in {*PEOPLE, "thanks", "but", "bounce"}
    ]
    return Random(7).sample(every, min(OF_EACH, len(every)))


def replayed(home: Path, words: list[str], mails: dict[str, list[Mail]]) -> dict[str, list[Replayed]]:
    """Return what becomes of each, by where it is from."""
    clock = [NOW - timedelta(days=20)]
    desk = SandboxDesk(lambda: clock[0])
    for name in ("Support", "Orders"):
        desk.add_queue(name)
    ann = desk.add_person("Ann", "ann@desk.example", "agent")
    sources = dict(_written(desk, ann.id, clock, words, mails))
    clock[0] = NOW
    fake = make_fake(desk)
    with serving(FaultyApp(fake.app)) as url:
        (home / "order_status.txt").write_text("Your parcel is on its way.\n")
        loaded = settings.Settings(
            path=home / "backstop.toml",
            database_url=f"sqlite:///{home}/pages.db",
            desks={"support": {**fake.settings(url), "vendor": "zendesk", "general_queue": "Support"}},
            intents={"order_status": {"priority": "low", "queue": "Orders", "reply": "order_status.txt"}},
            classifier={"cache": str(home)},
            channels={"slack": {"all": {"webhook_url": f"{url}/slack"}}},
            audiences={"team": ["slack:all"]},
            escalation=ESCALATION,
        )
        app = wiring.build(loaded, clock=lambda: clock[0])
        file = home / "report.jsonl"
        backtest(app, "support", 30, file, fresh=True)
    found: dict[str, list[Replayed]] = defaultdict(list)
    for row in rows_of(file):
        found[sources[row.ticket_id]].append(row)
    return found


def _written(
    desk: SandboxDesk, ann: int, clock: list[datetime], words: list[str], mails: dict[str, list[Mail]]
) -> Iterator[tuple[str, str]]:
    """Put everything into the desk, in turns of eight minutes; yield each ticket with where it is from."""
    letters = [(HISTORY, "A question", one) for one in words]
    letters += [(name, one.subject, one.text) for name, found in mails.items() for one in found]
    Random(11).shuffle(letters)
    step = timedelta(days=19) / max(len(letters), 1)
    for number, (name, subject, text) in enumerate(letters):
        begin = clock[0]
        case = desk.customer_writes(text, subject=subject, email=f"c{number}@example.com", name="Carla")
        clock[0] = begin + min(step, timedelta(hours=1))
        desk.agent_says(case.id, ann, "Hello, this is Ann.")
        clock[0] = begin + step
        yield str(case.id), name


if __name__ == "__main__":
    main()
