"""Weeks of plausible, made-up history for the demo and the benchmarks; seeded, and marked as generated everywhere.

It stands under a desk of its own name and nothing in it waits: no sweep, no audit and no ladder ever meets it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Table, insert, select

from core.ledger.schema import balance, decisions, events, history, labels, meta, notices, tickets, writes
from core.model import whole_percent
from core.reports.reporting import GENERATED
from demo.history_words import CUSTOMERS, INTENTS, PEOPLE, Kind, phrase

DESK = "generated"
MODEL = "generated"
HOUR_WEIGHTS = [1, 1, 1, 1, 1, 2, 4, 9, 16, 20, 21, 19, 16, 17, 18, 17, 14, 10, 8, 7, 6, 5, 3, 2]
DAY_WEIGHTS = [22, 19, 17, 16, 15, 6, 5]
OPENS, CLOSES = 8, 17  # when the made-up team works, UTC
AUTO, ROUTE = 0.85, 0.60
BATCH = 400
LEFT_ALONE, LABELLED, SAMPLED = 0.04, 0.6, 0.15

Rows = defaultdict[Table, list[dict[str, Any]]]
PROMISE = {"urgent": 0.5, "high": 1.0, "normal": 4.0, "low": 24.0}


@dataclass(frozen=True)
class _Ticket:
    """One made-up first contact."""

    number: int
    at: datetime
    kind: Kind
    confidence: float
    true_intent: str
    customer: int
    words: str
    desk: str

    @property
    def id(self) -> str:
        return f"g{self.number}"

    @property
    def key(self) -> str:
        return f"{self.desk}:{self.id}:created"


def fill(
    engine: Engine, now: datetime, weeks: int = 4, seed: int = 7, *, per_week: int = 260, desk: str = DESK
) -> int:
    """Write `weeks` of history that end at `now`; the number of tickets. Does nothing the second time."""
    dice = random.Random(seed)  # plausible, not secret  # noqa: S311  # nosec B311
    with engine.begin() as connection:
        if connection.scalar(select(meta.c.value).where(meta.c.name == GENERATED)) is not None:
            return 0
        connection.execute(
            insert(meta), {"name": GENERATED, "value": {"seed": seed, "weeks": weeks, "desk": desk}}
        )
        times = sorted(_arrivals(dice, now, weeks, per_week))
        rows: Rows = defaultdict(list)
        for number, at in enumerate(times):
            progress = (at - times[0]) / max(now - times[0], timedelta(seconds=1))
            _ticket(dice, rows, _contact(dice, 1000 + number, at, desk), progress, now)
            if number % BATCH == BATCH - 1:
                _write(connection, rows)
        _balance(rows, now, weeks, len(times), desk)
        _write(connection, rows)
    return len(times)


def _write(connection: Any, rows: Rows) -> None:
    for table, lines in rows.items():
        names = sorted({name for line in lines for name in line})
        blank = {name: None if table.c[name].nullable else _default(table, name) for name in names}
        connection.execute(insert(table), [blank | line for line in lines])
    rows.clear()


def _default(table: Table, name: str) -> Any:
    default = table.c[name].default
    return getattr(default, "arg", None)


def _arrivals(dice: random.Random, now: datetime, weeks: int, per_week: int) -> Iterator[datetime]:
    start = (now - timedelta(weeks=weeks)).replace(minute=0, second=0, microsecond=0)
    for _ in range(weeks * per_week):
        day = dice.choices(range(7), DAY_WEIGHTS)[0]
        hour = dice.choices(range(24), HOUR_WEIGHTS)[0]
        monday = start - timedelta(days=start.weekday(), hours=start.hour)
        at = monday + timedelta(
            weeks=dice.randrange(weeks + 1), days=day, hours=hour, seconds=dice.randrange(3600)
        )
        if start <= at < now - timedelta(minutes=20):
            yield at


def _contact(dice: random.Random, number: int, at: datetime, desk: str) -> _Ticket:
    kind = dice.choices(INTENTS, [one.weight for one in INTENTS])[0]
    confidence = min(0.995, max(0.2, dice.betavariate(kind.alpha, kind.beta)))
    right = dice.random() < confidence  # what is said to be right so often is right so often
    true = kind.name if right else dice.choice([one.name for one in INTENTS if one is not kind])
    customer = dice.randrange(max(len(CUSTOMERS), number * 2))
    return _Ticket(number, at, kind, round(confidence, 4), true, customer, phrase(dice, kind), desk)


def _ticket(dice: random.Random, rows: Rows, one: _Ticket, progress: float, now: datetime) -> None:
    """One ticket's whole story. The team answers more intents by rule as the weeks go by."""
    if dice.random() < LEFT_ALONE:
        _left_alone(rows, one)
        return
    learnt = dice.random() < 0.5 + 0.5 * progress
    band = "auto" if one.confidence >= AUTO else "route" if one.confidence >= ROUTE else "general"
    automatic = band == "auto" and one.kind.answered and learnt
    outcome = "auto_resolved" if automatic else "general_queue" if band == "general" else "routed"
    settled = one.at + timedelta(seconds=dice.uniform(0.6, 4))
    row = _row(one) | {"band": band, "outcome": outcome, "handled_at": settled, "updated_at": settled}
    row["queue"] = "Support" if band == "general" else one.kind.queue
    _decided(rows, one, row, settled)
    if automatic:
        _answered_automatically(dice, rows, one, row, settled, now)
    else:
        _escalated(dice, rows, one, row, settled, now)
    if dice.random() < LABELLED:
        row["final_intent"] = one.true_intent
        facts = {"desk": one.desk, "ticket_id": one.id, "intent": one.true_intent, "source": "field"}
        rows[labels].append(facts | {"at": settled + timedelta(hours=5), "words": ""})
    rows[tickets].append(row)


