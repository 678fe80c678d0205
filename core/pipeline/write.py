"""A decision's calls, one after the other, each at most once in what others see.

planned → open (claimed, the call may be under way) → done | skipped | failed. A call found open is one whose
answer we never read: its note or reply is looked up at the desk, twice, before it is made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

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
from core.pipeline.outcome import remember
from core.values import from_json

CONFLICT_TRIES = 3
SECOND_LOOK = timedelta(seconds=5)

LOOK_BEFORE_REPEATING = True
"""Switched off only by the test that proves that the look-up is what prevents doubles."""


def carry_out(app: App, ticket: Ticket, decision: DecisionRow) -> None:
    """Make the calls that are left, then remember what the ticket has become."""
    rows = places.take(app, ticket, decision)
    failures = []
    for row in rows:
        if row.state in ENDED or row.state == WriteState.OWED:
            continue
        if _unsaid(app, decision):  # what would solve and mark an answered ticket must not follow no answer
            _end(app, row, WriteState.SKIPPED, "the answer did not go out")
            continue
        ticket, failed = perform(app, ticket, row)
        failures += [failed] if failed else []
    unsaid = _unsaid(app, decision)
    if unsaid and not outgoing.human_touch(ticket):
        failures += _instead(app, ticket, decision, unsaid)
    remember(app, ticket, decision, failures, unsaid)


def make_up(app: App, ticket: Ticket) -> Ticket:
    """Make the calls that were refused and are tried again; what the ticket has become since stays as it is."""
    if ticket.read_only:
        return ticket
    with reading(app.engine) as conn:
        rows = store.tried_again(conn, ticket.desk, ticket.id)
    for row in rows:
        ticket, failed = perform(app, ticket, row)
        if failed:
            _say(app, ticket, Entry.FAILED, failed, row.key)
    return ticket


def _unsaid(app: App, decision: DecisionRow) -> str:
    """Why an answer that was decided on did not go out; "" when it did, or when there was none."""
    if decision.outcome != Outcome.AUTO_RESOLVED:
        return ""
    with reading(app.engine) as conn:
        rows = [w for w in store.writes_of(conn, decision.key) if w.what == "answer"]
    if not rows or rows[-1].state not in {WriteState.SKIPPED, WriteState.FAILED}:
        return ""
    return f"the answer did not go out: {rows[-1].reason}"


def _instead(app: App, ticket: Ticket, decision: DecisionRow, why: str) -> list[str]:
    """The answer could not go out: the ticket goes to the general queue, flagged, so that a human sees it."""
    rules, desk = app.rules[ticket.desk], app.desks[ticket.desk]
    fallback = policy.fallback(ticket, why, History(), rules, speak=False)
    can = tuple(a for a in fallback.actions if type(a) in desk.supports)
    planned = desk.writes(ticket, can, f"{decision.key}:instead")
    with app.engine.begin() as conn:
        store.plan_writes(conn, decision.key, (ticket.desk, ticket.id), planned, "")
        keys = {write.key for write in planned}
        rows = [w for w in store.writes_of(conn, decision.key) if w.key in keys and w.state not in ENDED]
    failures = []
    for row in rows:
        ticket, failed = perform(app, ticket, row)
        failures += [failed] if failed else []
    return failures


def perform(app: App, ticket: Ticket, row: WriteRow) -> tuple[Ticket, str]:
    """Make one call, to its end state; return the ticket with its new version, and why it failed ("" if it did not)."""
    write = places.proven(app, row, Write(row.key, from_json(row.actions)))
    if not write.actions:
        _end(app, row, WriteState.SKIPPED, "what it would mark did not happen")
        return ticket, ""
    if row.state == WriteState.OPEN and write.spoken and LOOK_BEFORE_REPEATING:
        found = _looked_up(app, ticket, row, write)
        if found is not None:
            _mark(app, ticket, row, WriteState.DONE, found, "found at the desk: not sent again")
            return ticket, ""
    why_not = places.refused(app, ticket, row, write.spoken)
    if why_not:
        write = replace(write, actions=places.unspoken(write.actions, app.rules[ticket.desk].tag_prefix))
        _say(app, ticket, Entry.SKIPPED, f"{row.what}: {why_not}", row.key)
        if not write.actions:
            _end(app, row, WriteState.SKIPPED, why_not)
            return ticket, ""
    return _send(app, ticket, row, write, why_not)


def _looked_up(app: App, ticket: Ticket, row: WriteRow, write: Write) -> Receipt | None:
    """Look up whether the call reached the desk. Only a second look proves absence: by then the old request has ended."""
    desk, now = app.desks[ticket.desk], app.clock()
    found = desk.landed(ticket.id, write, row.claimed_at)
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


def _send(app: App, ticket: Ticket, row: WriteRow, write: Write, unsaid: str = "") -> tuple[Ticket, str]:
    """Claim, call, mark; with less when the desk refuses a part of it."""
    refused = ""
    for attempt, lesser in enumerate(_degraded(write)):
        try:
            ticket, receipt = _call(app, ticket, row, lesser)
        except NotAllowed:
            raise
        except HeldByAI as err:  # it stays planned, and is made when the desk's own AI has handed over
            _say(app, ticket, Entry.OWED, f"{row.what}: {err}", row.key)
            return ticket, ""
        except Refused as err:
            refused, row = str(err), _as_it_is(app, row)
            _say(app, ticket, Entry.REFUSED, refused, row.key)
            continue
        less = "without what the desk refused" if attempt else receipt.detail
        _mark(app, ticket, row, WriteState.SKIPPED if unsaid else WriteState.DONE, receipt, unsaid or less)
        return _as_written(ticket, lesser, receipt), ""
    _end(app, row, WriteState.FAILED, refused)
    return ticket, refused


def _as_written(ticket: Ticket, write: Write, receipt: Receipt) -> Ticket:
    """Return the ticket with the version and tags that the next call needs."""
    ours = frozenset(tag for a in write.actions if isinstance(a, AddTags) for tag in a.tags)
    there = ticket.tags if receipt.tags is None else receipt.tags
    return replace(ticket, version=receipt.version or ticket.version, tags=there | ours, written=True)


def _call(app: App, ticket: Ticket, row: WriteRow, write: Write) -> tuple[Ticket, Receipt]:
    """One call, read again and repeated when the ticket changed under us."""
    desk = app.desks[ticket.desk]
    for _ in range(CONFLICT_TRIES):
        row = _claimed(app, row, write)
        if app.clock() - row.claimed_at > desk.patience / 2:
            # others may soon take it for a call that was lost, and make it
            _unclaimed(app, row)
            raise TryLater("the store was slow to take a claim", wait=timedelta(seconds=1))
        try:
            return ticket, desk.send(ticket, write)
        except UnknownOutcome:
            raise
        except Conflict:
            row = _unclaimed(app, row)
            ticket = desk.fetch(ticket.id)
            if isinstance(write.spoken, Reply) and outgoing.human_touch(ticket):
                return ticket, Receipt(state=ReceiptState.SKIPPED, detail="an agent came first")
        except BackstopError:
            _unclaimed(app, row)
            raise
    raise TryLater("the ticket keeps changing under us", wait=timedelta(seconds=5))


def _claimed(app: App, row: WriteRow, write: Write) -> WriteRow:
    """The call is ours alone: a worker that was thought dead may wake up on any line. What is said in it keeps its place
    under the caps from now on."""
    now = app.clock()
    with app.engine.begin() as conn:
        if not store.claim_write(conn, row, now):
            raise Conflict(f"another worker is making the call {row.key}")
        if isinstance(write.spoken, Reply) and caps.take(conn, row, app.settings.limits, now) is not None:
            raise TryLater("its place under the cap was lost meanwhile", wait=timedelta(seconds=1))
        return store.write(conn, row.key)


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


def _mark(app: App, ticket: Ticket, row: WriteRow, state: WriteState, receipt: Receipt, detail: str) -> None:
    now = app.clock()
    state = WriteState.SKIPPED if receipt.state == ReceiptState.SKIPPED else state
    with app.engine.begin() as conn:
        store.set_write(conn, row.key, state, done_at=now, vendor_id=receipt.id, reason=detail)
        if row.what == "acknowledgment" and state == WriteState.DONE:
            store.put_ticket(conn, (ticket.desk, ticket.id), now, acknowledged_at=now)
        words = f"{row.what}{': ' + detail if detail else ''}"
        store.log(
            conn,
            (ticket.desk, ticket.id),
            now,
            Entry.WROTE if state == WriteState.DONE else Entry.SKIPPED,
            words,
            key=row.key,
        )


def _end(app: App, row: WriteRow, state: WriteState, reason: str) -> None:
    with app.engine.begin() as conn:
        store.set_write(conn, row.key, state, done_at=app.clock(), reason=reason)


def _say(app: App, ticket: Ticket, what: Entry, detail: str, key: str) -> None:
    with app.engine.begin() as conn:
        store.log(conn, (ticket.desk, ticket.id), app.clock(), what, detail, key=key)
