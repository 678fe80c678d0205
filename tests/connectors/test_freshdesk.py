"""Freshdesk's quirks, one promise a test."""

from __future__ import annotations

import fnmatch
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.freshdesk import claims, reading, sweep, writing
from connectors.freshdesk.settings import Settings
from connectors.freshdesk.vendor import VENDOR
from connectors.freshdesk.writing import as_html
from core import errors
from core.model import (
    AddNote,
    AddTags,
    Author,
    EventKind,
    Priority,
    Reopen,
    Reply,
    RunAction,
    SetFields,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    WebhookRequest,
    Write,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BASE = "https://acme.freshdesk.com"
API = f"{BASE}/api/v2"
SECRET = "freshdesk-webhook-secret"
FIXTURES = Path(__file__).parent.parent / "fixtures" / "freshdesk"
CASES = sorted(path.name.removesuffix(".body.json") for path in FIXTURES.glob("*.body.json"))
ME = {
    "id": 77,
    "ticket_scope": 1,
    "occasional": False,
    "contact": {"name": "Bot", "email": "bot@acme.example"},
}
ANN = {"id": 88, "type": "support_agent", "contact": {"name": "Ann", "email": "ann@acme.example"}}
FREDDY = {"id": 99, "type": "support_agent", "contact": {"name": "Freddy", "email": "freddy@acme.example"}}
TICKET = {
    "id": 5,
    "subject": "Charge",
    "description": "<div>There is a charge</div>",
    "description_text": "There is a charge",
    "status": 2,
    "priority": 1,
    "source": 1,
    "requester_id": 9,
    "requester": {"id": 9, "name": "Mia", "email": "mia@example.com", "mobile": None, "phone": None},
    "responder_id": None,
    "group_id": None,
    "tags": ["vip"],
    "custom_fields": {"cf_colour": "red"},
    "spam": False,
    "created_at": "2026-11-24T10:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
    "conversations": [],
    "stats": {},
}


def said(number: int, text: str, **more: object) -> dict[str, object]:
    """A conversation, by default one of the customer's."""
    at = (NOW - timedelta(minutes=60 - number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    base = {
        "id": number,
        "user_id": 9,
        "body_text": text,
        "body": f"<div>{text}</div>",
        "incoming": True,
        "private": False,
        "source": 0,
        "from_email": '"Mia" <mia@example.com>',
        "created_at": at,
    }
    return {**base, **more}


def desk(**settings: object):
    """A connector for an account that only `responses` knows."""
    table = {"vendor": "freshdesk", "base_url": BASE, "api_key": "k", "webhook_secret": SECRET, **settings}
    return VENDOR.make("support", Settings(**table), tokens=None, clock=lambda: NOW, on_call=lambda *_: None)


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{API}/agents/me", json=ME)
        mock.get(f"{API}/agents", json=[ME, ANN, FREDDY])
        mock.get(f"{API}/groups", json=[{"id": 30, "name": "Billing"}, {"id": 31, "name": "Support"}])
        yield mock


def show(web: responses.RequestsMock, ticket: dict[str, object]) -> None:
    web.get(f"{API}/tickets/5", json={**TICKET, **ticket})


def last_json(web: responses.RequestsMock) -> dict[str, object]:
    return json.loads(web.calls[-1].request.body)


# --- webhooks -------------------------------------------------------------------------------


def request(body: bytes, **headers: str) -> WebhookRequest:
    return WebhookRequest({"x-backstop-token": SECRET, **headers}, body)


def receive(ours, heard: WebhookRequest):
    ours.verify(heard, NOW)
    return ours.parse(heard, NOW)


@pytest.mark.parametrize("case", CASES)
def test_each_recorded_webhook_becomes_the_events_written_beside_it(case):
    body = (FIXTURES / f"{case}.body.json").read_bytes()
    headers = json.loads((FIXTURES / f"{case}.headers.json").read_text())
    wanted = json.loads((FIXTURES / f"{case}.events.json").read_text())
    heard, ours = WebhookRequest(headers, body), desk()
    if isinstance(wanted, dict):
        with pytest.raises(getattr(errors, wanted["error"])):
            receive(ours, heard)
        return
    events = receive(ours, heard)
    assert [(e.kind.value, e.ticket_id) for e in events] == [(w["kind"], w["ticket_id"]) for w in wanted]
    assert all(fnmatch.fnmatchcase(e.key, w["key"]) for e, w in zip(events, wanted, strict=True))


@pytest.mark.parametrize("given", ["0042", "#42", 42, 42.0, " 42 "])
def test_a_ticket_has_one_name_however_its_id_is_written(given):
    (event,) = receive(desk(), request(json.dumps({"event": "created", "ticket_id": given}).encode()))
    assert event.key == "support:42:created"


def test_two_replies_in_the_same_second_are_two_facts():
    heard = request(b'{"event":"reply","ticket_id":"5"}')
    first, second = desk().parse(heard, NOW), desk().parse(heard, NOW)
    assert first[0].key != second[0].key


def test_a_creation_reported_twice_is_one_fact():
    simple = b'{"freshdesk_webhook":{"ticket_id":5,"triggered_event":"{ticket_action:created}"}}'
    advanced = b'{"event":"created","ticket_id":"5"}'
    assert desk().parse(request(simple), NOW)[0].key == desk().parse(request(advanced), NOW)[0].key


@given(st.binary(max_size=400))
def test_no_body_whatever_breaks_parsing(body):
    try:
        events = desk().parse(request(body), NOW)
    except errors.BadPayload:
        return
    assert all(e.ticket_id.isdigit() and isinstance(e.kind, EventKind) for e in events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ticket_id", "event", "freshdesk_webhook", "triggered_event"]), inner
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_json_whatever_breaks_parsing(value):
    try:
        desk().parse(request(json.dumps(value).encode()), NOW)
    except errors.BadPayload:
        return


def test_a_body_nested_a_hundred_thousand_deep_is_refused_like_any_other():
    with pytest.raises(errors.BadPayload):
        desk().parse(request(b"[" * 100_000), NOW)


def test_without_a_configured_secret_no_webhook_is_accepted():
    with pytest.raises(errors.BadSignature):
        desk(webhook_secret="").verify(request(b"{}"), NOW)


def test_both_secrets_are_good_while_one_is_exchanged():
    ours = desk(webhook_secret="old-secret,new-secret")
    for secret in ("old-secret", "new-secret"):
        ours.verify(WebhookRequest({"x-backstop-token": secret}, b"{}"), NOW)


# --- reading --------------------------------------------------------------------------------


def test_the_first_message_is_the_description_and_comes_first(web):
    show(web, {"conversations": [said(12, "later"), said(11, "sooner")]})
    assert [m.text for m in desk().fetch("5").messages] == ["There is a charge", "sooner", "later"]


def test_customer_agent_bot_rule_and_ai_agent_are_distinguished(web):
    thread = [
        said(11, "hello?"),
        said(12, "I am Ann", user_id=88, incoming=False),
        said(13, "we got it", user_id=77, incoming=False),
        said(14, "a rule spoke", user_id=None, incoming=False),
        said(15, "I am clever", user_id=99, incoming=False),
        said(16, "rated: bad", source=6),
        said(17, "my colleague is right", user_id=10, from_email="colleague@example.com"),
    ]
    show(web, {"conversations": thread})
    authors = [m.author for m in desk(ai_agents=["Freddy@acme.example"]).fetch("5").messages[1:]]
    human, machine = Author.CUSTOMER, Author.MACHINE
    assert authors == [human, Author.AGENT, Author.BOT, machine, Author.AI, machine, human]


def test_what_an_agent_mails_into_a_ticket_is_not_taken_for_the_customers_words(web):
    thread = [said(11, "mailed from my phone", user_id=88, incoming=True)]
    show(web, {"conversations": thread})
    assert [m.author for m in desk().fetch("5").messages[1:]] == [Author.AGENT]
    assert (desk().unclaimed(["5"])["5"].via, desk().unclaimed(["5"])["5"].by) == ("reply", "Ann")


def test_a_requester_who_is_an_agent_too_does_not_claim_the_own_ticket(web):
    show(web, {"requester_id": 88, "conversations": [said(11, "and?", user_id=88, incoming=True)]})
    assert desk().unclaimed(["5"])["5"].by == ""


def test_an_agents_note_is_private_and_a_forwarded_mail_does_not_count_as_said_to_the_customer(web):
    thread = [
        said(11, "between us", user_id=88, incoming=False, private=True, source=2),
        said(12, "fyi", user_id=88, incoming=False, source=8),
    ]
    show(web, {"conversations": thread})
    assert [m.public for m in desk().fetch("5").messages[1:]] == [False, False]


def test_a_long_thread_is_read_whole_with_one_more_read(web):
    show(web, {"conversations": [said(n, f"old {n}") for n in range(10)]})
    web.get(f"{API}/tickets/5/conversations", json=[said(n, f"all {n}") for n in range(12)])
    ours = desk()
    ours.fetch("5")  # the directories are kept from now on
    before = len(web.calls)
    messages = ours.fetch("5").messages
    assert messages[-1].text == "all 11"
    assert len(web.calls) - before == 2


def test_a_thread_of_more_than_a_hundred_is_paged_by_the_link_header(web):
    show(web, {"conversations": [said(n, "x") for n in range(10)]})
    link = {"Link": f'<{API}/tickets/5/conversations?page=2>; rel="next"'}
    pages = f"{API}/tickets/5/conversations"
    web.get(
        pages,
        json=[said(n, "one") for n in range(50)],
        headers=link,
        match=[responses.matchers.query_param_matcher({"page": "1", "per_page": "100"})],
    )
    web.get(
        pages,
        json=[said(55, "last")],
        match=[responses.matchers.query_param_matcher({"page": "2", "per_page": "100"})],
    )
    assert desk().fetch("5").messages[-1].text == "last"


def test_a_ticket_an_agent_wrote_to_the_customer_was_opened_by_an_agent(web):
    show(web, {"source": 10})
    assert desk().fetch("5").opened_by is Author.AGENT


def test_a_requester_who_is_an_agent_is_staff(web):
    show(web, {"requester_id": 88, "requester": {"id": 88, "name": "Ann", "email": "ann@acme.example"}})
    ticket = desk().fetch("5")
    assert ticket.customer.is_staff
    assert ticket.opened_by is Author.AGENT


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (2, "open"),
        (3, "pending"),
        (4, "solved"),
        (5, "closed"),
        (6, "pending"),
        (7, "pending"),
        (42, "open"),
        ("x", "open"),
    ],
)
def test_each_status_number_is_understood_and_an_accounts_own_counts_as_open(web, number, status):
    show(web, {"status": number})
    assert desk().fetch("5").status.value == status


def test_a_customers_reply_to_a_closed_ticket_is_handled_even_if_freshdesk_does_not_reopen_it(web):
    stats = {"closed_at": "2026-11-24T10:30:00Z"}
    show(web, {"status": 5, "stats": stats, "conversations": [said(59, "still broken")]})
    assert desk().fetch("5").status is Status.SOLVED


def test_a_closed_ticket_whose_customer_wrote_before_it_was_closed_stays_closed(web):
    stats = {"closed_at": "2026-11-24T10:30:00Z"}
    old = said(11, "it works again", created_at="2026-11-24T10:20:00Z")
    show(web, {"status": 5, "stats": stats, "conversations": [old]})
    assert desk().fetch("5").status is Status.CLOSED


MERGED = "This ticket is closed and merged into ticket 1234"
SURVIVED = "Ticket with ID 5 is merged into this ticket"


def noted(text: str, **more: object) -> dict[str, object]:
    """A private note of Ann's."""
    return said(11, text, **{"user_id": 88, "incoming": False, "private": True, "source": 2, **more})


def survivor(web: responses.RequestsMock, *notes: dict[str, object]) -> None:
    web.get(f"{API}/tickets/1234", json={**TICKET, "id": 1234, "conversations": list(notes)})


def test_a_merged_ticket_says_where_it_went(web):
    show(web, {"status": 5, "conversations": [noted(MERGED)]})
    survivor(web, noted(SURVIVED))
    with pytest.raises(errors.Moved) as moved:
        desk().fetch("5")
    assert moved.value.target == "1234"


@pytest.mark.parametrize(
    ("status", "note"),
    [
        pytest.param(5, said(11, MERGED), id="the customer wrote it"),
        pytest.param(5, noted(MERGED, user_id=9), id="the customer wrote it on the portal"),
        pytest.param(5, noted(MERGED, user_id=77), id="our own note quotes it"),
        pytest.param(5, noted(f"Likely intent: x (72% confidence). Customer message: {MERGED}"), id="quoted"),
        pytest.param(5, noted(MERGED, user_id=None), id="a rule of the account copied it"),
        pytest.param(5, noted(MERGED, private=False), id="an agent told the customer"),
        pytest.param(5, noted("x" * 300 + MERGED), id="in a long text"),
        pytest.param(4, noted(MERGED), id="the ticket is not closed"),
        pytest.param(2, noted(MERGED), id="the ticket is open"),
    ],
)
def test_words_about_a_merge_merge_nothing(web, status, note):
    show(web, {"status": status, "conversations": [note]})
    survivor(web, noted(SURVIVED))
    assert desk().fetch("5").id == "5"


@pytest.mark.parametrize(
    "notes",
    [
        pytest.param([], id="nothing"),
        pytest.param([noted("Ticket with ID 55 is merged into this ticket")], id="another ticket"),
        pytest.param([noted(SURVIVED, user_id=77)], id="our own note"),
        pytest.param([said(11, SURVIVED)], id="its customer"),
        pytest.param(None, id="there is no such ticket"),
    ],
)
def test_a_merge_that_the_other_ticket_does_not_confirm_is_none(web, notes):
    show(web, {"status": 5, "conversations": [noted(MERGED)]})
    if notes is None:
        web.get(f"{API}/tickets/1234", status=404)
    else:
        survivor(web, *notes)
    assert desk().fetch("5").status is Status.CLOSED


def test_the_surviving_ticket_of_a_merge_stays_where_it_is(web):
    show(web, {"status": 5, "conversations": [noted("Ticket with ID 1234 is merged into this ticket")]})
    assert desk().fetch("5").status is Status.CLOSED


@pytest.mark.parametrize("missing", ["trash", "404"])
def test_deleted_and_archived_tickets_are_gone(web, missing):
    if missing == "trash":
        show(web, {"deleted": True})
    else:
        web.get(f"{API}/tickets/5", status=404)
    with pytest.raises(errors.Gone):
        desk().fetch("5")


def test_spam_is_shown_as_spam_and_locked(web):
    show(web, {"spam": True})
    ticket = desk().fetch("5")
    assert (ticket.status, ticket.locked) == (Status.SPAM, "marked as spam")


def test_rubbish_in_every_field_is_still_a_ticket(web):
    rubbish = dict.fromkeys(TICKET, None) | {
        "id": 5,
        "tags": "vip",
        "conversations": [{"id": None}, 7],
        "stats": 3,
        "custom_fields": [],
        "requester": [],
        "source": "?",
        "priority": [],
    }
    web.get(f"{API}/tickets/5", json=rubbish)
    ticket = desk().fetch("5")
    assert ticket.id == "5"
    assert not ticket.replyable


def test_a_page_that_is_no_json_is_tried_later(web):
    web.get(f"{API}/tickets/5", body="<html>maintenance</html>")
    with pytest.raises(errors.TryLater):
        desk().fetch("5")


def test_a_redirect_says_that_base_url_must_be_the_freshdesk_origin(web):
    web.get(f"{API}/tickets/5", status=302, headers={"Location": "https://help.acme.example/login"})
    with pytest.raises(errors.Refused, match=r"base_url"):
        desk().fetch("5")


def test_an_id_from_elsewhere_never_reaches_a_path():
    with pytest.raises(errors.BadPayload):
        desk().fetch("5/../agents")


def test_a_key_without_admin_rights_finds_groups_by_the_ticket_form():
    with responses.RequestsMock() as web:
        web.get(f"{API}/groups", status=403, json={"code": "access_denied"})
        web.get(f"{API}/ticket_fields", json=[{"type": "default_group", "choices": {"Billing": 30}}])
        assert desk()._directory.group_id("billing") == "30"


def test_a_key_that_may_not_list_agents_still_reads_tickets():
    with responses.RequestsMock() as web:
        web.get(f"{API}/agents/me", json=ME)
        web.get(f"{API}/agents", status=403, json={"code": "access_denied"})
        web.get(f"{API}/groups", json=[])
        web.get(f"{API}/tickets/5", json={**TICKET, "responder_id": 88})
        assert desk().fetch("5").assignee.human


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
KEYS = sorted({*TICKET, *said(1, "x"), "structured_description", "structured_body", "deleted"} - {"id"})


@given(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING),
    st.lists(st.dictionaries(st.sampled_from([*KEYS, "id"]), ANYTHING), max_size=3),
)
def test_no_value_whatever_in_a_ticket_breaks_reading_it(odd, thread):
    known = reading.Known("support", BASE, "77", human={}, names={})
    raw = {**TICKET, **odd}
    ticket = reading.ticket_of(raw, thread, known)
    assert len(ticket.messages) >= 1
    sweep.changed_ticket_of(raw, "support", "cf_intent", "ai_")
    assert isinstance(claims.trace(raw), tuple)
    writing.said_already(thread, Reply("answer", "x", text="x"), "77", NOW)


# --- writing --------------------------------------------------------------------------------

SET = (AddTags(("ai_routed",)), SetQueue("Billing"), SetPriority(Priority.URGENT))
NOTE, ACK = AddNote("note", text="Likely intent"), Reply("acknowledgment", "ack", text="We got it.")


def plan(web, *actions):
    show(web, {})
    ticket = desk().fetch("5")
    return [(w.key, [type(a).__name__ for a in w.actions]) for w in desk().writes(ticket, actions, "k")]


def test_routing_is_three_calls_and_the_reply_to_the_customer_is_the_last(web):
    keys = [key for key, _ in plan(web, ACK, NOTE, *SET)]
    assert keys == ["k:update", "k:note", "k:reply"]


def test_an_automatic_answer_is_two_calls_and_goes_out_before_the_ticket_is_resolved(web):
    assert [key for key, _ in plan(web, *SET, ACK, Solve())] == ["k:reply", "k:update"]


def test_the_general_queue_is_two_calls(web):
    assert [key for key, _ in plan(web, *SET, ACK)] == ["k:update", "k:reply"]


def test_what_freshdesk_cannot_do_is_said(web):
    with pytest.raises(errors.Unsupported):
        plan(web, RunAction("a macro"))


def test_all_that_is_set_goes_in_one_put_and_only_that(web):
    show(web, {"tags": ["vip", "ai_old"]})
    web.put(f"{API}/tickets/5", json={**TICKET, "updated_at": "2026-11-24T12:00:00Z"})
    ours = desk(intent_field="cf_intent_9", confidence_field="cf_conf_8")
    ticket = ours.fetch("5")
    write = Write("k", (*SET, AddTags(("ai_urgent",)), SetFields("billing", 72, "routed"), Solve()))
    assert ours.send(ticket, write).version == "2026-11-24T12:00:00Z"
    assert last_json(web) == {
        "tags": ["vip", "ai_old", "ai_routed", "ai_urgent"],
        "group_id": 30,
        "priority": 4,
        "custom_fields": {"cf_intent_9": "billing", "cf_conf_8": 72},
        "status": 4,
    }


def test_reopening_is_setting_the_ticket_open(web):
    show(web, {"status": 4})
    web.put(f"{API}/tickets/5", json=TICKET)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k", (Reopen(),)))
    assert last_json(web) == {"status": 2}


def test_a_tag_longer_than_freshdesk_takes_is_cut_rather_than_refusing_the_whole_update(web):
    show(web, {})
    web.put(f"{API}/tickets/5", json=TICKET)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k", (AddTags(("ai_intent_" + "x" * 40,)),)))
    assert max(map(len, last_json(web)["tags"])) == 32


def test_a_note_is_private_by_name_and_not_by_default(web):
    show(web, {})
    web.post(f"{API}/tickets/5/notes", json={"id": 900}, status=201)
    ours = desk()
    assert ours.send(ours.fetch("5"), Write("k", (NOTE,))).id == "900"
    assert last_json(web)["private"] is True


def test_the_reply_comes_from_the_configured_address(web):
    show(web, {})
    web.post(f"{API}/tickets/5/reply", json={"id": 901}, status=201)
    ours = desk(from_email="brand@acme.example")
    ours.send(ours.fetch("5"), Write("k", (ACK,)))
    assert last_json(web) == {"body": "<p>We got it.</p>", "from_email": "brand@acme.example"}


def test_a_chats_customer_is_answered_in_the_form_that_chats_take(web):
    show(web, {"source": 7, "requester": {"id": 9, "name": "Mia", "email": None}})
    web.post(f"{API}/tickets/5/reply", json={"id": 901}, status=201)
    ours = desk()
    ticket = ours.fetch("5")
    ours.send(ticket, Write("k", (ACK,)))
    content = [{"type": "text", "data": {"content": "We got it."}}]
    assert ticket.replyable
    assert last_json(web) == {"structured_body": {"body_contents": content}}


def test_nothing_in_a_reply_is_taken_for_markup():
    assert as_html("a <b> & c\nd\n\ne") == "<p>a &lt;b&gt; &amp; c<br>d</p><p>e</p>"


def test_an_unknown_group_is_named_together_with_those_that_exist(web):
    show(web, {})
    ours = desk()
    with pytest.raises(errors.Refused, match=r'"Bilge".*Billing, Support'):
        ours.send(ours.fetch("5"), Write("k", (SetQueue("Bilge"),)))


def test_writing_to_spam_or_trash_says_gone(web):
    show(web, {})
    web.put(f"{API}/tickets/5", status=405)
    ours = desk()
    with pytest.raises(errors.Gone):
        ours.send(ours.fetch("5"), Write("k", SET))


def test_a_ticket_whose_form_must_be_filled_first_stays_open_with_all_the_rest_set(web):
    refusal = {"description": "Validation failed", "errors": [{"field": "cf_cause", "code": "missing_field"}]}
    show(web, {})
    web.put(f"{API}/tickets/5", status=400, json=refusal)
    web.put(f"{API}/tickets/5", json=TICKET)
    ours = desk()
    receipt = ours.send(ours.fetch("5"), Write("k", (AddTags(("ai_auto_resolved",)), Solve())))
    assert "cf_cause" in receipt.detail
    assert last_json(web) == {"tags": ["vip", "ai_auto_resolved"]}


def test_a_field_or_tag_that_is_refused_does_not_keep_the_rest_from_being_set(web):
    errors_ = [
        {"field": "custom_fields.cf_gone", "code": "invalid_field"},
        {"field": "tags", "code": "access_denied"},
    ]
    show(web, {})
    web.put(f"{API}/tickets/5", status=400, json={"errors": errors_})
    web.put(f"{API}/tickets/5", json=TICKET)
    ours = desk(intent_field="cf_gone", outcome_field="cf_there")
    write = Write("k", (*SET, SetFields("billing", 72, "routed")))
    assert "cf_gone" in ours.send(ours.fetch("5"), write).detail
    assert last_json(web) == {"group_id": 30, "priority": 4, "custom_fields": {"cf_there": "routed"}}


def test_a_refused_group_is_not_left_out_but_passed_on(web):
    show(web, {})
    web.put(f"{API}/tickets/5", status=400, json={"errors": [{"field": "group_id", "code": "invalid_value"}]})
    ours = desk()
    ticket = ours.fetch("5")
    before = len(web.calls)
    with pytest.raises(errors.Refused, match="group_id"):
        ours.send(ticket, Write("k", SET))
    assert len(web.calls) - before == 1


def test_any_other_refusal_is_passed_on_in_freshdesks_own_words(web):
    show(web, {})
    web.put(f"{API}/tickets/5", status=400, json={"errors": [{"field": "status", "code": "invalid_value"}]})
    ours = desk()
    with pytest.raises(errors.Refused, match="invalid_value"):
        ours.send(ours.fetch("5"), Write("k", (Solve(),)))


def test_a_quiet_solve_keeps_freshdesk_from_mailing_the_customer_too(web):
    show(web, {})
    web.post(f"{API}/tickets/bulk_update", status=202, json={"job_id": "j1", "href": "…"})
    ours = desk(quiet_solve=True)
    receipt = ours.send(ours.fetch("5"), Write("k", (AddTags(("ai_x",)), Solve())))
    properties = {"tags": ["vip", "ai_x"], "status": 4, "skip_close_notification": True}
    assert receipt.state == "accepted"
    assert last_json(web) == {"bulk_action": {"ids": [5], "properties": properties}}


def test_a_write_is_never_retried_automatically(web):
    show(web, {})
    web.post(f"{API}/tickets/5/reply", status=502)
    ours = desk()
    ticket = ours.fetch("5")
    before = len(web.calls)
    with pytest.raises(errors.UnknownOutcome):
        ours.send(ticket, Write("k", (ACK,)))
    assert len(web.calls) - before == 1


def test_a_success_whose_body_was_cut_is_a_success(web):
    show(web, {})
    web.post(f"{API}/tickets/5/notes", status=201, body='{"id": 9')
    ours = desk()
    assert ours.send(ours.fetch("5"), Write("k", (NOTE,))).id == ""


# --- was it there already? ------------------------------------------------------------------


def landed(web, *thread, action=ACK):
    web.get(f"{API}/tickets/5/conversations", json=list(thread))
    return desk().landed("5", Write("k", (action,)), NOW - timedelta(minutes=30))


BOT = {"user_id": 77, "incoming": False}


def test_our_reply_is_recognised_though_the_server_rewrote_its_markup(web):
    assert landed(web, said(45, "We  got\n it.", **BOT)).id == "45"


def test_a_reply_with_a_signature_put_below_it_is_ours(web):
    assert landed(web, said(45, "We got it.\n--\nAcme", **BOT)).id == "45"


@pytest.mark.parametrize(
    "other",
    [
        said(45, "We got it.", user_id=88, incoming=False),  # a human said the same
        said(45, "We will see.", **BOT),  # we said something else
        said(28, "We got it.", **BOT),  # we said it long before
        said(45, "We got it.", **BOT, private=True),  # a note
    ],
)
def test_nothing_else_is_taken_for_our_reply(web, other):
    assert landed(web, other) is None


def test_our_reply_is_found_although_their_clock_is_half_a_minute_behind_ours(web):
    assert landed(web, said(45, "We got it.", **BOT, created_at="2026-11-24T11:29:31Z")) is not None


def test_an_update_is_there_when_the_ticket_shows_all_of_it(web):
    ours, write = desk(), Write("k", SET)
    show(web, {"tags": ["ai_routed", "vip"], "group_id": 30, "priority": 4})
    assert ours.landed("5", write, NOW) is not None


def test_an_update_is_not_there_when_a_part_is_missing(web):
    show(web, {"tags": ["ai_routed", "vip"], "group_id": 30, "priority": 1})
    assert desk().landed("5", Write("k", SET), NOW) is None


@pytest.mark.parametrize(
    ("source", "email", "reached"),
    [
        (1, "mia@example.com", True),
        (2, "mia@example.com", True),
        (9, "mia@example.com", True),
        (1, None, False),
        (2, None, False),
        (9, "", False),
        (3, "mia@example.com", False),
        (5, "mia@example.com", False),
        (6, "mia@example.com", False),
        (11, "mia@example.com", False),
        (3, None, False),
    ],
)
def test_which_sources_a_reply_leads_back_to(web, source, email, reached):
    show(web, {"source": source, "requester": {"id": 9, "name": "Mia", "email": email}})
    assert desk().fetch("5").replyable is reached
