"""One function per query of the ledger. All take a connection, so that related changes commit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from core.desk_ai import HandOver
from core.ledger.db import insert_all_new, insert_new, put
from core.ledger.moves import move
from core.ledger.prepared import compiled
from core.ledger.rows import (
    DecisionRow,
    DeskRow,
    EventRow,
    HistoryRow,
    TicketRow,
    WriteRow,
    every,
    first,
    typed,
)
from core.ledger.schema import decisions, desks, events, history, labels, meta, tickets, writes
from core.ledger.statements import ask, change, literals, rows_of
from core.ledger.states import ENDED, TO_MAKE, UNSETTLED, DecisionState, Entry, EventState, WriteState
from core.mailboxes import mailbox_of
from core.model import (
    Decision,
    History,
    Mode,
    Outcome,
    Prediction,
    Priority,
    TicketEvent,
    TicketState,
    Write,
    created_key,
)
from core.values import storable, to_json, what, without_words

NO_ENTRY = "the desk does not let us in with this credential:"  # prefix of the reason; the next successful sweep ends the wait
PUBLIC = {"answer", "acknowledgment"}  # what customers see

_OPENING = (
    select(events, desks.c.paused_at, meta.c.value.label("kept"))
    .select_from(
        events.outerjoin(desks, desks.c.desk == events.c.desk).outerjoin(
            meta, meta.c.name == bindparam("name")
        )
    )
    .where(events.c.key == bindparam("key"))
)
_DECISIONS_ON = rows_of(decisions, "desk", "ticket_id").order_by(decisions.c.at)
_NEWEST_GUESS = (
    rows_of(decisions, "desk", "ticket_id")
    .with_only_columns(decisions.c.intent, decisions.c.confidence)
    .where(decisions.c.outcome != Outcome.LEFT_ALONE)
    .order_by(decisions.c.at.desc())
    .limit(1)
)
_WRITES_OF = rows_of(writes, "fact_key").order_by(writes.c.position)
_LEFT_OVER = (
    rows_of(writes, "desk", "ticket_id")
    .join(decisions, decisions.c.key == writes.c.fact_key)
    .where(decisions.c.state == DecisionState.DONE, writes.c.state.in_(literals(TO_MAKE)))
    .order_by(writes.c.fact_key, writes.c.position)
)
_WITHOUT_END = (
    rows_of(writes, "desk", "ticket_id")
    .with_only_columns(writes.c.key)
    .where(writes.c.state.not_in(literals(ENDED)))
    .limit(1)
)
_LOG = history.insert().inline()

# --- events: events reported, and what became of them ----------------------------------------


def add_event(conn: Connection, event: TicketEvent, source: str, now: datetime) -> bool:
    """Store a reported event; False when the ledger knows it already."""
    row = {
        "key": event.key,
        "desk": event.desk,
        "ticket_id": event.ticket_id,
        "kind": event.kind,
        "source": source,
        "at": event.at,
        "received_at": now,
        "state": EventState.RECEIVED,
        "attempts": 0,
    }
    return insert_new(conn, events, row)


def opening(conn: Connection, key: str, name: str) -> tuple[EventRow | None, bool, Any]:
    """Return what must be known before an event is dealt with, in one look: the event, whether its desk is on hold,
    and the small fact that is kept under `name`."""
    found = ask(conn, _OPENING, {"key": key, "name": name})
    if not found:
        return None, False, None
    *event, paused_at, kept = found[0]
    return typed(EventRow, event), paused_at is not None, kept


def event(conn: Connection, key: str) -> EventRow | None:
    """Return one event."""
    return first(EventRow, ask(conn, rows_of(events, "key"), {"key": key}))


def settle(conn: Connection, key: str, outcome: str, reason: str, now: datetime) -> None:
    """Settle an event."""
    values: dict[str, Any] = {"outcome": outcome, "reason": reason, "settled_at": now, "due_at": None}
    move(conn, events, EventState.SETTLED, {"key": key}, **values)


def wait(conn: Connection, key: str, due: datetime, reason: str, *, counts: bool = True) -> None:
    """Let an event wait until `due`; no thread waits. One that another worker has settled meanwhile stays settled."""
    more = events.c.attempts + (1 if counts else 0)
    values: dict[str, Any] = {"due_at": due, "reason": reason, "attempts": more}
    move(conn, events, EventState.WAITING, {"key": key}, among=frozenset(UNSETTLED), **values)


def bury(conn: Connection, key: str, reason: str, now: datetime) -> None:
    """Make an event a dead letter: it is listed, the team is notified, and `retry` processes it again."""
    values: dict[str, Any] = {
        "outcome": Outcome.DEAD_LETTER,
        "reason": reason,
        "settled_at": now,
        "due_at": None,
    }
    move(conn, events, EventState.DEAD, {"key": key}, **values)


def due_events(conn: Connection, now: datetime, limit: int = 500) -> list[EventRow]:
    """Return the events to process again: waiting and due."""
    query = select(events).where(events.c.state == EventState.WAITING, events.c.due_at <= now)
    return every(EventRow, conn.execute(query.order_by(events.c.due_at).limit(limit)))


def requeue(conn: Connection, key: str) -> bool:
    """Waiting → received, for one taker only."""
    waits: dict[str, Any] = {"key": key, "state": EventState.WAITING}
    return bool(move(conn, events, EventState.RECEIVED, waits, due_at=None))


def hasten(conn: Connection, desk: str, now: datetime, reason: str = "") -> int:
    """Make waiting events due now that the desk answers again; with `reason`, only those whose reason begins with it."""
    late = and_(events.c.desk == desk, events.c.state == EventState.WAITING, events.c.due_at > now)
    late = and_(late, events.c.reason.startswith(reason, autoescape=True))
    return conn.execute(update(events).where(late).values(due_at=now)).rowcount


def dropped(conn: Connection, key: str, now: datetime) -> bool:
    """Make an unsettled event whose workflow was lost due now; the lost try counts."""
    under_way: dict[str, Any] = {"key": key, "state": EventState.RECEIVED}
    attempts = events.c.attempts + 1
    return bool(move(conn, events, EventState.WAITING, under_way, due_at=now, attempts=attempts))


def died(conn: Connection, key: str) -> int:
    """Count a worker's death while it handled this event; return how often that has happened."""
    mine = and_(events.c.key == key, events.c.state == EventState.RECEIVED)
    conn.execute(update(events).where(mine).values(deaths=events.c.deaths + 1))
    return conn.execute(select(events.c.deaths).where(mine)).scalar() or 0


