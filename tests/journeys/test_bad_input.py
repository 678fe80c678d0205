"""Whatever comes in, nothing crashes and nothing is lost: what cannot be read reaches a human."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests
from words import DISPUTE, ORDER

from core.errors import ConfigError
from core.ledger.schema import events, history, notices, tickets
from core.pipeline import decide
from tests.turns import in_turns

MIB = 1024 * 1024


@in_turns(
    "body",
    [
        "",
        "🙂🙃🔥",
        "<div><p>&nbsp;</p><img src=x></div>",
        "a" * MIB,
        "broken \udcff surrogate \x00 null",
        "؟؟؟ مرحبا",
    ],
    ids=["empty", "emoji", "html", "a megabyte", "invalid", "arabic"],
)
def test_a_message_that_cannot_be_read_reaches_a_human(house, body):
    h = house()
    case = h.writes_in(body.encode("utf-8", "replace").decode())
    if h.ticket(case) is None:  # a webhook above the limit of 1 MiB is refused; the sweep finds its ticket
        h.later(minutes=3)
        h.sweep()
    assert h.ticket(case).state == "escalated", h.story(case)
    assert h.ticket(case).outcome == "general_queue"
    assert not h.unsettled()


def test_the_receiver_answers_as_the_contract_says(house):
    h = house(web={"token": "t"})
    hook = f"{h.receiver}/hooks/support"
    assert requests.post(hook, data=b"{}", timeout=5).status_code == 401
    assert requests.post(f"{h.receiver}/hooks/nobody", data=b"{}", timeout=5).status_code == 404
    assert requests.post(hook, data=b"x" * (MIB + 1), timeout=5).status_code == 413
    assert requests.get(f"{h.receiver}/healthz", timeout=5).json() == {"ok": True}
    assert requests.get(f"{h.receiver}/readyz", timeout=5).status_code == 200
    assert requests.get(f"{h.receiver}/metrics", timeout=5).status_code == 401  # a public address leads to us
    figures = requests.get(f"{h.receiver}/metrics", headers={"Authorization": "Bearer t"}, timeout=5)
    assert "backstop_webhooks_total" in figures.text


def test_a_broken_classifier_means_the_general_queue(house):
    h = house()

    class Broken:
        model = "broken"

        def predict(self, text):
            raise RuntimeError("no")

    h.app.classifier = Broken()
    case = h.writes_in("Where is my order?")
    assert h.ticket(case).outcome == "general_queue", h.story(case)
    assert len(h.bot_says(case, public=True)) == 1


@in_turns(
    "template",
    [
        "Hello {{ nothing_of_that_name }}",
        "{{ name + 1 }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "Gr\xfc\xdfe",
        " ",
    ],
    ["undefined", "type", "endless", "latin-1", "empty"],
)
def test_a_broken_template_means_the_general_queue_acknowledged_and_people_are_notified(house, template):
    h = house()
    (h.home / "templates" / "order_status.txt").write_bytes(template.encode("latin-1"))
    case = h.writes_in(ORDER)
    row = h.ticket(case)
    assert row.outcome == "general_queue", h.story(case)
    assert "order_status.txt" in row.reason
    (said,) = h.bot_says(case, public=True)
    assert "A member of our team" in said
    assert row.acknowledged_at is not None
    assert row.promise_at > h.now
    assert "ai_acknowledged" in h.seen(case).tags
    assert any("order_status.txt" in one.facts["what"] for one in h.rows(notices) if one.template == "alarm")
    assert not h.unsettled()


def test_a_broken_acknowledgment_or_note_is_replaced_by_ours(house):
    h = house()
    (h.home / "templates" / "acknowledgment.txt").write_text("Hello {{ nothing }}")
    (h.home / "templates" / "note.txt").write_bytes(b"\xff")
    case = h.writes_in(DISPUTE)
    (said,) = h.bot_says(case, public=True)
    (noted,) = h.bot_says(case, public=False)
    assert "A member of our team" in said
    assert "Likely intent: billing_dispute" in noted
    told = {one.facts["what"] for one in h.rows(notices) if one.template == "alarm"}
    assert sum("acknowledgment" in what for what in told) == 1, told
    assert sum("note" in what for what in told) == 1, told
    assert h.ticket(case).state == "escalated"


def test_a_configuration_whose_templates_are_broken_is_refused(house):
    h = house()
    (h.home / "templates" / "order_status.de.txt").write_text("Hallo {{ vorname }}")
    with pytest.raises(ConfigError, match=r"order_status\.de\.txt.*'vorname' is undefined"):
        h.restart()
    (h.home / "templates" / "order_status.de.txt").write_text("Hallo {{ 1 / name | length }}")
    with pytest.raises(ConfigError, match=r"order_status\.de\.txt.*ZeroDivisionError"):
        h.restart()


def test_a_fault_of_ours_means_the_general_queue_acknowledged(house, monkeypatch):
    h = house()

    def broken(*args, **kwargs):
        raise KeyError("secret of the customer")

    monkeypatch.setattr(decide.policy, "decide", broken)
    case = h.writes_in(ORDER)
    row = h.ticket(case)
    assert (row.state, row.outcome) == ("escalated", "general_queue"), h.story(case)
    assert len(h.bot_says(case, public=True)) == 1
    assert row.reason == "unexpected error: KeyError"
    assert not h.unsettled()


@pytest.mark.parametrize("vendor", ["freshdesk"])  # its reading is replaced, and eight hours are long
def test_the_text_of_a_librarys_exception_is_neither_stored_nor_shown(house, monkeypatch):
    h = house()
    secret = "Bearer 0123456789"

    def broken(self, ticket_id):
        raise RuntimeError(secret)

    monkeypatch.setattr(type(h.app.desks["support"]), "fetch", broken)
    h.writes_in(ORDER)
    h.later(hours=8)
    (event,) = {row.state for row in h.rows(events)}
    assert event == "dead"
    kept = [str(row) for table in (events, notices, tickets, history) for row in h.rows(table)]
    assert not any(secret in row for row in kept)
    assert any("unexpected error: RuntimeError" in row for row in kept)
    assert any("unexpected error: RuntimeError" in str(one) for one in h.urgent.sent)
    assert not any(secret in str(one) for one in h.urgent.sent)


ODD = "a\x00b \ud83d and more words than a few of them"


def test_text_that_no_store_takes_reaches_a_human_acknowledged(house, monkeypatch):
    """As if nothing had cleaned it on its way in."""
    h = house()
    desk = type(
        h.app.desks["support"]._inner if hasattr(h.app.desks["support"], "_inner") else h.app.desks["support"]
    )
    fetch = desk.fetch

    def odd(self, ticket_id):
        ticket = fetch(self, ticket_id)
        said = tuple(replace(m, text=m.text + ODD, author_name=ODD) for m in ticket.messages)
        who = replace(ticket.customer, name=ODD, locale=ODD)
        return replace(ticket, subject=ODD, messages=said, customer=who, url=ODD, channel=ODD)

    monkeypatch.setattr(desk, "fetch", odd)
    case = h.writes_in(DISPUTE)
    row = h.ticket(case)
    assert row.state == "escalated", h.story(case)
    assert row.subject.startswith("ab ?")
    assert len(h.bot_says(case, public=True)) == 1
    assert len(h.urgent.sent) == 1
    assert not h.unsettled()
