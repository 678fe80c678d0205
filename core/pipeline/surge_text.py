"""One text, approved by a person, for all customers of a surge: each hears it once, however many tickets they wrote.

It goes through the same guard and the same caps as every message, to customers who still wait for a human; those who write
while the surge lasts hear it, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from core import queue
from core.app import App
from core.ledger import surges
from core.ledger.db import reading
from core.ledger.rows import SurgeRow, TicketRow
from core.ledger.schema import writes
from core.model import Mode, Reply, Ticket, look
from core.outgoing import mailbox_of
from core.pipeline import late_word
from core.pipeline.claims import AWAITED
from core.sandbox import signed

SAID = "surge"  # the purpose of such a message
MOST, LONGEST = 500, 5000  # calls of one pass; characters of a text
DAY = timedelta(days=1)
ROUND = 5  # minutes after which one that found no room under the caps is called up once more


def approve(app: App, surge: SurgeRow, text: str, who: str, now: datetime) -> str:
    """Have one text said to every customer of a surge, once each; return why not, "" when it will be."""
    words = text.strip()
    if not words or len(words) > LONGEST:
        return f"Write between 1 and {LONGEST} characters." if words else "Write the text that is to be said."
    if app.rules[surge.desk].mode is Mode.OBSERVE:
        return f"{surge.desk} is in mode observe: nothing is said there."
    with app.engine.begin() as conn:
        now_there = surges.one(conn, surge.key)
        if now_there is not None and now_there.text:
            return f"{now_there.approved_by} has approved a text already: nobody hears two."
        surges.put(conn, surge.key, text=words, approved_by=who, approved_at=now)
    call_up(app, surge.desk, now)
    return ""


def call_up(app: App, desk: str, now: datetime) -> int:
    """Have those tickets of a desk's surges looked at whose customers have not heard the approved text; return how many."""
    found = []
    with reading(app.engine) as conn:
        for surge in surges.lately(conn, now - DAY, desk):
            if surge.text:
                rows = [row for row in surges.members(conn, surge) if _to_hear(row)]
                said = _said(conn, surge, rows)
                found += [
                    row for row in rows if _key(surge, row.customer_email or row.customer_id) not in said
                ]
    nonce = f"surge-{now:%Y%m%dT%H}{now.minute // ROUND}"
    return queue.report(app, [look(row.desk, row.ticket_id, nonce, now) for row in found[:MOST]], "surge")


def plan(app: App, ticket: Ticket, row: TicketRow | None, now: datetime) -> None:
    """Store the call that says the approved text on a ticket just fetched; it is made with those that are left."""
    if row is None or not _to_hear(row) or app.rules[ticket.desk].mode is Mode.OBSERVE:
        return
    with reading(app.engine) as conn:
        texts = [one for one in surges.lately(conn, now - DAY, ticket.desk) if one.text]
        surge = next((one for one in texts if surges.is_member(one, row)), None)
        decided = late_word.decision(conn, row) if surge is not None else None
    if surge is None or decided is None:
        return
    reply = Reply(SAID, SAID, text=signed(app.templates_of(ticket.desk), surge.text))
    key = _key(surge, ticket.customer.email or ticket.customer.id)
    said = f"the text that {surge.approved_by} approved for the surge of {surge.intent} is said"
    late_word.plan(app, ticket, decided, reply, key, said, now)


def _to_hear(row: TicketRow) -> bool:
    return row.state in AWAITED and row.answered_at is None


def _key(surge: SurgeRow, customer: str) -> str:
    """One call for each customer and surge, however many tickets they wrote."""
    who = hashlib.sha256(mailbox_of(customer).encode()).hexdigest()[:16]
    return f"{surge.key[:150]}:surge:{who}"


def _said(conn: Connection, surge: SurgeRow, rows: Sequence[TicketRow]) -> set[str]:
    keys = {_key(surge, row.customer_email or row.customer_id) for row in rows}
    return set(conn.scalars(select(writes.c.key).where(writes.c.key.in_(keys))))
