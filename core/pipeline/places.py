"""Before the first call of a decision: check its message against the guard, and reserve its place under the caps.

A refused message is removed from all calls at once, with the mark that would claim it was sent. An acknowledgment that only
the desk's total cap holds back is owed: it stays in the ledger as a call of its own, and people are notified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from core import outgoing
from core.app import App
from core.ledger import caps, store
from core.ledger.db import insert_new, reading
from core.ledger.rows import DecisionRow, WriteRow
from core.ledger.schema import writes
from core.ledger.states import DecisionState, Entry, WriteState
from core.model import Action, AddNote, AddTags, Reply, Solve, Ticket, Write
from core.notifications.alerts import alarm
from core.outgoing import Full, Sent
from core.pipeline import loops
from core.values import from_json, to_json, what

OWED, MARK = ":owed", ":mark"  # endings of keys
AFTER = 100  # position of what is owed, behind all other calls of its decision


def take(app: App, ticket: Ticket, decision: DecisionRow) -> list[WriteRow]:
    """Return the calls of a decision: its message has a place under the caps, or has been removed."""
    with reading(app.engine) as conn:
        rows = store.writes_of(conn, decision.key)
    if not any(_wants_a_place(row) for row in rows):
        return rows
    with app.engine.begin() as conn:
        rows, full = place(conn, app, ticket, decision, rows)
    tell(app, ticket, full)
    return rows


def place(
    conn: Connection, app: App, ticket: Ticket, decision: DecisionRow, rows: Sequence[WriteRow]
) -> tuple[list[WriteRow], Full | None]:
    """As `take`, for the calls just read or planned; with the cap that left no room, which people are to be told of."""
    now, placed = app.clock(), list(rows)
    for n, row in enumerate(rows):
        if not _wants_a_place(row):
            continue
        reply = next((a for a in from_json(row.actions) if isinstance(a, Reply)), None)
        why = refused(app, ticket, row, reply, decision)
        full = None if why else caps.take(conn, row, app.settings.limits, now)
        if why or full is not None:
            _leave_out(conn, app, row, reply, why or (full.why if full else ""), full, now)
            return store.writes_of(conn, decision.key), full
        placed[n] = replace(row, reserved_at=now)
    return placed, None


def _wants_a_place(row: WriteRow) -> bool:
    return row.state == WriteState.PLANNED and row.what in store.PUBLIC


def refused(
    app: App,
    ticket: Ticket,
    row: WriteRow,
    spoken: Reply | AddNote | None,
    decided: DecisionRow | None = None,
) -> str:
    """Return why the message of a call must not be sent, by the ticket as it is now; "" when it may. `decided`: its decision,
    where that was read before."""
    if not isinstance(spoken, Reply):
        return ""
    if decided is None:
        with reading(app.engine) as conn:
            decided = store.decision(conn, row.fact_key)
    message_id = decided.message_id if decided is not None else ""
    late = decided is not None and decided.state == DecisionState.DONE
    own = app.own_addresses_of(ticket.desk)
    return outgoing.refusal(ticket, spoken, Sent(), answers=message_id, own_addresses=own, late=late)


def unspoken(actions: Iterable[Action], prefix: str) -> tuple[Action, ...]:
    """Return the actions without the reply, and without the marks that would be untrue without it."""
    actions = tuple(actions)
    if any(isinstance(a, Reply) and a.purpose == "answer" for a in actions):
        return ()
    kept = (_without(a, f"{prefix}acknowledged") for a in actions if not isinstance(a, Reply | Solve))
    return tuple(a for a in kept if not isinstance(a, AddTags) or a.tags)


def proves(write: Write) -> bool:
    """Return whether a call marks a reply that goes out by another one."""
    marks = any(isinstance(a, AddTags) and a.says for a in write.actions)
    return marks and not isinstance(write.spoken, Reply)


def proven(write: Write, siblings: Iterable[WriteRow]) -> Write:
    """Return the call without marks of a reply that was not sent before it."""
    said = {one.what for one in siblings if one.state == WriteState.DONE}
    kept = tuple(a for a in write.actions if not isinstance(a, AddTags) or not a.says or a.says in said)
    return replace(write, actions=kept)


def _without(action: Action, tag: str) -> Action:
    return (
        replace(action, tags=tuple(t for t in action.tags if t != tag))
        if isinstance(action, AddTags)
        else action
    )


def _leave_out(
    conn: Connection, app: App, row: WriteRow, reply: Reply | None, why: str, full: Full | None, now: datetime
) -> None:
    owed = full is not None and full.brake and row.what == "acknowledgment"
    prefix = app.rules[row.desk].tag_prefix
    _take_out(conn, row, why, prefix)
    if owed and reply is not None:
        _owe(conn, row, reply, prefix, now)
    what_happened = Entry.OWED if owed else Entry.SKIPPED
    store.log(conn, (row.desk, row.ticket_id), now, what_happened, f"{row.what}: {why}", key=row.key)


def tell(app: App, ticket: Ticket, full: Full | None) -> None:
    """Tell our people of a cap that left no room, where they are to hear of it."""
    if full is not None and full.brake:
        _tell(app, ticket.desk, full, app.clock())
    elif full is not None and full.loop:
        loops.tell(app, ticket, full.why, app.clock())


def _take_out(conn: Connection, row: WriteRow, why: str, prefix: str) -> None:
    """Remove the message from its call, and the mark of an acknowledgment from all calls of the decision."""
    for one in store.writes_of(conn, row.fact_key):
        before = from_json(one.actions)
        left = unspoken(before, prefix) if one.key == row.key or row.what == "acknowledgment" else before
        if one.state != WriteState.PLANNED or left == before:
            continue
        values = {"actions": to_json(left), "what": what(left)} if left else {"reason": why}
        state = WriteState.PLANNED if left else WriteState.SKIPPED
        store.set_write(conn, one.key, state, **values)


def _owe(conn: Connection, row: WriteRow, reply: Reply, prefix: str, now: datetime) -> None:
    """Store the acknowledgment as a call of its own, and its mark as another that follows it."""
    actions: tuple[Action, ...] = (reply, AddTags((f"{prefix}acknowledged",), says="acknowledgment"))
    for number, action in enumerate(actions):
        same = {"fact_key": row.fact_key, "desk": row.desk, "ticket_id": row.ticket_id}
        call = {"what": what((action,)), "position": AFTER + number, "actions": to_json((action,))}
        own = {"key": f"{row.key}{OWED}{MARK if number else ''}", "address": "" if number else row.address}
        untried = {"state": WriteState.OWED, "attempts": 0, "looks": 0, "opened_at": now}
        insert_new(conn, writes, own | same | call | untried)


def _tell(app: App, desk: str, full: Full, now: datetime) -> None:
    """Alarm at once, and again in each hour that the cap holds messages back."""
    with reading(app.engine) as conn:
        waiting = sum(
            row.desk == desk and row.what == "acknowledgment" for row in store.owed(conn, limit=10_000)
        )
    words = (
        f"{desk}: {full.why}. {waiting} acknowledgments are held back; they go out when there is room, unless a human "
        f"has answered. If this is no rush of customers, stop it: `backstop pause {desk}`. More an hour: limits.per_hour"
    )
    alarm(app, f"brake:{desk}:{now:%Y-%m-%dT%H}", desk, "", words, now)
