"""Observing, and the way from there: the banner, what would have been done, what is still missing; snooze, filters, order."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from core.ledger.schema import changes, decisions, history, tickets
from core.model import AddNote, AddTags, Mode, Reply, SetQueue
from core.settings import Settings
from core.values import to_json
from tests.console.world import EVIL, NOW, form, make_app, waiting

WORDS = "Dear Carla, your parcel is on its way."
ACTIONS = to_json(
    [
        AddTags(("ai_intent_order_status",)),
        SetQueue("Orders"),
        AddNote("note", {}, "Likely intent: order_status"),
        Reply("answer", "x", {}, WORDS),
    ]
)


@pytest.fixture
def observing(engine):
    """A desk in mode observe, with one decision of today."""
    app = make_app(engine)
    rules = app.extensions["backstop"].rules
    rules["support"] = replace(rules["support"], mode=Mode.OBSERVE)
    facts = {
        "key": "support:4711:created",
        "desk": "support",
        "ticket_id": "4711",
        "at": NOW,
        "intent": "order_status",
        "confidence": 0.93,
        "outcome": "auto_resolved",
        "mode": "observe",
        "priority": "low",
        "actions": ACTIONS,
    }
    with engine.begin() as db:
        db.execute(insert(decisions), [facts])
    return app.test_client()


def text_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_while_a_desk_observes_every_page_says_so(observing):
    for path in (
        "/",
        "/tickets",
        "/tickets/support/4711",
        "/quality",
        "/week",
        "/health",
        "/going-live",
        "/try",
    ):
        assert "nothing is written" in text_of(observing, path), path


def test_nothing_is_said_of_observing_where_no_desk_does(client):
    assert "nothing is written" not in text_of(client, "/")


@pytest.mark.parametrize("path", ["/tickets/support/4711", "/going-live"])
def test_what_would_have_been_done_is_shown_with_the_exact_words(observing, path):
    text = text_of(observing, path)
    assert "would have done (nothing was written)" in text
    for piece in (WORDS, "ai_intent_order_status", "Orders", "Likely intent: order_status"):
        assert piece in text, piece


def test_the_week_has_the_figures_as_if_acting(observing):
    text = text_of(observing, f"/week?week={NOW:%G-W%V}")
    assert "If Backstop had acted" in text
    assert re.search(r"answered automatically <b>1</b>", text)


def test_what_is_missing_for_act_is_listed_by_intent(observing):
    text = text_of(observing, "/going-live")
    assert "this intent always goes to a human" in text or "without one, nothing is answered" in text
    assert "not proven yet" in text


def test_a_message_that_changed_nothing_is_called_so_on_every_page(observing, engine):
    with engine.begin() as db:
        db.execute(update(decisions).values(outcome="left_alone", rule="follow-up"))
    for path in ("/going-live", "/tickets/support/4711"):
        text = text_of(observing, path)
        assert "added to the waiting ticket" in text, path
        assert "left alone" not in text, path


def test_a_hostile_decision_is_shown_as_text(observing, engine):
    with engine.begin() as db:
        db.execute(update(decisions).values(actions=to_json([Reply("answer", "x", {}, EVIL)])))
    assert "<script>document" not in text_of(observing, "/going-live")


def ids(text):
    return re.findall(r'href="/tickets/support/(\d+)"', text)


def test_the_worst_is_listed_first_and_filters_narrow(engine):
    with engine.begin() as db:
        db.execute(
            insert(tickets),
            [
                waiting("1", 500, "low", queue="Orders"),  # long over its promise
                waiting("2", 5, "urgent", queue="Orders"),  # its promise is ahead
                waiting("3", 40, "urgent"),  # over its promise
            ],
        )
    client = make_app(engine).test_client()
    found = ids(text_of(client, "/"))
    assert found[0] == "3"
    assert found.index("2") < found.index("1")
    assert ids(text_of(client, "/?queue=Orders")) == ["2", "1"]
    assert ids(text_of(client, "/?queue=Orders&priority=low")) == ["1"]
    assert "No escalation matches these filters" in text_of(client, "/?desk=nowhere")


def test_a_snoozed_ticket_is_notified_later_and_still_waits(engine):
    client = make_app(engine).test_client()
    with engine.begin() as db:
        late = {"promise_at": NOW - timedelta(minutes=5), "next_due_at": NOW + timedelta(minutes=1)}
        db.execute(update(tickets).where(tickets.c.ticket_id == "4711").values(**late))
    app = client.application.extensions["backstop"]
    app.hours_of = lambda _desk: app.hours
    said = client.post("/tickets/support/4711/snooze", data=form(client, minutes="60"), follow_redirects=True)
    assert "No notices about ticket 4711 before" in said.text
    with engine.begin() as db:
        row = db.execute(select(tickets).where(tickets.c.ticket_id == "4711")).one()
        assert (row.state, row.next_due_at) == ("escalated", NOW + timedelta(hours=1))
        assert db.execute(select(changes.c.what)).scalars().all() == ["snooze support:4711"]
        assert (
            "snoozed"
            in db.execute(select(history.c.what).where(history.c.ticket_id == "4711")).scalars().all()
        )
    assert client.post("/tickets/support/4711/snooze", data=form(client, minutes="9999")).status_code == 400


def test_a_ticket_is_snoozed_beside_its_claim(engine):
    client = make_app(engine).test_client()
    assert text_of(client, "/").count("Snooze 1 h") == 3
    app = client.application.extensions["backstop"]
    app.hours_of = lambda _desk: app.hours
    snoozed = client.post("/tickets/support/4711/snooze", data=form(client, minutes="60", back="now"))
    assert snoozed.location == "/"


def test_who_is_on_duty_is_shown_on_the_first_page(engine):
    flask = make_app(engine)
    people = {name: {"email": f"{name}@example.com"} for name in ("anna", "ben")}
    turn = {"people": ["anna", "ben"], "turn": "weekly", "start": "2026-03-02 09:00"}
    gap = {"people": ["ben"], "calendar": "nowhere.ics"}
    flask.extensions["backstop"].settings = Settings(
        people=people, rota={"team": turn, "manager": gap, "night": turn | {"turn": "all"}}
    )
    text = re.sub(r"<[^>]+>", "", text_of(flask.test_client(), "/"))
    assert "On duty: team ben · manager nobody scheduled, so everyone is notified · night anna, ben" in text


def test_a_snooze_ends_with_the_promise(engine):
    client = make_app(engine).test_client()
    with engine.begin() as db:
        ahead = {"promise_at": NOW + timedelta(minutes=20), "next_due_at": NOW + timedelta(minutes=1)}
        db.execute(update(tickets).where(tickets.c.ticket_id == "4711").values(**ahead))
    app = client.application.extensions["backstop"]
    app.hours_of = lambda _desk: app.hours
    client.post("/tickets/support/4711/snooze", data=form(client, minutes="240"))
    with engine.begin() as db:
        due = db.execute(select(tickets.c.next_due_at).where(tickets.c.ticket_id == "4711")).scalar()
    assert due == NOW + timedelta(minutes=20)