def dead(conn: Connection, desk: str | None = None) -> list[EventRow]:
    """Return the dead letters, newest first."""
    query = select(events).where(events.c.state == EventState.DEAD)
    if desk:
        query = query.where(events.c.desk == desk)
    return every(EventRow, conn.execute(query.order_by(events.c.settled_at.desc())))


def unsettled(conn: Connection, desk: str | None = None) -> int:
    """Return how many events are unsettled."""
    query = select(func.count()).select_from(events).where(events.c.state.in_(UNSETTLED))
    return int(conn.execute(query.where(events.c.desk == desk) if desk else query).scalar_one())


# --- tickets --------------------------------------------------------------------------------


def ticket(conn: Connection, desk: str, ticket_id: str) -> TicketRow | None:
    """Return the state of one ticket."""
    where = {"desk": desk, "ticket_id": ticket_id}
    return first(TicketRow, ask(conn, rows_of(tickets, *where), where))


def put_ticket(
    conn: Connection,
    where: tuple[str, str],
    now: datetime,
    *,
    state: TicketState | None = None,
    new: bool = False,
    **values: Any,
) -> None:
    """Create or change a ticket's row; `where` is desk and ticket id, `new` says that there was none. Raises IllegalChange."""
    values["updated_at"] = now
    if not new and _change_ticket(conn, where, state, values):
        return
    row = {"desk": where[0], "ticket_id": where[1], "state": TicketState.RECEIVED, "first_seen_at": now}
    if not insert_new(conn, tickets, row | values) or state is not None:
        _change_ticket(conn, where, state, values)


def _change_ticket(
    conn: Connection, where: tuple[str, str], state: TicketState | None, values: Mapping[str, Any]
) -> int:
    mine = {"desk": where[0], "ticket_id": where[1]}
    if state is None:
        return change(conn, tickets, mine, values)
    return move(conn, tickets, state, mine, **values)


def history_of(row: TicketRow | None) -> History:
    """Return what the policy needs to know of the ticket's past."""
    if row is None:
        return History()
    return History(
        state=TicketState(row.state) if row.state else None,
        auto_answered=row.auto_resolved_at is not None and row.escalated_at is None,
        acknowledged=row.acknowledged_at is not None or row.handed_over == HandOver.WORDS,
        handed_over=bool(row.handed_over),
        escalated=row.escalated_at is not None,
        priority=Priority(row.priority) if row.priority else None,
        intent=row.intent,
        queue=row.queue,
        reason=row.reason,
    )