def _row(one: _Ticket) -> dict[str, Any]:
    name = CUSTOMERS[one.customer % len(CUSTOMERS)]
    address = f"{name.lower().replace(' ', '.')}.{one.customer}@example.com"
    return {
        "desk": one.desk, "ticket_id": one.id, "subject": one.kind.subject, "customer_id": f"c{one.customer}",
        "customer_email": address, "customer_name": name, "language": "en", "intent": one.kind.name,
        "confidence": one.confidence, "priority": one.kind.priority, "mode": "act", "model": MODEL,
        "rules_version": MODEL, "created_at": one.at, "first_seen_at": one.at, "reason": "generated",
    }  # fmt: skip


def _tell(rows: Rows, one: _Ticket, at: datetime, what: str, detail: str) -> None:
    rows[history].append({"desk": one.desk, "ticket_id": one.id, "at": at, "what": what, "detail": detail})


def _fact(rows: Rows, one: _Ticket, settled: datetime, outcome: str) -> None:
    rows[events].append({
        "key": one.key, "desk": one.desk, "ticket_id": one.id, "kind": "created", "source": "generated",
        "at": one.at, "received_at": one.at, "state": "settled", "attempts": 1, "settled_at": settled, "outcome": outcome,
    })  # fmt: skip
    _tell(rows, one, one.at, "received", "Generated history: this ticket exists only here.")


def _left_alone(rows: Rows, one: _Ticket) -> None:
    _fact(rows, one, one.at, "left_alone")
    row = _row(one) | {
        "state": "left_alone",
        "outcome": "left_alone",
        "reason": "an automatic reply, generated",
    }
    rows[tickets].append(row | {"intent": "", "confidence": 0.0, "handled_at": one.at, "updated_at": one.at})


def _decided(rows: Rows, one: _Ticket, row: dict[str, Any], at: datetime) -> None:
    others = [kind.name for kind in INTENTS if kind is not one.kind][:2]
    rest = 1 - one.confidence
    why = f"{one.kind.name} at {whole_percent(one.confidence)} %: {row['band']} band"
    facts = {name: row[name] for name in ("desk", "ticket_id", "intent", "confidence", "priority", "queue")}
    rows[decisions].append(facts | {
        "key": one.key, "message_id": "1", "at": at, "model": MODEL, "band": row["band"], "outcome": row["outcome"],
        "alternatives": [[others[0], round(rest * 0.6, 3)], [others[1], round(rest * 0.3, 3)]],
        "evidence": list(one.kind.evidence), "reason": why, "rule": one.kind.name, "rules_version": MODEL,
        "mode": "act", "escalates": row["outcome"] != "auto_resolved", "words": one.words, "state": "done",
    })  # fmt: skip
    _fact(rows, one, at, row["outcome"])
    _tell(rows, one, at, "decided", why)


def _wrote(rows: Rows, one: _Ticket, what: str, at: datetime) -> None:
    rows[writes].append({
        "key": f"{one.key}:{what}", "fact_key": one.key, "desk": one.desk, "ticket_id": one.id, "what": what,
        "state": "done", "attempts": 1, "opened_at": at, "done_at": at + timedelta(seconds=0.4), "vendor_id": f"m{one.number}",
    })  # fmt: skip
    _tell(rows, one, at, "wrote", what)


