"""What is done once a day or once a week: the balance line, our own state, retention, the report."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, cast, delete, func, or_, select, update

from core import queue
from core.app import App
from core.engine import recovery
from core.errors import VendorError
from core.learning import demotion
from core.ledger import db, store
from core.ledger.schema import (
    attempts,
    balance,
    changes,
    claim_links,
    decisions,
    events,
    history,
    labels,
    limbo,
    login_links,
    notices,
    surges,
    tickets,
    writes,
)
from core.ledger.states import Entry, NotificationState, WriteState
from core.mailboxes import mailbox_of
from core.model import Mode, TicketState
from core.notifications import rows as notice_rows
from core.notifications.alerts import alarm, alarm_daily
from core.pipeline import audit
from core.reports.posting import send_weekly
from core.reports.reporting import keep_closed
from core.telemetry.counters import keep_pruned

log = logging.getLogger(__name__)

OVERDUE = timedelta(minutes=15)
WINDOW = timedelta(days=2)


def daily(app: App) -> dict[str, Any]:
    """Audit each desk, look for stuck work, demote intents whose answers turned out wrong, apply retention."""
    now = app.clock()
    found = {name: line for name in app.desks if (line := _audited(app, name, now)) is not None}
    for name, line in found.items():
        if line["missing"] or line["stuck"]:
            what = f"{name}: {len(line['missing'])} tickets missing, {len(line['stuck'])} stuck"
            alarm(app, f"balance:{name}:{now:%Y-%m-%d}", name, "", what, now)
    warn_of_removed_desks(app, now)
    for fault in own_faults(app, now):
        alarm_daily(app, "own", "", fault, now)
    demotion.review(app, now)
    keep_closed(app.engine, app.hours, now)  # before their rows are pruned
    prune(app, now)
    return found


def _audited(app: App, name: str, now: datetime) -> dict[str, Any] | None:
    """One desk's audit; None where the desk does not answer, which its sweep reports: the rest of the day's work goes on."""
    try:
        return audit.audit(app, name, now - WINDOW, now)
    except VendorError as err:
        log.warning("%s could not be compared with the ledger: %s", name, err)
        return None


def warn_of_removed_desks(app: App, now: datetime) -> None:
    """Alarm once about each desk that is no longer configured and has tickets that wait for a human, or events: nothing
    reads that desk, so nobody would be reminded of them."""
    with db.reading(app.engine) as conn:
        found = store.waiting_elsewhere(conn, app.desks)
    for desk, (tickets_, events_) in found.items():
        what = (
            f"{tickets_} tickets of {desk} wait for a human and {events_} events are not handled, but [desks.{desk}] is no "
            f"longer configured: put the table back, or look after them in the help desk"
        )
        alarm(app, f"removed:{desk}:{tickets_}:{events_}", desk, "", what, now)


def own_faults(app: App, now: datetime) -> list[str]:
    """Every open escalation has a due time ahead, every call and message an end: what breaks that."""
    faults = []
    with app.engine.begin() as conn:
        open_states = tickets.c.state.in_((TicketState.ESCALATED, TicketState.REESCALATED))
        late = (
            select(func.count())
            .select_from(tickets)
            .where(open_states, tickets.c.next_due_at < now - OVERDUE)
        )
        if count := conn.execute(late).scalar_one():
            faults.append(f"{count} escalations are overdue: is a worker running?")
        left = (
            select(func.count())
            .select_from(writes)
            .where(writes.c.state == WriteState.OPEN, writes.c.opened_at < now - timedelta(hours=1))
        )
        if count := conn.execute(left).scalar_one():
            faults.append(f"{count} calls to a desk never came to an end")
        sent = (
            select(func.count())
            .select_from(notices)
            .where(
                notices.c.state.in_((NotificationState.QUEUED, NotificationState.OPEN)),
                notices.c.created_at < now - timedelta(hours=1),
                or_(notices.c.due_at.is_(None), notices.c.due_at < now - OVERDUE),
            )
        )
        if count := conn.execute(sent).scalar_one():
            faults.append(f"{count} messages to people never came to an end")
    return faults


LEDGER = (
    (history, history.c.at),
    (events, events.c.settled_at),
    (balance, balance.c.at),
    (surges, surges.c.found_at),
)
"""Rows that go with `privacy.keep_ledger`, by their time."""


_OBSERVED = (decisions.c.mode == Mode.OBSERVE, cast(decisions.c.actions, Text) != "[]")
"""Decisions that hold the texts of what would have been written."""


def prune(app: App, now: datetime) -> dict[str, int]:
    """Retention: words after `privacy.keep_messages`, rows after `privacy.keep_ledger`, the engine's own with them;
    who changed what in the console after `privacy.keep_changes`; links when they are over."""
    privacy = app.settings.privacy
    words, rows = now - privacy.keep_messages, now - privacy.keep_ledger
    done: dict[str, int] = {}
    with app.engine.begin() as conn:
        keep_pruned(conn, rows)  # a counter must not fall because its rows are gone
        old = update(decisions).where(decisions.c.at < words, decisions.c.words != "")
        done["words"] = conn.execute(old.values(words="", evidence=[])).rowcount  # these are of the words
        unwritten = update(decisions).where(decisions.c.at < words, *_OBSERVED)
        done["observed"] = conn.execute(unwritten.values(actions=[])).rowcount
        spoken = update(writes).where(
            writes.c.done_at < words,
            writes.c.state.in_((WriteState.DONE, WriteState.SKIPPED, WriteState.FAILED)),
        )
        done["texts"] = conn.execute(spoken.values(actions=[])).rowcount
        conn.execute(update(labels).where(labels.c.at < words).values(words=""))
        done["told"] = notice_rows.blank(conn, words)
        for table, column in LEDGER:
            done[table.name] = conn.execute(delete(table).where(column < rows)).rowcount
        over = tickets.c.updated_at < rows
        done["tickets"] = conn.execute(delete(tickets).where(over, tickets.c.next_due_at.is_(None))).rowcount
        for table, column in (
            (decisions, decisions.c.at),
            (writes, writes.c.done_at),
            (notices, notices.c.created_at),
        ):
            done[table.name] = conn.execute(delete(table).where(column < rows)).rowcount
        for table, column, end in (
            (limbo, limbo.c.at, words),
            (changes, changes.c.at, now - privacy.keep_changes),
            (claim_links, claim_links.c.expires_at, now),
            (login_links, login_links.c.expires_at, now),
            (attempts, attempts.c.since, now - timedelta(days=1)),
        ):
            done[table.name] = conn.execute(delete(table).where(column < end)).rowcount

    done["engine"] = recovery.clean(queue.client(app), words)
    return done


def forget(app: App, email: str, now: datetime) -> dict[str, int]:
    """Erase a person: names, addresses, subjects and words; the counts stay."""
    address = email.strip().lower()
    done: dict[str, int] = {}
    with app.engine.begin() as conn:
        query = select(tickets.c.desk, tickets.c.ticket_id).where(tickets.c.customer_email == address)
        theirs = [tuple(row) for row in conn.execute(query)]
        blank = {"customer_email": "", "customer_name": "", "customer_id": "", "subject": ""}
        done["tickets"] = conn.execute(
            update(tickets).where(tickets.c.customer_email == address).values(**blank)
        ).rowcount
        done["limbo"] = conn.execute(delete(limbo).where(limbo.c.email == address)).rowcount
        done["writes"] = conn.execute(
            update(writes).where(writes.c.address.in_([address, mailbox_of(address)])).values(address="")
        ).rowcount
        for table, gone in ((decisions, {"words": "", "evidence": []}), (labels, {"words": ""})):
            done[table.name] = 0
            for desk, ticket_id in theirs:
                mine = update(table).where(table.c.desk == desk, table.c.ticket_id == ticket_id)
                done[table.name] += conn.execute(mine.values(gone)).rowcount
        for desk, ticket_id in theirs:
            own = and_(decisions.c.desk == desk, decisions.c.ticket_id == ticket_id)
            conn.execute(update(decisions).where(own, *_OBSERVED).values(actions=[]))
            for table, values in ((writes, {"actions": []}), (notices, {"facts": {}})):
                conn.execute(
                    update(table).where(table.c.desk == desk, table.c.ticket_id == ticket_id).values(values)
                )
            store.log(
                conn, (desk, ticket_id), now, Entry.FORGOTTEN, "the person's data were erased on request"
            )
    return done


def weekly(app: App) -> None:
    """The weekly report to the channels named in `[report]`."""
    send_weekly(app)
