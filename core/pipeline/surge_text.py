"""One text, approved by a person, for all customers of a surge: each receives it once, however many tickets they wrote.

It passes the same guard and the same caps as every message, and goes to customers who still wait for a human. A customer who
writes after the approval receives it instead of the acknowledgment. Tickets that may concern somebody's safety are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from core import queue, safety
from core.app import App
from core.ledger import store, surges
from core.ledger.db import reading
from core.ledger.rows import SurgeRow, TicketRow
from core.ledger.schema import writes
from core.ledger.states import WriteState
from core.ledger.surges import COUNTED
from core.mailboxes import mailbox_of
from core.model import AddTags, Decision, Mode, Reply, Ticket, look
from core.pipeline import late_word
from core.pipeline.batch import Batch
from core.pipeline.claims import AWAITED
from core.pipeline.outcome import keeps_its_guess
from core.pipeline.surges import is_about_safety
from core.pipeline.write import make_up
from core.sandbox import signed
from core.wording import ACKNOWLEDGMENT

PURPOSE = "surge"  # of such a message
MOST, LONGEST = 500, 5000  # calls of one pass; characters of a text
DAY = timedelta(days=1)
ROUND = 5  # minutes after which one that found no room under the caps is called up once more


def approve(app: App, surge: SurgeRow, text: str, who: str, now: datetime) -> str:
    """Store the text that every customer of a surge is to receive once; return why it was refused, "" if it was stored.

    Of two people who approve at the same instant the second is refused."""
    words = text.strip()
    if not words or len(words) > LONGEST:
        return f"Write between 1 and {LONGEST} characters." if words else "Write the text that is to be sent."
    if app.rules[surge.desk].mode is Mode.OBSERVE:
        return f"{surge.desk} is in mode observe: nothing is sent there."
    with app.engine.begin() as conn:
        stored = surges.approve(conn, surge.key, words, who, now)
        first = surges.one(conn, surge.key)
    if first is None:
        return f"The surge of {surge.intent} is no longer in the ledger: reload the list."
    if not stored:
        return (
            f"{first.approved_by} has approved a text already: no customer receives two. Yours is not sent."
        )
    call_up(app, surge.desk, now)
    return ""


def call_up(app: App, desk: str, now: datetime) -> int:
    """Report a look at each ticket of a desk's surges whose customer has not received the approved text; return how many."""
    found = []
    with reading(app.engine) as conn:
        for surge in surges.lately(conn, now - DAY, desk):
            if surge.text:
                rows = [row for row in surges.members(conn, surge) if _waits(row)]
                planned = _planned(conn, [_key_for(surge, row) for row in rows])
                open_rows = [row for row in rows if _key_for(surge, row) not in planned]
                found += [row for row in open_rows if not is_about_safety(conn, row)]
    nonce = f"surge-{now:%Y%m%dT%H}{now.minute // ROUND}"
    return queue.report(app, [look(row.desk, row.ticket_id, nonce, now) for row in found[:MOST]], "surge")


def plan(app: App, ticket: Ticket, row: TicketRow | None, now: datetime) -> None:
    """Store the call that sends the approved text on a ticket just fetched; it is made with those that are left."""
    if row is None or not _waits(row) or app.rules[ticket.desk].mode is Mode.OBSERVE:
        return
    with reading(app.engine) as conn:
        surge = _with_text(conn, ticket, row.intent, row.created_at or row.first_seen_at, now)
        if surge is None or is_about_safety(conn, row):
            return
        decided = late_word.decision(conn, row)
    if decided is None:
        return
    reply = Reply(PURPOSE, PURPOSE, text=signed(app.templates_of(ticket.desk), surge.text))
    key = _key(surge, ticket.customer.email or ticket.customer.id)
    story = f"the text that {surge.approved_by} approved for the surge of {surge.intent} is sent"
    late_word.plan(app, ticket, decided, reply, key, story, now)


def follow(app: App, ticket: Ticket, now: datetime, batch: Batch) -> None:
    """Send the approved text on a ticket that was decided about just now."""
    with reading(app.engine) as conn:
        if not any(one.text for one in surges.lately(conn, now - DAY, ticket.desk)):
            return
    batch.flush()
    with reading(app.engine) as conn:
        row = store.ticket(conn, ticket.desk, ticket.id)
    plan(app, ticket, row, now)
    make_up(app, ticket, batch)


def received(conn: Connection, ticket: Ticket) -> bool:
    """Return whether the approved text was sent on a ticket."""
    mine = (writes.c.desk == ticket.desk, writes.c.ticket_id == ticket.id, writes.c.what == PURPOSE)
    query = select(writes.c.key).where(*mine, writes.c.state == WriteState.DONE).limit(1)
    return conn.execute(query).first() is not None


def instead_of_acknowledgment(
    app: App, ticket: Ticket, decision: Decision, row: TicketRow | None, now: datetime
) -> Decision:
    """Return the decision without its acknowledgment where an approved text will be sent in its place, so that the
    customer receives one message; unchanged where the customer has received the text already."""
    acknowledges = any(isinstance(a, Reply) and a.purpose == ACKNOWLEDGMENT for a in decision.actions)
    if not acknowledges or decision.outcome not in COUNTED or decision.rule == safety.RULE:
        return decision
    intent = row.intent if row is not None and keeps_its_guess(row) else decision.intent
    with reading(app.engine) as conn:
        surge = _with_text(conn, ticket, intent, ticket.created_at, now)
        if surge is None or _planned(conn, [_key(surge, ticket.customer.email or ticket.customer.id)]):
            return decision
        if row is not None and is_about_safety(conn, row):  # by an earlier message: `plan` sends it no text
            return decision
    why = (
        f"{decision.reason}; the text that {surge.approved_by} approved for this surge is the acknowledgment"
    )
    return replace(decision, reason=why, actions=tuple(a for a in decision.actions if not _acknowledges(a)))


def _acknowledges(action: object) -> bool:
    """Return whether an action is the acknowledgment, or the mark that follows it."""
    if isinstance(action, Reply):
        return action.purpose == ACKNOWLEDGMENT
    return isinstance(action, AddTags) and action.says == ACKNOWLEDGMENT


def _with_text(
    conn: Connection, ticket: Ticket, intent: str, came: datetime, now: datetime
) -> SurgeRow | None:
    """Return the surge with an approved text that a ticket of this intent, created then, belongs to."""
    lately = surges.lately(conn, now - DAY, ticket.desk)
    return next((one for one in lately if one.text and surges.covers(one, intent, came)), None)


def _waits(row: TicketRow) -> bool:
    return row.state in AWAITED and row.answered_at is None


def _key_for(surge: SurgeRow, row: TicketRow) -> str:
    return _key(surge, row.customer_email or row.customer_id)


def _key(surge: SurgeRow, customer: str) -> str:
    """One call for each customer and surge, however many tickets they wrote."""
    who = hashlib.sha256(mailbox_of(customer).encode()).hexdigest()[:16]
    return f"{surge.key[:150]}:surge:{who}"


def _planned(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Return those of the calls that are in the ledger."""
    return set(conn.scalars(select(writes.c.key).where(writes.c.key.in_(keys))))
