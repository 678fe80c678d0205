"""What one mailbox has said lately: by this a machine is known that answers ours."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select

from core.ledger.schema import decisions, tickets
from core.ledger.statements import ask

MOST = 40  # messages that are compared
_OF_DESK = (
    select(decisions.c.words)
    .join(tickets, and_(tickets.c.desk == decisions.c.desk, tickets.c.ticket_id == decisions.c.ticket_id))
    .where(
        tickets.c.desk == bindparam("desk"),
        decisions.c.at > bindparam("since"),
        tickets.c.ticket_id != bindparam("but"),
    )
    .order_by(decisions.c.at.desc())
    .limit(MOST)
)
_OF_ONE = _OF_DESK.where(tickets.c.customer_email == bindparam("email"))


def said_lately(conn: Connection, desk: str, email: str, since: datetime, but: str) -> list[str]:
    """Return the words of the newest messages decided about since then from an address, or from those whose tag alone
    differs. `but`: the ticket in hand, whose messages may be decided about again."""
    name, at, domain = email.lower().partition("@")
    if not at:
        return []
    where = {"desk": desk, "since": since, "but": but}
    plain, tagged, _ = name.partition("+")
    if not tagged:
        return [words for (words,) in ask(conn, _OF_ONE, {**where, "email": email.lower()})]
    of_all_tags = _OF_DESK.where(
        tickets.c.customer_email.startswith(f"{plain}+", autoescape=True),
        tickets.c.customer_email.endswith(f"@{domain}", autoescape=True),
    )
    return list(conn.execute(of_all_tags, where).scalars())
