"""A decision's calls, one after the other, each at most once in what others see.

planned → open (claimed, the call may be under way) → done | skipped | failed. A call found open is one whose
answer we never read: its note or reply is looked up at the desk, twice, before it is made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from core import outgoing, policy
from core.app import App
from core.errors import BackstopError, Conflict, HeldByAI, NotAllowed, Refused, TryLater, UnknownOutcome
from core.ledger import caps, store
from core.ledger.db import reading
from core.ledger.rows import DecisionRow, WriteRow
from core.ledger.states import ENDED, Entry, WriteState
from core.model import (
    AddTags,
    History,
    Outcome,
    Receipt,
    ReceiptState,
    Reply,
    RunAction,
    SetFields,
    SetPriority,
    SetQueue,
    Solve,
    Ticket,
    Write,
)
from core.pipeline import places
from core.pipeline.batch import Batch
from core.pipeline.outcome import remember
from core.values import from_json

CONFLICT_TRIES = 3
SECOND_LOOK = timedelta(seconds=5)
INSTEAD = ":instead"  # in the keys of calls that are made because an answer did not go out

LOOK_BEFORE_REPEATING = True
"""Switched off only by the test that proves that the look-up is what prevents doubles."""


def carry_out(
    app: App, ticket: Ticket, decision: DecisionRow, batch: Batch, decided: Sequence[WriteRow] | None = None
) -> None:
    """Make the calls that are left, then have it remembered what the ticket has become. `decided`: the calls of a decision
    that was stored just now, the first of them claimed; without it they are read, and may have been made before."""
    rows = list(decided) if decided is not None else places.take(app, ticket, decision)
    failures = []
    for n, row in enumerate(rows):
        if row.state in ENDED or row.state == WriteState.OWED:
            continue
        if _unsaid(decision, rows) and INSTEAD not in row.key:
            # what would solve and mark an answered ticket must not follow no answer
            rows[n] = _end(app, batch, row, WriteState.SKIPPED, "the answer did not go out")
            continue
        ours = decided is not None and row.state == WriteState.OPEN
        ticket, rows[n], failed = perform(app, ticket, row, batch, decision, rows, ours=ours)
        failures += [failed] if failed else []
    unsaid = _unsaid(decision, rows)
    if unsaid and not outgoing.human_touch(ticket):
        failures += _instead(app, ticket, decision, unsaid, batch)
    remember(app, ticket, decision, failures, batch, unsaid)


def make_up(app: App, ticket: Ticket, batch: Batch) -> Ticket:
    """Make the calls that were refused and are tried again; what the ticket has become since stays as it is."""
    if ticket.read_only:
        return ticket
    with reading(app.engine) as conn:
        rows = store.left_over(conn, (ticket.desk, ticket.id))
    for row in rows:
        ticket, _, failed = perform(app, ticket, row, batch)
        if failed:
            batch.log(Entry.FAILED, failed, key=row.key)
        batch.flush()
    return ticket


def _unsaid(decision: DecisionRow, rows: Sequence[WriteRow]) -> str:
    """Return why an answer that was decided on did not go out; "" when it did, or when there was none."""
    answers = [one for one in rows if one.what == "answer"]
    if decision.outcome != Outcome.AUTO_RESOLVED or not answers:
        return ""
    unsaid = answers[-1].state in {WriteState.SKIPPED, WriteState.FAILED}
    return f"the answer did not go out: {answers[-1].reason}" if unsaid else ""


def _instead(app: App, ticket: Ticket, decision: DecisionRow, why: str, batch: Batch) -> list[str]:
    """The answer could not go out: the ticket goes to the general queue, flagged, so that a human sees it."""
    rules, desk = app.rules[ticket.desk], app.desks[ticket.desk]
    fallback = policy.fallback(ticket, why, History(), rules, speak=False)
    can = tuple(a for a in fallback.actions if type(a) in desk.supports)
    planned = desk.writes(ticket, can, f"{decision.key}{INSTEAD}")
    with batch.begin() as conn:
        store.plan_writes(conn, decision.key, (ticket.desk, ticket.id), planned, "")
        keys = {write.key for write in planned}
        rows = [w for w in store.writes_of(conn, decision.key) if w.key in keys and w.state not in ENDED]
    failures = []
    for row in rows:
        ticket, _, failed = perform(app, ticket, row, batch, decision)
        failures += [failed] if failed else []
    return failures


def perform(
    app: App,
    ticket: Ticket,
    row: WriteRow,
    batch: Batch,
    decision: DecisionRow | None = None,
    siblings: Sequence[WriteRow] | None = None,
    *,
    ours: bool = False,
) -> tuple[Ticket, WriteRow, str]:
    """Make one call, to its end state; return the ticket with its new version, the call, and why it failed ("" if it did
    not). Its mark waits for the next transaction. `decision`, `siblings`: its decision and all calls of that as they stand
    now, else read. `ours`: it was claimed just now and is not made yet."""
    write = Write(row.key, from_json(row.actions))
    if places.proves(write):
        if siblings is None:
            batch.flush()
            with reading(app.engine) as conn:
                siblings = store.writes_of(conn, row.fact_key)
        write = places.proven(write, siblings)
    if not write.actions:
        return ticket, _end(app, batch, row, WriteState.SKIPPED, "what it would mark did not happen"), ""
    if row.state == WriteState.OPEN and not ours and write.spoken and LOOK_BEFORE_REPEATING:
        found = _looked_up(app, ticket, row, write)
        if found is not None:
            words = "found at the desk: not sent again"
            return ticket, _mark(app, batch, row, WriteState.DONE, found, words), ""
    why_not = "" if ours else places.refused(app, ticket, row, write.spoken, decision)
    if why_not:
        write = replace(write, actions=places.unspoken(write.actions, app.rules[ticket.desk].tag_prefix))
        batch.log(Entry.SKIPPED, f"{row.what}: {why_not}", key=row.key)
        if not write.actions:
            return ticket, _end(app, batch, row, WriteState.SKIPPED, why_not), ""
    return _send(app, ticket, row, write, batch, why_not, ours=ours)


def _looked_up(app: App, ticket: Ticket, row: WriteRow, write: Write) -> Receipt | None:
    """Look up whether the call reached the desk. Only a second look proves absence: by then the old request has ended."""
    desk, now = app.desks[ticket.desk], app.clock()
    found = desk.landed(ticket.id, write, _not_before(app, ticket, row))
    if found is not None:
        return found
    over = row.claimed_at + desk.patience
    with app.engine.begin() as conn:
        if not store.looked(conn, row):
            raise Conflict(f"another worker deals with the call {row.key}")
    if now < over:
        raise TryLater("a call of unknown outcome may still be under way", status=429, wait=over - now)
    if row.looks == 0:
        wait = min(SECOND_LOOK, desk.patience)
        raise TryLater("a call of unknown outcome is looked for once more", status=429, wait=wait)
    return None


def _not_before(app: App, ticket: Ticket, row: WriteRow) -> datetime:
    """Return since when the desk may show the call: by its own clock, where ours is ahead, since the message it is about."""
    with reading(app.engine) as conn:
        decided = store.decision(conn, row.fact_key)
    about = next((m.at for m in ticket.messages if decided is not None and m.id == decided.message_id), None)
    return min(row.claimed_at, about or row.claimed_at)


def _send(
    app: App, ticket: Ticket, row: WriteRow, write: Write, batch: Batch, unsaid: str, *, ours: bool
) -> tuple[Ticket, WriteRow, str]:
    """Claim, call, mark; with less when the desk refuses a part of it."""
    refused = ""
    for attempt, lesser in enumerate(_degraded(write)):
        try:
            ticket, row, receipt = _call(app, ticket, row, lesser, batch, ours=ours and not attempt)
        except NotAllowed:
            raise
        except HeldByAI as err:  # it stays planned, and is made when the desk's own AI has handed over
            batch.log(Entry.OWED, f"{row.what}: {err}", key=row.key)
            return ticket, _as_it_is(app, row), ""
        except Refused as err:
            refused, row = str(err), _as_it_is(app, row)
            batch.log(Entry.REFUSED, refused, key=row.key)
            continue
        less = "without what the desk refused" if attempt else receipt.detail
        state = WriteState.SKIPPED if unsaid else WriteState.DONE
        row = _mark(app, batch, row, state, receipt, unsaid or less)
        return _as_written(ticket, lesser, receipt), row, ""
    return ticket, _end(app, batch, row, WriteState.FAILED, refused), refused


def _as_written(ticket: Ticket, write: Write, receipt: Receipt) -> Ticket:
    """Return the ticket with the version and tags that the next call needs."""
    ours = frozenset(tag for a in write.actions if isinstance(a, AddTags) for tag in a.tags)
    there = ticket.tags if receipt.tags is None else receipt.tags
    return replace(ticket, version=receipt.version or ticket.version, tags=there | ours, written=True)


def _call(
    app: App, ticket: Ticket, row: WriteRow, write: Write, batch: Batch, *, ours: bool
) -> tuple[Ticket, WriteRow, Receipt]:
    """One call, read again and repeated when the ticket changed under us."""
    desk = app.desks[ticket.desk]
    for attempt in range(CONFLICT_TRIES):
        row = row if ours and not attempt else _claimed(app, row, write, batch)
        if app.clock() - row.claimed_at > desk.patience / 2:
            # others may soon take it for a call that was lost, and make it
            _unclaimed(app, row)
            raise TryLater("the store was slow to take a claim", wait=timedelta(seconds=1))
        try:
            return ticket, row, desk.send(ticket, write)
        except UnknownOutcome:
            raise
        except Conflict:
            row = _unclaimed(app, row)
            ticket = desk.fetch(ticket.id)
            if isinstance(write.spoken, Reply) and outgoing.human_touch(ticket):
                return ticket, row, Receipt(state=ReceiptState.SKIPPED, detail="an agent came first")
        except BackstopError:
            _unclaimed(app, row)
            raise
    raise TryLater("the ticket keeps changing under us", wait=timedelta(seconds=5))


def _claimed(app: App, row: WriteRow, write: Write, batch: Batch) -> WriteRow:
    """The call is ours alone: a worker that was thought dead may wake up on any line. What is said in it keeps its place
    under the caps from now on."""
    now = app.clock()
    speaks = isinstance(write.spoken, Reply)
    keeps = speaks and caps.has_place(row, now)
    with batch.begin() as conn:
        claimed = store.claim_write(conn, row, now, now if keeps else None)
        if claimed is None:
            raise Conflict(f"another worker is making the call {row.key}")
        if speaks and not keeps and caps.take(conn, row, app.settings.limits, now) is not None:
            raise TryLater("its place under the cap was lost meanwhile", wait=timedelta(seconds=1))
    return claimed


def _as_it_is(app: App, row: WriteRow) -> WriteRow:
    with reading(app.engine) as conn:
        return store.write(conn, row.key)


def _degraded(write: Write) -> Iterator[Write]:
    """Yield the same call with ever fewer of the actions that a desk may refuse; the message is kept."""
    yield write
    for drop in ((SetFields, SetPriority, Solve, RunAction), (SetQueue,)):
        rest = tuple(a for a in write.actions if not isinstance(a, drop))
        if rest and rest != write.actions:
            write = replace(write, actions=rest)
            yield write


def _unclaimed(app: App, row: WriteRow) -> WriteRow:
    """Release the claim of a call that did not reach the desk."""
    with app.engine.begin() as conn:
        store.unclaim_write(conn, row.key, row.claimed_at)
        return store.write(conn, row.key)


def _mark(
    app: App, batch: Batch, row: WriteRow, state: WriteState, receipt: Receipt, detail: str
) -> WriteRow:
    """The call was made, or found made; return it as it will stand."""
    now = app.clock()
    ended = WriteState.SKIPPED if receipt.state == ReceiptState.SKIPPED else state
    done = ended == WriteState.DONE
    words = f"{row.what}{': ' + detail if detail else ''}"

    def remembered(conn: Connection) -> dict[str, Any]:
        store.set_write(conn, row.key, ended, done_at=now, vendor_id=receipt.id, reason=detail)
        store.log(conn, batch.where, now, Entry.WROTE if done else Entry.SKIPPED, words, key=row.key)
        seen = {"desk_updated_at": receipt.changed_at} if receipt.changed_at is not None else {}
        return seen | ({"acknowledged_at": now} if done and row.what == "acknowledgment" else {})

    batch.add(remembered)
    return replace(row, state=ended, reason=detail)


def _end(app: App, batch: Batch, row: WriteRow, state: WriteState, reason: str) -> WriteRow:
    now = app.clock()
    batch.add(lambda conn: store.set_write(conn, row.key, state, done_at=now, reason=reason))
    return replace(row, state=state, reason=reason)
