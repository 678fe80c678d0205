"""What one ticket costs the store, from the stored webhook to the message on a phone."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, func, select
from words import DISPUTE, ORDER

from core import queue
from core.ledger.schema import events, tickets
from core.model import EventKind, TicketEvent, created_key
from core.pipeline import reminders
from core.pipeline.handle import deal

WRITING = {"zendesk": 6, "helpscout": 7, "freshdesk": 7}
STATEMENTS = {"zendesk": 37, "helpscout": 40, "freshdesk": 42}  # the latter two take one call more
# what the process does every few seconds, whatever comes: it saves its counters and reads what `install` made
OWN = ("bs_counts", "SELECT bs_desks.manifest")


@contextmanager
def counted(engine):
    """Transactions that write and statements, without those of the process itself."""
    found = {"writing": [], "statements": []}

    def begun(connection):
        if not connection.get_execution_options().get("reads"):
            found["writing"].append(len(found["statements"]))

    def executed(connection, cursor, statement, *_):
        if not any(one in statement for one in OWN) and not statement.startswith("BEGIN"):
            found["statements"].append(" ".join(statement.split())[:120])

    event.listen(engine, "begin", begun)
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        event.remove(engine, "begin", begun)
        event.remove(engine, "before_cursor_execute", executed)


def swept_a_minute_later(h):
    h.now += timedelta(minutes=1)
    h.sweep()


def looks(h):
    """How often the ticket was or will be read: once for each event."""
    with h.app.engine.connect() as conn:
        return conn.execute(select(func.count()).select_from(events)).scalar_one()


def test_a_routed_ticket_costs_few_transactions(house, vendor):
    h = house()
    h.writes_in(DISPUTE, email="first@example.com")  # signs in at the desk, reads what install made
    h.urgent.sent.clear()
    h.app.counters.close()  # what it still saves would be counted as a transaction
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(DISPUTE, subject="Hello", email="carla@example.com", name="Carla")
    key = created_key("support", str(case.id))
    with counted(h.app.engine) as found:
        queue.report(h.app, [TicketEvent("support", key, EventKind.CREATED, str(case.id), h.now)], "webhook")
        dealt = deal(h.app, key)
        assert dealt.state == "settled"
        assert reminders.remind_of(h.app, *dealt.where, h.now, dealt.row) == 1
    assert [one.template for one in h.urgent.sent] == ["escalated"]
    assert len(h.bot_says(case, public=True)) == len(h.bot_says(case, public=False)) == 1
    assert len(found["writing"]) <= WRITING[vendor], found
    assert len(found["statements"]) <= STATEMENTS[vendor], "\n".join(found["statements"])


def test_a_ticket_that_was_answered_at_once_is_not_read_again_when_the_list_shows_all_its_messages(house):
    h = house()
    case = h.writes_in(ORDER)
    assert h.ticket(case).state == "auto_resolved"
    swept_a_minute_later(h)
    assert looks(h) == 1


def test_a_sweep_writes_nothing_about_tickets_that_did_not_change_since_the_last_one(house):
    h = house()
    case = h.writes_in(ORDER)
    swept_a_minute_later(h)
    seen = h.ticket(case).updated_at
    swept_a_minute_later(h)
    with h.app.engine.connect() as conn:
        assert conn.execute(select(tickets.c.updated_at)).scalar_one() == seen


def test_what_we_wrote_ourselves_is_no_reason_to_read_an_escalated_ticket_again(house, vendor):
    h = house()
    case = h.writes_in(DISPUTE)
    assert h.ticket(case).state == "escalated"
    swept_a_minute_later(h)
    assert looks(h) == 1 + (vendor == "helpscout")  # its answers do not say when the conversation changed
