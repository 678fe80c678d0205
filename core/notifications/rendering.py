"""One row of `bs_notices` as the message that its channel is handed: words, links, thread, and what goes with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select

from core.app import App
from core.ledger.db import reading
from core.ledger.rows import NotificationRow
from core.ledger.schema import notices
from core.model import OutboundMessage, Priority
from core.notifications.texts import plain, render
from core.ports import Channel

log = logging.getLogger(__name__)

SUMMARY = 4  # a summary may be so many times as long as one notice
UNKNOWN = "outcome unknown"


def compose(
    app: App,
    channel: Channel,
    row: NotificationRow,
    mine: Sequence[NotificationRow],
    token: str,
    now: datetime,
) -> OutboundMessage:
    """Return the message. A digest of one ticket is an ordinary notice of it."""
    about = mine[0] if len(mine) == 1 else row
    facts = _facts(about) | {"repeat": row.error.startswith(UNKNOWN)}
    if len(mine) > 1:
        facts |= {
            "tickets": [_facts(one) for one in mine],
            "priority": min((Priority(o.priority) for o in mine), key=lambda p: p.rank),
        }
    url, claim_url = str(facts.get("url", "")), f"{public(app)}/claim/{token}" if token else ""
    length = channel.can.max_length * (SUMMARY if len(mine) > 1 else 1)
    subject, text = _words_of(app, channel, about, facts, length=length, now=now, urls=(url, claim_url))
    return OutboundMessage(
        key=row.key,
        to=tuple(row.address.split(",")) if row.address else (),
        subject=subject,
        text=text,
        priority=Priority(facts["priority"]),
        url=url,
        claim_url=claim_url,
        desk=about.desk,
        ticket_id=about.ticket_id,
        thread=_thread(app, about, row.channel) if channel.can.threads else "",
        template=about.template,
        repeat=bool(facts["repeat"]),
        edits=str(facts.get("edits", "")),
        **app.attachments(app, channel, facts),
    )


def _words_of(
    app: App,
    channel: Channel,
    about: NotificationRow,
    facts: Mapping[str, Any],
    *,
    length: int,
    now: datetime,
    urls: tuple[str, str],
) -> tuple[str, str]:
    """Return subject and text; plain ones when the template is broken, since that must not silence a page."""
    words, hours = channel.can.customer_words, app.hours_of(about.desk)
    try:
        return render(facts, channel.can.format, length=length, words=words, now=now, hours=hours, urls=urls)
    except Exception:
        log.exception("a notification could not be rendered: %s", about.template)
        said = plain(facts)
        return said, said


def _facts(row: NotificationRow) -> dict[str, Any]:
    about = {"template": row.template, "ticket": row.ticket_id, "desk": row.desk, "priority": row.priority}
    facts: Mapping[str, Any] = row.facts or {}
    return {**facts, **about}


def public(app: App) -> str:
    """Where people reach us; "" when they cannot."""
    return str(app.settings.public_url or "").rstrip("/")


def _thread(app: App, row: NotificationRow, channel: str) -> str:
    """Return what the channel calls the first message on this ticket."""
    mine = and_(
        notices.c.desk == row.desk, notices.c.ticket_id == row.ticket_id, notices.c.channel == channel
    )
    query = select(notices.c.provider_id).where(mine, notices.c.provider_id != "", notices.c.ticket_id != "")
    with reading(app.engine) as conn:
        return conn.execute(query.order_by(notices.c.sent_at).limit(1)).scalar() or ""
