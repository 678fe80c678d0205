"""A ticket claimed in the console is assigned in the desk at once and ends the ladder; a refusal gives the reason."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from words import DISPUTE

from core.ledger.schema import changes
from webhook_app import create_app

ANN = "ann@desk.example"


@pytest.fixture
def waiting(house):
    """A house with a ticket that waits, and a browser on this machine."""
    h = house(public_url="http://127.0.0.1:8080")  # else nobody may look without logging in
    case = h.writes_in(DISPUTE)
    assert h.ticket(case).state == "escalated"
    return h, case, create_app(h.app).test_client()


def claim(browser, case, email: str) -> str:
    """As a person does it: open the ticket, fill in the form, read what is said."""
    page = browser.get(f"/tickets/support/{case.id}").text
    assert "Claim this ticket" in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)
    answer = browser.post(
        f"/tickets/support/{case.id}/claim", data={"email": email, "csrf_token": token}, follow_redirects=True
    )
    return re.search(r'<p class="told (?:good|bad)"[^>]*>(.*?)</p>', answer.text, re.DOTALL).group(1)


def test_a_claim_in_the_console_makes_the_person_the_assignee_at_the_desk_and_stops_the_ladder(waiting):
    h, case, browser = waiting
    told = len(h.urgent.sent)
    assert f"Ticket {case.id} is yours" in claim(browser, case, ANN)
    assert (h.seen(case).assignee.email or h.seen(case).assignee.name) in {ANN, "Ann Agent"}
    row = h.ticket(case)
    assert (row.state, row.claimed_via) == ("claimed", "console")
    assert "Nothing is waiting" in browser.get("/").text
    h.later(minutes=40)
    assert "unclaimed" not in {one.template for one in [*h.urgent.sent[told:], *h.boss.sent]}


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_without_a_claim_the_same_ladder_notifies(waiting):
    h, _, _ = waiting
    told = len(h.urgent.sent)
    h.later(minutes=40)
    assert "unclaimed" in {one.template for one in h.urgent.sent[told:]}


def test_a_claim_by_somebody_the_desk_does_not_know_is_refused_with_the_reason_and_the_ticket_still_waits(
    waiting,
):
    h, case, browser = waiting
    said = claim(browser, case, "nobody@elsewhere.example")
    assert f"does not assign ticket {case.id} to" in said
    assert "nobody@elsewhere.example" in said
    assert h.ticket(case).state == "escalated"
    assert h.seen(case).assignee is None or not h.seen(case).assignee.human
    with h.app.engine.connect() as db:
        last = db.execute(select(changes.c.what, changes.c.new).order_by(changes.c.id.desc())).first()
    assert tuple(last) == (f"claim support:{case.id}", "nobody@elsewhere.example: refused")


def test_a_ticket_that_a_colleague_has_is_not_taken_from_them(waiting):
    h, case, browser = waiting
    h.desk.add_person("Bo Agent", "bo@desk.example", "agent")
    page = browser.get(f"/tickets/support/{case.id}")  # read before the colleague came
    h.desk.agent_claims(case.id, h.ann.id)
    assert page.status_code == 200
    assert "taken already, by" in claim(browser, case, "bo@desk.example")
    assert (h.seen(case).assignee.email or h.seen(case).assignee.name) in {ANN, "Ann Agent"}


def test_while_the_desk_does_not_answer_nothing_is_claimed_and_the_page_says_so(waiting):
    h, case, browser = waiting
    h.api.plan = lambda call: "status_before:503"
    assert "The desk does not answer. Nothing was taken" in claim(browser, case, ANN)
    assert h.ticket(case).state == "escalated"


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_wrong_address_and_an_unexpected_error_are_pages_for_people_and_json_for_programs(
    waiting, monkeypatch
):
    _, _, client = waiting
    browser = {"Accept": "text/html"}
    for headers, kind in ((browser, "text/html"), ({"Accept": "application/json"}, None)):
        answer = client.get("/no/such/page", headers=headers)
        assert answer.status_code == 404
        assert kind is None or answer.mimetype == kind
    page = client.get("/no/such/page", headers=browser)
    assert "There is no page at this address." in page.text
    assert "Back to Now" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    monkeypatch.setattr("core.web.pages.render_template", lambda *_, **__: 1 / 0)
    broken = client.get("/", headers=browser)
    assert (broken.status_code, broken.mimetype) == (500, "text/html")
    assert "it is in the log" in broken.text
    told = client.get("/", headers={"Accept": "application/json"}).json
    assert told["why"] == "unexpected error; it is in the log"