def due_tickets(
    conn: Connection, now: datetime, desks: Iterable[str] | None = None, limit: int = 1000
) -> list[TicketRow]:
    """Return tickets whose next rung is due, the longest due first: by the index on `next_due_at`. Of these desks only:
    tickets of a desk that has left the configuration must not fill the page for ever."""
    due = tickets.c.next_due_at <= now
    unindexed = tickets.c.desk.concat("")  # SQLite would take an index by desk, and read all of its tickets
    mine = due if desks is None else and_(due, unindexed.in_(list(desks)))
    return every(
        TicketRow, conn.execute(select(tickets).where(mine).order_by(tickets.c.next_due_at).limit(limit))
    )


def waiting_elsewhere(conn: Connection, desks: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return, for each desk that is not one of `desks`, how many of its tickets have a due time and how many of its events
    are unsettled; desks with neither are left out."""
    known = list(desks)
    due = (tickets.c.desk, tickets.c.next_due_at.is_not(None))
    unsettled = (events.c.desk, events.c.state.in_(UNSETTLED))
    counted = []
    for desk, which in (due, unsettled):
        rows = conn.execute(select(desk, func.count()).where(desk.not_in(known), which).group_by(desk))
        counted.append({str(name): int(number) for name, number in rows})
    return {
        desk: (counted[0].get(desk, 0), counted[1].get(desk, 0)) for desk in sorted(counted[0] | counted[1])
    }


# --- decisions and writes -------------------------------------------------------------------


def decision(conn: Connection, key: str) -> DecisionRow | None:
    """Return the decision about one event."""
    return first(DecisionRow, ask(conn, rows_of(decisions, "key"), {"key": key}))


def decisions_on(conn: Connection, desk: str, ticket_id: str) -> list[DecisionRow]:
    """Return all decisions on a ticket, oldest first."""
    return every(DecisionRow, ask(conn, _DECISIONS_ON, {"desk": desk, "ticket_id": ticket_id}))


def newest_decisions(conn: Connection, desk: str, ticket_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when each of these tickets was last decided about."""
    mine = and_(decisions.c.desk == desk, decisions.c.ticket_id.in_(ticket_ids))
    query = select(decisions.c.ticket_id, func.max(decisions.c.at).label("newest")).where(mine)
    return {row.ticket_id: row.newest for row in conn.execute(query.group_by(decisions.c.ticket_id))}


def newest_guess(conn: Connection, desk: str, ticket_id: str) -> tuple[str, float] | None:
    """Intent and confidence of the newest message that was acted upon; None where nothing was decided."""
    found = ask(conn, _NEWEST_GUESS, {"desk": desk, "ticket_id": ticket_id})
    return (found[0][0], found[0][1]) if found else None


def add_decision(
    conn: Connection,
    key: str,
    where: tuple[str, str],
    decided: Decision,
    prediction: Prediction,
    *,
    message_id: str,
    mode: str,
    words: str,
    now: datetime,
) -> DecisionRow | None:
    """Store a decision; None when this event was decided about already."""
    row: dict[str, Any] = {
        "key": key,
        "desk": where[0],
        "ticket_id": where[1],
        "message_id": message_id,
        "at": now,
        "intent": decided.intent,
        "confidence": decided.confidence,
        "alternatives": [[g.intent, round(g.confidence, 4)] for g in prediction.alternatives],
        "evidence": list(prediction.evidence),
        "model": prediction.model,
        "band": decided.band or "",
        "outcome": decided.outcome,
        "priority": decided.priority,
        "queue": decided.queue,
        "reason": decided.reason,
        "rule": decided.rule,
        "rules_version": decided.rules_version,
        "mode": mode,
        # what is written has its text in `writes`; what is only observed stands nowhere else
        "actions": (to_json if mode == Mode.OBSERVE else without_words)(decided.actions),
        "escalates": decided.escalates,
        "words": words,
    }
    row = storable(row) | {"state": DecisionState.DECIDED}
    return DecisionRow(**row) if insert_new(conn, decisions, row) else None


def plan_writes(
    conn: Connection, fact_key: str, where: tuple[str, str], planned: Sequence[Write], address: str
) -> list[WriteRow]:
    """Store the calls to be made for a decision, in order, unless they are there; return them as new ones."""
    rows = [_planned(fact_key, where, n, one, address) for n, one in enumerate(planned)]
    insert_all_new(conn, writes, [vars(row) for row in rows])
    return rows


def _planned(fact_key: str, where: tuple[str, str], position: int, write: Write, address: str) -> WriteRow:
    kind = what(write.actions)
    return WriteRow(
        key=write.key,
        fact_key=fact_key,
        desk=where[0],
        ticket_id=where[1],
        what=kind,
        position=position,
        actions=storable(to_json(write.actions)),
        address=mailbox_of(address) if kind in PUBLIC else "",
        state=WriteState.PLANNED,
        attempts=0,
        looks=0,
        opened_at=None,
        reserved_at=None,
        done_at=None,
        vendor_id="",
        reason="",
    )


def writes_of(conn: Connection, fact_key: str) -> list[WriteRow]:
    """Return the calls of one decision, in order."""
    return every(WriteRow, ask(conn, _WRITES_OF, {"fact_key": fact_key}))


def set_write(conn: Connection, key: str, state: WriteState, **values: Any) -> None:
    """planned → open → done, skipped or failed. A write that was not sent frees its place under the caps."""
    if state in {WriteState.SKIPPED, WriteState.FAILED}:
        values["reserved_at"] = None
    move(conn, writes, state, {"key": key}, **values)


def claim_write(
    conn: Connection, row: WriteRow, now: datetime, reserved_at: datetime | None = None
) -> WriteRow | None:
    """Claim a call and return its row; None when another worker has changed it since `row` was read.
    `reserved_at`: since when its message keeps the place under the caps that it has."""
    as_read = {"key": row.key, "state": row.state, "opened_at": row.opened_at}
    ours: dict[str, Any] = {"opened_at": now, "attempts": row.attempts + 1, "looks": 0}
    ours |= {"reserved_at": reserved_at} if reserved_at is not None else {}
    claimed = move(conn, writes, WriteState.OPEN, as_read, **ours)
    return replace(row, state=WriteState.OPEN, **ours) if claimed else None


def looked(conn: Connection, row: WriteRow) -> bool:
    """Count a look-up of an open call at the desk; return False when the call has changed since `row` was read."""
    same = {"key": row.key, "state": WriteState.OPEN, "opened_at": row.opened_at}
    return bool(change(conn, writes, same, {"looks": row.looks + 1}))


def unclaim_write(conn: Connection, key: str, opened_at: datetime) -> None:
    """Release our own claim of a call; another process's claim stays."""
    ours = {"key": key, "state": WriteState.OPEN, "opened_at": opened_at}
    move(conn, writes, WriteState.PLANNED, ours, opened_at=None)


def left_over(conn: Connection, where: tuple[str, str]) -> list[WriteRow]:
    """Return the calls on a ticket that are to be made though their decision was carried out: owed, or tried again."""
    return every(WriteRow, ask(conn, _LEFT_OVER, {"desk": where[0], "ticket_id": where[1]}))


def any_left(conn: Connection, desk: str, ticket_id: str) -> bool:
    """Return whether a call on a ticket has no end."""
    return bool(ask(conn, _WITHOUT_END, {"desk": desk, "ticket_id": ticket_id}))


def owed(conn: Connection, desk: str = "", ticket_id: str = "", limit: int = 200) -> list[WriteRow]:
    """Return the acknowledgments that wait for room, the longest waiting first; of one ticket where it is named."""
    query = select(writes).where(writes.c.state == WriteState.OWED).order_by(writes.c.opened_at, writes.c.key)
    if ticket_id:
        query = query.where(writes.c.desk == desk, writes.c.ticket_id == ticket_id)
    return every(WriteRow, conn.execute(query.limit(limit)))


def write(conn: Connection, key: str) -> WriteRow:
    """Return one call's row."""
    return typed(WriteRow, ask(conn, rows_of(writes, "key"), {"key": key})[0])


def finish_decision(conn: Connection, key: str) -> None:
    """Mark a decision done: all its calls have an end state."""
    move(conn, decisions, DecisionState.DONE, {"key": key})


# --- the history of one ticket ----------------------------------------------------------------


def log(
    conn: Connection, where: tuple[str, str], now: datetime, what: Entry, detail: str = "", **data: Any
) -> None:
    """Append to a ticket's history, in plain words; never the customer's text."""
    row = {"desk": where[0], "ticket_id": where[1], "at": now, "what": what, "detail": detail, "data": data}
    compiled(_LOG, conn.dialect, tuple(row))(conn, row)


def story(conn: Connection, desk: str, ticket_id: str) -> list[HistoryRow]:
    """Return the history of one ticket, in order."""
    query = rows_of(history, "desk", "ticket_id").order_by(history.c.id)
    return every(HistoryRow, conn.execute(query, {"desk": desk, "ticket_id": ticket_id}))


# --- desks ----------------------------------------------------------------------------------


def desk(conn: Connection, name: str) -> DeskRow | None:
    """Return the sweep's row of a desk, None before the first sweep."""
    return first(DeskRow, ask(conn, rows_of(desks, "desk"), {"desk": name}))


def begin_desk(conn: Connection, name: str, now: datetime) -> None:
    """Store when the first event of a desk was received."""
    if not insert_new(conn, desks, {"desk": name, "started_at": now}):
        conn.execute(
            update(desks).where(desks.c.desk == name, desks.c.started_at.is_(None)).values(started_at=now)
        )


def put_desk(conn: Connection, name: str, **values: Any) -> None:
    """Create or change a desk's row."""
    put(conn, desks, ["desk"], {"desk": name, **values})


def known(conn: Connection, desk: str, ticket_ids: Sequence[str]) -> dict[str, TicketRow]:
    """Return the rows of these tickets by id; without those that the ledger does not know."""
    query = select(tickets).where(tickets.c.desk == desk, tickets.c.ticket_id.in_(list(ticket_ids)))
    return {row.ticket_id: row for row in every(TicketRow, conn.execute(query))}


def events_known(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Return which of these events the ledger knows."""
    return set(conn.execute(select(events.c.key).where(events.c.key.in_(list(keys)))).scalars())


def passed_over(conn: Connection, desk: str, ticket_ids: Iterable[str]) -> set[str]:
    """Return those of these tickets whose first event is settled: of one without a row, nothing was done about it
    then."""
    by_key = {created_key(desk, one): one for one in ticket_ids}
    settled = and_(events.c.key.in_(list(by_key)), events.c.state == EventState.SETTLED)
    return {by_key[key] for key in conn.scalars(select(events.c.key).where(settled))}


def label(
    conn: Connection, where: tuple[str, str], intent: str, source: str, now: datetime, words: str
) -> None:
    """Store the intent that a human finally gave a ticket."""
    row = {
        "desk": where[0],
        "ticket_id": where[1],
        "intent": intent,
        "source": source,
        "at": now,
        "words": words,
    }
    put(conn, labels, ["desk", "ticket_id"], row)


def corrected(
    conn: Connection, where: tuple[str, str], intent: str, source: str, by: str, now: datetime
) -> None:
    """Store a person's correction of a ticket's intent, and a label to learn from."""
    decided = decision(conn, created_key(*where))
    put_ticket(conn, where, now, final_intent=intent)
    label(conn, where, intent, source, now, decided.words if decided else "")
    log(conn, where, now, Entry.CORRECTED, f"{by} says it is {intent}")


def undue(conn: Connection, desk: str) -> list[str]:
    """Return the tickets that wait for a human and have no due time: no reminder would ever be sent for them."""
    awaited = tickets.c.state.in_((TicketState.ESCALATED, TicketState.REESCALATED, TicketState.CLAIMED))
    query = select(tickets.c.ticket_id).where(
        tickets.c.desk == desk, awaited, tickets.c.next_due_at.is_(None), tickets.c.closed_at.is_(None)
    )
    return list(conn.scalars(query))


def newest(conn: Connection, desk: str, since: datetime) -> list[str]:
    """Return the tickets first seen since then that are not closed."""
    fresh = and_(tickets.c.first_seen_at > since, tickets.c.closed_at.is_(None))
    return list(conn.scalars(select(tickets.c.ticket_id).where(tickets.c.desk == desk, fresh)))


def refused_calls(conn: Connection) -> list[WriteRow]:
    """Return the calls that desks refused for good and that may be retried, oldest first.

    Not answers: where one was refused, people were notified instead. Nor second messages: the time that they name is over.
    """
    again = and_(
        writes.c.state == WriteState.FAILED, writes.c.what.not_in(("answer", "second_word", "surge"))
    )
    rows = every(WriteRow, conn.execute(select(writes).where(again).order_by(writes.c.done_at, writes.c.key)))
    return [row for row in rows if row.actions]  # retention has taken the words of the others


def refused(conn: Connection, desk: str) -> list[str]:
    """Return the tickets with a call that the desk refused for good."""
    mine = and_(writes.c.desk == desk, writes.c.state == WriteState.FAILED)
    return list(conn.scalars(select(writes.c.ticket_id).where(mine).distinct()))


def stuck(conn: Connection, now: datetime, older: timedelta) -> list[EventRow]:
    """Return events that are overdue, and dead letters."""
    query = select(events).where(or_(overdue(now, older), events.c.state == EventState.DEAD))
    return every(EventRow, conn.execute(query))


def overdue(now: datetime, older: timedelta) -> ColumnElement[bool]:
    """Return whether an event is unsettled and overdue by more than `older`."""
    return or_(
        and_(events.c.state == EventState.RECEIVED, events.c.received_at < now - older),
        and_(events.c.state == EventState.WAITING, events.c.due_at < now - older),
        and_(events.c.state == EventState.WAITING, events.c.due_at.is_(None)),
    )