def _answered_automatically(
    dice: random.Random, rows: Rows, one: _Ticket, row: dict[str, Any], settled: datetime, now: datetime
) -> None:
    _wrote(rows, one, "answer", settled)
    row |= {"state": "auto_resolved", "auto_resolved_at": settled, "closed_at": settled}
    if dice.random() < SAMPLED:
        row["check_verdict"] = dice.choices(["pending", "right", "wrong"], [5, 14, 1])[0]
    back = settled + timedelta(hours=dice.uniform(0.5, 70))
    if back < now - timedelta(hours=12) and dice.random() < (
        0.03 if one.true_intent == one.kind.name else 0.3
    ):
        _tell(rows, one, back, "reescalated", "The customer wrote again: the answer did not help.")
        row |= {"reescalated_at": back, "closed_at": None}
        _escalated(dice, rows, one, row, back, now)


def _escalated(
    dice: random.Random, rows: Rows, one: _Ticket, row: dict[str, Any], at: datetime, now: datetime
) -> None:
    """A human is asked, acknowledged to the customer, told, and comes."""
    urgent = one.kind.priority == "urgent"
    row |= {"escalated_at": at, "waiting_since": at, "acknowledged_at": at, "rung": 1}
    row["promise_at"] = _working(at, timedelta(hours=PROMISE[one.kind.priority]), always=urgent)
    _wrote(rows, one, "acknowledgment", at)
    _wrote(rows, one, "note", at + timedelta(seconds=1))
    wait = timedelta(minutes=dice.lognormvariate(2.3 if urgent else 3.0, 0.8))
    came = min(_working(at, wait, always=urgent), now - timedelta(minutes=1))
    person = dice.choice(PEOPLE)
    _noticed(dice, rows, one, at, 0)
    if came - at > timedelta(minutes=30):
        _noticed(dice, rows, one, at + timedelta(minutes=30), 1)
        row["rung"] = 2
    _tell(rows, one, came, "claimed", f"{person} took it ({'link' if urgent else 'assignee'})")
    # nobody works on made-up tickets: one left claimed would break its promise for ever
    answered = min(came + timedelta(minutes=dice.uniform(3, 40)), now - timedelta(seconds=30))
    row |= {"claimed_at": came, "claimed_by": person, "claimed_via": "assignee"}
    row |= {"state": "answered", "answered_at": answered, "updated_at": answered}
    _tell(rows, one, answered, "answered", f"{person} answered the customer")


def _working(at: datetime, wait: timedelta, *, always: bool) -> datetime:
    """`wait` later by the made-up team's clock."""
    if always:
        return at + wait
    while not (at.weekday() < 5 and OPENS <= at.hour < CLOSES):  # noqa: PLR2004  # Saturday
        at = (at + timedelta(hours=1)).replace(minute=0, second=0)
    shut = at.replace(hour=CLOSES, minute=0, second=0, microsecond=0)
    return at + wait if at + wait < shut else _working(shut, wait - (shut - at), always=False)


def _noticed(dice: random.Random, rows: Rows, one: _Ticket, at: datetime, rung: int) -> None:
    urgent = one.kind.priority == "urgent"
    person = dice.choice(PEOPLE[:2]) if urgent else ""
    channel = "sms:oncall" if urgent else "email:manager" if rung else "slack:support"
    state = dice.choices(["delivered", "accepted", "failed"], [90, 8, 2])[0]
    notice = f"{one.desk}:{one.id}:{at:%Y%m%d%H%M%S}:{rung}"
    rows[notices].append({
        "key": f"{notice}:{channel}:{person}", "notice_key": notice, "desk": one.desk, "ticket_id": one.id,
        "audience": "manager" if rung else "team", "channel": channel, "person": person, "priority": one.kind.priority,
        "template": "notice", "rung": rung, "state": state, "attempts": 1, "created_at": at,
        "opened_at": at, "sent_at": at + timedelta(seconds=1),
        "delivered_at": at + timedelta(seconds=4) if state == "delivered" else None,
        "error": "the provider refused the number (generated)" if state == "failed" else "",
    })  # fmt: skip
    _tell(rows, one, at, "noticed", f"{channel}: {state}")


def _balance(rows: Rows, now: datetime, weeks: int, total: int, desk: str) -> None:
    for day in range(weeks * 7):
        share = total - day * total // (weeks * 7)
        healed = ["g1007"] if day in (4, 11) else []
        line = {
            "desk": desk,
            "at": now - timedelta(days=day, minutes=5),
            "since": now - timedelta(weeks=weeks),
        }
        rows[balance].append(
            line | {"in_desk": share, "in_ledger": share, "missing": [], "healed": healed, "stuck": []}
        )
