"""The Help Scout connector against the account of `fake.py`, over real HTTP; and how honest that account is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from connectors.helpscout.install.connect import exchange
from connectors.helpscout.settings import Settings
from connectors.sandbox.server import serving
from core import errors
from core.model import (
    AddNote,
    AddTags,
    Author,
    EventKind,
    Reply,
    RunAction,
    SetFields,
    SetQueue,
    Solve,
    Status,
    WebhookRequest,
    Write,
)

NOTE, ACK = AddNote("note", text="Likely intent"), Reply("acknowledgment", "ack", text="We got it.")


@pytest.fixture
def w(world):
    return world("helpscout")


def raw(w, method: str, path: str, **how: object) -> requests.Response:
    """A call past our connector, with a good token."""
    if not w.fake.state.tokens:
        w.ours.whoami()
    token = next(iter(w.fake.state.tokens))
    return requests.request(
        method,
        f"{w.url}/v2{path}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=5,
        allow_redirects=False,
        **how,
    )


# --- round trips ------------------------------------------------------------------------------


def test_a_routed_conversation_is_held_by_the_team_and_by_no_human(w):
    ticket_id = w.customer("There is a charge")
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_routed",)), SetQueue("Billing"), NOTE, ACK)
    ticket = w.ours.fetch(ticket_id)
    assert (ticket.queue_name, ticket.assignee.human, ticket.status) == ("Billing", False, Status.OPEN)
    assert w.ours.unclaimed([ticket_id])[ticket_id].by == ""


def test_an_inbox_can_be_a_queue(world):
    w = world("helpscout", inboxes=("Shop",))
    shop = w.desk.add_queue("Shop")
    ticket_id = w.customer("There is a charge")
    w.do(w.ours.fetch(ticket_id), SetQueue("shop"), ACK)
    ticket = w.ours.fetch(ticket_id)
    assert (ticket.queue, ticket.queue_name, ticket.assignee) == (str(shop.id), "Shop", None)


def test_fields_are_filled_and_read_back_as_the_intent(world):
    w = world("helpscout", {"intent_field": "Intent"})
    w.fake.state.fields += [
        {"id": 60, "name": "Intent", "type": "dropdown", "options": [{"id": 601, "label": "billing"}]},
        {"id": 61, "name": "Colour", "type": "single_line"},
    ]
    ticket_id = w.customer("There is a charge")
    w.desk.cases[int(ticket_id)].fields = {"61": "red"}
    w.do(w.ours.fetch(ticket_id), SetFields("billing", 72, "routed"))
    assert w.ours.fetch(ticket_id).fields == {"60": "billing", "61": "red"}
    found, _ = w.changes("", w.now - timedelta(hours=1))
    assert found[0].intent_label == "billing"


def test_a_manual_workflow_runs_once_and_is_found_again(w):
    w.fake.state.workflows.append({"id": 7, "name": "Refund", "type": "manual", "status": "active"})
    ticket = w.ours.fetch(w.customer("I want my money back"))
    (write,) = w.ours.writes(ticket, [RunAction("Refund")], "k")
    assert w.ours.landed(ticket.id, write, w.now) is None
    w.app.plan = lambda call: "reset_after" if call.method == "POST" else ""
    with pytest.raises(errors.UnknownOutcome):
        w.ours.send(ticket, write)
    assert w.fake.state.ran == [(7, int(ticket.id))]
    assert w.ours.landed(ticket.id, write, w.now)


def test_the_headers_of_the_original_mail_are_handed_over_at_the_price_of_a_call(w):
    headers = {"Auto-Submitted": "auto-replied"}
    ticket = w.ours.fetch(w.customer("I will read your mail soon", headers=headers))
    assert ticket.messages[0].author is Author.CUSTOMER
    w.app.calls.clear()
    assert w.ours.mail_headers(ticket, ticket.messages[0].id)["Auto-Submitted"] == "auto-replied"
    assert len(w.app.calls) == 1
    person = w.ours.fetch(w.customer("I am a person", email="b@example.com"))
    assert "Auto-Submitted" not in w.ours.mail_headers(person, person.messages[0].id)


def test_a_chat_is_read_whole_and_never_answered(w):
    ticket_id = w.customer("line 0", via="chat")
    for n in (1, 2):
        w.later(minutes=1)
        w.desk.customer_writes(f"line {n}", case_id=int(ticket_id), via="chat")
    ticket = w.ours.fetch(ticket_id)
    assert [m.text for m in ticket.messages] == ["line 0", "line 1", "line 2"]
    assert (ticket.channel, ticket.replyable, ticket.messages[0].author) == ("chat", False, Author.CUSTOMER)


def test_a_conversation_of_99_threads_is_locked_and_takes_no_more(w):
    ticket_id = w.customer("0")
    before = w.ours.fetch(ticket_id)
    for n in range(1, 99):
        w.desk.customer_writes(str(n), case_id=int(ticket_id))
    assert w.ours.fetch(ticket_id).locked
    with pytest.raises(errors.Refused, match="412"):
        w.ours.send(before, Write("k", (ACK,)))


def test_two_renewers_at_once_do_not_use_up_each_others_refresh_token(world):
    w = world("helpscout", grant="authorization_code")
    w.fake.state.codes.add("c0de")
    state, app = w.fake.state, Settings(**w.fake.settings(w.url))
    once = {"code": "c0de", "redirect_uri": "", "verifier": "", "now": w.now}
    w.tokens.save("support", exchange(app, **once))
    one, two = w.connect(), w.connect()
    one.whoami()
    two.whoami()
    w.later(days=3)
    one.whoami()
    two.whoami()
    assert len(state.refresh) == 1
    with pytest.raises(errors.NotAllowed):
        exchange(app, **once)


def test_a_token_lives_two_days_and_is_renewed_before(w):
    w.ours.whoami()
    w.later(hours=39)
    w.ours.whoami()
    assert w.tokens.minted == 2
    w.fake.state.tokens.clear()  # revoked
    w.ours.whoami()
    assert w.tokens.minted == 3


def test_a_storm_of_writes_waits_for_its_turn_instead_of_being_refused(world):
    w = world("helpscout", burst=12)
    slept: list[float] = []
    w.ours._api.burst.sleep = slept.append
    w.ours._api.burst.clock = lambda: 50.0 + sum(slept)
    w.fake.state.burst = 0
    for n in range(5):
        w.do(w.ours.fetch(w.customer("Hello", email=f"c{n}@example.com")), AddTags(("ai_x",)), NOTE, ACK)
    assert 0 < sum(slept) <= 10


# --- webhooks ---------------------------------------------------------------------------------


def test_each_event_of_the_subscription_becomes_what_it_means(w, heard):
    url, got = heard
    w.fake.subscribe(url)
    one, two = int(w.customer("first")), int(w.customer("second"))
    w.later(minutes=1)
    w.desk.customer_writes("anybody?", case_id=one)
    w.desk.agent_claims(one, w.ann.id)
    w.desk.merge(two, one, w.ann.id)
    w.desk.delete(one, w.ann.id)
    kinds = []
    for request in got:
        w.ours.verify(request, w.now)
        kinds += [(e.kind, int(e.ticket_id)) for e in w.ours.parse(request, w.now)]
    assert kinds == [
        (EventKind.CREATED, one),
        (EventKind.CREATED, two),
        (EventKind.LOOK, one),
        (EventKind.CLAIM, one),
        (EventKind.LOOK, one),
        (EventKind.GONE, one),
    ]


def test_a_reply_that_came_with_its_threads_is_named_by_its_id(world, heard):
    url, got = heard
    w = world("helpscout", embed_in_hooks=True)
    w.fake.subscribe(url)
    ticket_id = w.customer("first")
    w.later(minutes=1)
    w.desk.customer_writes("anybody?", case_id=int(ticket_id))
    event = w.ours.parse(got[-1], w.now)[0]
    assert event.key == f"support:{ticket_id}:reply:{w.desk.cases[int(ticket_id)].entries[-1].id}"


def test_our_own_routing_reports_nothing(w, heard):
    url, got = heard
    ticket_id = w.customer("There is a charge")
    w.fake.subscribe(url)
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_routed",)), SetQueue("Billing"), NOTE, ACK)
    assert [e for request in got for e in w.ours.parse(request, w.now)] == []


def test_bodies_come_with_escaped_slashes_so_that_only_the_raw_bytes_fit_the_signature(w, heard):
    url, got = heard
    w.fake.subscribe(url)
    w.customer("Grüße – https://example.com/a")
    assert b"https:\\/\\/" in got[0].body
    again = WebhookRequest(got[0].headers, got[0].body.replace(b"\\/", b"/"))
    with pytest.raises(errors.BadSignature):
        w.ours.verify(again, w.now)


@pytest.mark.parametrize(("status", "deliveries"), [("410 Gone", 1), ("500 No", 10)])
def test_a_webhook_that_fails_is_switched_off_in_silence(w, status, deliveries):
    def no(environ, start_response):
        start_response(status, [])
        return [b""]

    with serving(no) as url:
        w.fake.subscribe(url)
        for n in range(deliveries):
            assert w.fake.state.webhooks[0]["state"] == "enabled"
            w.customer("x", email=f"c{n}@example.com")
    assert w.fake.state.webhooks[0]["state"] == "disabled"


# --- the account is as strict as the real one ---------------------------------------------------


def test_the_account_refuses_what_help_scout_refuses(w):
    ticket_id = w.customer("Hello")
    customer = {"id": w.desk.cases[int(ticket_id)].requester_id}
    here = f"/conversations/{ticket_id}"
    refused = {
        "a list of operations": ("PATCH", here, [{"op": "replace", "path": "/status", "value": "closed"}]),
        "an unknown path": ("PATCH", here, {"op": "replace", "path": "/tags", "value": "x"}),
        "replacing the inbox": (
            "PATCH",
            here,
            {"op": "replace", "path": "/mailboxId", "value": w.fake.state.main_inbox},
        ),
        "a reply to nobody": ("POST", f"{here}/reply", {"text": "x"}),
        "a reply without words": ("POST", f"{here}/reply", {"customer": customer}),
        "a time without imported": (
            "POST",
            f"{here}/reply",
            {"text": "x", "customer": customer, "createdAt": "2026-01-01T00:00:00Z"},
        ),
        "an unknown key": ("POST", f"{here}/notes", {"text": "x", "assignTo": 1}),
        "a holder under the key of the answers": (
            "POST",
            f"{here}/reply",
            {"text": "x", "customer": customer, "assignedTo": 1},
        ),
        "an unknown status": ("POST", f"{here}/notes", {"text": "x", "status": "open"}),
        "tags as one text": ("PUT", f"{here}/tags", {"tags": "a,b"}),
        "a field of nowhere": ("PUT", f"{here}/fields", {"fields": [{"id": 1, "value": "x"}]}),
        "a secret too long": (
            "POST",
            "/webhooks",
            {"url": "https://x", "events": ["convo.created"], "secret": "x" * 41},
        ),
    }
    taken = {name: raw(w, m, path, json=b).status_code for name, (m, path, b) in refused.items()}
    assert taken == dict.fromkeys(refused, 400)


def test_a_reply_without_a_status_reopens_and_tags_are_replaced(w):
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_x",)), ACK, Solve())
    customer = {"id": w.desk.cases[int(ticket_id)].requester_id}
    raw(w, "POST", f"/conversations/{ticket_id}/reply", json={"text": "x", "customer": customer})
    raw(w, "PUT", f"/conversations/{ticket_id}/tags", json={"tags": ["b"]})
    ticket = w.ours.fetch(ticket_id)
    assert (ticket.status, ticket.tags) == (Status.OPEN, {"b"})


def test_the_account_lists_active_ones_by_default_and_knows_no_fraction_of_a_second(w):
    w.do(w.ours.fetch(w.customer("Hello")), ACK, Solve())
    assert "_embedded" not in raw(w, "GET", "/conversations").json()
    at = "2026-11-24T10:00:00.123Z"
    assert raw(w, "GET", "/conversations", params={"modifiedSince": at}).status_code == 400


def test_the_account_refuses_calls_without_a_token_and_json_at_the_token_endpoint(w):
    assert requests.get(f"{w.url}/v2/users/me", timeout=5).status_code == 401
    grant = {
        "grant_type": "client_credentials",
        "client_id": "helpscout-app",
        "client_secret": "helpscout-app-secret",
    }
    assert requests.post(f"{w.url}/v2/oauth2/token", json=grant, timeout=5).status_code == 400


def test_a_merged_id_answers_301_to_one_call_only_and_404_after_sixty_days(w):
    one, two = w.customer("a"), w.customer("b")
    w.desk.merge(int(two), int(one), w.ann.id)
    assert raw(w, "GET", f"/conversations/{two}").status_code == 301
    assert raw(w, "GET", f"/conversations/{two}/threads").status_code == 404
    w.later(days=61)
    with pytest.raises(errors.Gone):
        w.ours.fetch(two)


def test_a_write_costs_two_units_and_the_limit_is_refused_with_its_own_header(world):
    w = world("helpscout", limit=20)
    answers = [raw(w, "PUT", "/conversations/1/tags", json={"tags": []}) for _ in range(10)]
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["X-RateLimit-Retry-After"]
    assert "Retry-After" not in refused.headers
    assert [one.status_code for one in answers].count(404) == 9
