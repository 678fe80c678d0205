"""Whether rungs of the ladder are punctual over a ledger full of open escalations.

    python bench/ladder.py [--open 100000] [--within 1440] [--minutes 5] [--every 5] [--database-url postgresql+psycopg://…]

So many tickets wait, their next rungs due evenly within so many minutes. The timer's clock is simulated (`--every`
seconds), the work is real: the due rungs are found, checked against a desk in bulk, queued, taken and handed to a channel
that takes them at once. A rung's lateness is from its due time to its channel. Exits 1 when p99 is over a minute or the
desk was asked more than once per hundred due tickets and tick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, insert, select

from core.escalation import ladder_for
from core.hours import Hours
from core.ledger import db
from core.ledger.schema import notices, tickets
from core.model import Claim, OutboundMessage, Priority, Receipt, Rung
from core.notifications.routing import Routes
from core.pipeline import reminders
from core.ports import Abilities

START = datetime(2026, 3, 11, 14, 20, tzinfo=UTC)
RUNGS = (Rung(timedelta(minutes=30), "team"), Rung(timedelta(hours=2), "manager"))
BATCH = 2000


@dataclass
class Desk:
    """Says that nobody has any of them, and counts how often it is asked."""

    calls: int = 0
    tickets: int = 0

    def unclaimed(self, ids: Sequence[str]) -> Mapping[str, Claim]:
        self.calls, self.tickets = self.calls + 1, self.tickets + len(ids)
        return {id_: Claim(id_) for id_ in ids}


PAGER = Abilities("short", 1000, customer_words=False, closes=True)


@dataclass
class Channel:
    """Takes everything at once, and notes how late it was."""

    due: dict[str, datetime]
    name: str = "webhook:pager"
    kind: str = "webhook"
    can: Abilities = PAGER
    recipients: tuple[str, ...] = ()
    began: float = 0.0
    late: list[float] = field(default_factory=list)

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        behind = (now - self.due[outbound.ticket_id]).total_seconds()
        self.late.append(behind + time.perf_counter() - self.began)
        return Receipt(id=outbound.key, state="delivered")


def fill(engine: Engine, number: int, within: timedelta) -> dict[str, datetime]:
    """`number` open escalations whose next rung is due evenly within `within`; when each is."""
    db.create_all(engine)
    hours, due, rows = Hours.make("Europe/Berlin"), {}, []
    for n in range(number):
        at = START + within * n / number
        since = at - RUNGS[1].after  # the manager's rung is the next one
        ladder = ladder_for(
            RUNGS,
            waiting_since=since,
            promise_at=since + timedelta(hours=4),
            priority=Priority.NORMAL,
            hours=hours,
        )
        due[str(n)] = at
        rows.append(
            {
                "desk": "support",
                "ticket_id": str(n),
                "state": "escalated",
                "subject": f"Question {n}",
                "priority": "normal",
                "ladder": ladder,
                "rung": 2,
                "next_due_at": at,
                "waiting_since": since,
                "escalated_at": since,
                "promise_at": since + timedelta(hours=4),
                "first_seen_at": since,
                "updated_at": since,
            }
        )
        if len(rows) == BATCH or n == number - 1:
            with engine.begin() as conn:
                conn.execute(insert(tickets), rows)
            rows = []
    return due


def world(engine: Engine, channel: Channel, desk: Desk) -> Any:
    """As much of a running program as the ladder needs."""
    channels = {channel.name: channel}
    refs = (channel.name,)
    return SimpleNamespace(
        engine=engine,
        desks={"support": desk},
        channels=channels,
        counters=None,
        hours=Hours.make("Europe/Berlin"),
        clock=lambda: START,
        settings=SimpleNamespace(public_url="https://backstop.example.com"),
        rules={},
        routes=Routes(channels, by_priority=dict.fromkeys(Priority, refs), audiences={"manager": refs}),  # type: ignore[arg-type]
    )


def run(app: Any, channel: Channel, minutes: float, every: float) -> list[float]:
    """Tick for so many minutes of the timer's clock; the real seconds of each pass. A pass that takes too long delays the next."""
    now, passes = START, []
    while now < START + timedelta(minutes=minutes):
        channel.began = time.perf_counter()
        reminders.remind(app, now)
        passes.append(time.perf_counter() - channel.began)
        now += timedelta(seconds=max(every, passes[-1]))
    return passes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--within", type=float, default=1440, help="minutes")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--every", type=float, default=5, help="seconds between two ticks")
    parser.add_argument("--database-url", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        engine = db.connect(given.database_url or f"sqlite:///{home}/ladder.db")
        began = time.perf_counter()
        channel, desk = Channel(fill(engine, given.open, timedelta(minutes=given.within))), Desk()
        print(
            f"{given.open} open escalations written in {time.perf_counter() - began:.0f} s ({engine.dialect.name})"
        )
        passes = run(world(engine, channel, desk), channel, given.minutes, given.every)
        with db.reading(engine) as conn:
            told = conn.execute(select(func.count(func.distinct(notices.c.ticket_id)))).scalar_one()
        engine.dispose()
    return show(given, channel.late, desk, passes, told)


def show(given: Any, late: list[float], desk: Desk, passes: list[float], told: int) -> int:
    """Print the ratios; 1 when one is broken."""
    p50, p99 = np.percentile(late, [50, 99])
    print(f"due rungs told         {len(late)} in {len(passes)} ticks, each ticket once: {len(late) == told}")
    print(
        f"lateness               p50 {p50:.1f} s, p99 {p99:.1f} s, worst {max(late):.1f} s (a tick every {given.every:g} s)"
    )
    print(
        f"desk calls             {desk.calls / given.minutes:.1f} per minute, {desk.tickets / max(desk.calls, 1):.0f} tickets per call"
    )
    print(
        f"store and work         p50 {np.median(passes) * 1000:.0f} ms, worst {max(passes) * 1000:.0f} ms per tick"
    )
    print(f"                       {1000 * sum(passes) / max(len(late), 1):.1f} ms per notice")
    asked_too_often = desk.calls > len(passes) + told / 100  # a tick with fewer than a hundred due asks once
    return int(p99 > 60 or asked_too_often or len(late) != told)


if __name__ == "__main__":
    sys.exit(main())
