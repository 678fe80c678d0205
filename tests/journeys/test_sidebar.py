"""The agent's view beside a conversation: what Backstop thinks and why, and the two clicks that help it."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import select
from words import DISPUTE as CHARGE

from connectors.helpscout.sidebar import _php_json
from connectors.kit.signing import hmac_base64
from core.admin import doctor
from core.engine import maintenance
from core.ledger.schema import claim_links, labels
from core.model import whole_percent

CHROMIUM = Path("/usr/bin/chromium")
SHOTS = os.environ.get("BACKSTOP_SCREENSHOTS", "")  # a folder to keep pictures in


@pytest.fixture
def vendor():
    return "helpscout"


@pytest.fixture
def near(house):
    """The receiver runs at `public_url`."""
    h = house()
    h.app.settings.public_url = h.receiver
    h.secret = h.app.desk_settings["support"].secrets()[0]
    return h


def posted(h, case, user=None, sign=None):
    body = json.dumps(
        {"ticket": {"id": case.id if case else 0}, "user": {"id": user or h.ann.id, "fname": "Ann"}}
    )
    if case is None:
        body = json.dumps({"ticket": False})
    proof = {"X-HelpScout-Signature": hmac_base64(sign or h.secret, body.encode(), "sha1")}
    return requests.post(f"{h.receiver}/hooks/apps/support", data=body, headers=proof, timeout=5)


def framed(h, case):
    query = {"conversation-id": str(case.id), "user-id": str(h.ann.id), "mailbox-id": "40"}
    query["X-HelpScout-Signature"] = hmac_base64(h.secret, _php_json(query), "sha1")
    return requests.get(f"{h.receiver}/hooks/apps/support?{urlencode(query)}", timeout=5)


def link(html, name):
    return re.search(rf'href="([^"]+)"[^>]*>{name}<', html)[1]


def test_the_sidebar_says_what_backstop_thinks_and_why(near):
    case = near.writes_in(CHARGE)
    html = posted(near, case).json()["html"]
    row = near.ticket(case)
    assert "Billing dispute" in html
    assert f"{whole_percent(row.confidence)}% sure" in html
    for words in ("routed to a specialist", "urgent", "waiting for a human", "Why:"):
        assert words in html, words
    assert " 0%" not in html, "a guess of nothing only makes the reader wonder"
    assert re.search(r"Promised to the customer:</span> \w{3} \d\d \w{3}, \d\d:\d\d", html)
    assert re.search(r"Told next, if nobody takes it:</span> team, ", html)
    assert CHARGE not in html  # the conversation itself is beside it


def test_both_of_the_desk_s_app_frameworks_are_shown_the_same(near):
    case = near.writes_in(CHARGE)
    page = framed(near, case)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "frame-ancestors https://*.helpscout.net" in page.headers["Content-Security-Policy"]
    rows = re.compile(r"<li>.*?</li>")
    assert rows.findall(page.text) == rows.findall(posted(near, case).json()["html"]) != []


def test_a_stranger_sees_nothing(near):
    case = near.writes_in(CHARGE)
    assert posted(near, case, sign="guessed").status_code == 401
    assert (
        requests.get(f"{near.receiver}/hooks/apps/support?conversation-id={case.id}", timeout=5).status_code
        == 401
    )
    assert requests.post(f"{near.receiver}/hooks/apps/nobody", data=b"{}", timeout=5).status_code == 404


def test_i_take_it_assigns_the_conversation_to_the_viewer_and_stops_the_ladder(near):
    case = near.writes_in(CHARGE)
    take = link(posted(near, case).json()["html"], "I take it")
    # a page with a button: looking takes nothing
    assert "ann@desk.example" in requests.get(take, timeout=5).text
    assert near.ticket(case).state == "escalated"
    assert requests.post(take, timeout=5).status_code == 200
    assert near.ticket(case).state == "claimed"
    assert near.seen(case).assignee.email == "ann@desk.example"
    near.later(minutes=20)
    assert near.boss.sent == []
    assert "Taken by" in posted(near, case).json()["html"]


def test_a_link_works_once_and_for_an_hour(near):
    case = near.writes_in(CHARGE)
    html = posted(near, case).json()["html"]
    near.now += timedelta(minutes=61)
    assert requests.post(link(html, "I take it"), timeout=5).status_code == 404
    assert requests.get(link(html, "Correct the intent"), timeout=5).status_code == 404
    over = select(claim_links).where(claim_links.c.expires_at < near.now)
    with near.app.engine.begin() as conn:
        assert len(conn.execute(over).all()) == 2
    maintenance.prune(near.app, near.now)
    with near.app.engine.begin() as conn:
        assert not conn.execute(over).all()
        assert conn.execute(select(claim_links)).all()  # that of the notice lives for a week


def test_a_corrected_intent_is_kept_as_the_truth_and_shown(near):
    case = near.writes_in(CHARGE)
    page = link(posted(near, case).json()["html"], "Correct the intent")
    asked = requests.get(page, timeout=5).text
    assert '<option value="billing_dispute" selected>' in asked
    assert requests.post(page, data={"intent": "made_up"}, timeout=5).status_code == 400
    assert requests.post(page, data={"intent": "order_status"}, timeout=5).status_code == 200
    assert requests.post(page, data={"intent": "order_status"}, timeout=5).status_code == 404
    (label,) = near.rows(labels)
    assert (label.intent, label.source, label.words) == ("order_status", "sidebar", CHARGE)
    assert near.ticket(case).final_intent == "order_status"
    assert "corrected: ann@desk.example says it is order_status" in near.story(case)
    html = posted(near, case).json()["html"]
    assert "Order status" in html
    assert "the guess was Billing dispute" in html
    near.later(minutes=10)  # the sweep sees our own tag, and does not take the correction back
    assert near.ticket(case).final_intent == "order_status"


def test_an_agent_whom_the_desk_does_not_name_must_enter_the_address(near):
    case = near.writes_in(CHARGE)
    near.fake.state.may_list_users = False
    take = link(posted(near, case).json()["html"], "I take it")
    assert 'name="email"' in requests.get(take, timeout=5).text


def test_a_draft_and_an_unknown_conversation_are_said_to_be_so(near):
    assert "Not sent yet" in posted(near, None).json()["html"]
    case = near.desk.customer_writes("hello", subject="s", email="c@example.com", name="C")
    with near.app.engine.begin() as conn:
        for table in ("bs_events",):
            conn.exec_driver_sql(f"DELETE FROM {table}")
    html = posted(near, case).json()["html"]
    assert "has not looked" in html
    assert "href" not in html


def test_what_others_wrote_is_shown_as_text(near):
    case = near.writes_in(CHARGE)
    with near.app.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE bs_decisions SET reason = '<img src=x onerror=alert(1)>'")
    assert "&lt;img" in posted(near, case).json()["html"]
    assert "<img" not in framed(near, case).text


def test_a_fault_of_ours_is_no_webhook_that_could_not_be_stored(near, monkeypatch):
    case = near.writes_in(CHARGE)
    monkeypatch.setattr("core.web.sidebar.panel_of", lambda *_: 1 / 0)
    assert posted(near, case).status_code == 503
    near.app.counters.flush()
    assert 'result="unstored"' not in requests.get(f"{near.receiver}/metrics", timeout=5).text


def test_in_a_real_browser_the_page_is_drawn_and_its_link_takes_the_conversation(near):
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: the page is then tested by its markup alone")
    from playwright.sync_api import sync_playwright

    case = near.writes_in(CHARGE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 320, "height": 600})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(framed(near, case).url)
        assert (
            page.locator("a.btn").first.evaluate("one => getComputedStyle(one).backgroundColor")
            != "rgba(0, 0, 0, 0)"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / "helpscout-sidebar.png")
        with page.expect_popup() as opened:
            page.click("text=I take it")
        opened.value.click("button")
        opened.value.wait_for_selector("[role=status]")
        browser.close()
    assert said == [], "our own policy refuses nothing of the page"
    assert near.ticket(case).state == "claimed"


def test_doctor_tries_the_sidebar_s_door_and_says_whether_agents_use_it(near):
    def line():
        return next(one for one in doctor.examine(near.app, "support") if one.code == "RC06")

    assert (line().level, "not asked yet" in line().what) == ("ok", True)
    posted(near, near.writes_in(CHARGE))
    assert "last asked" in line().what
