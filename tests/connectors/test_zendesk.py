"""Zendesk's quirks, one promise a test."""

from __future__ import annotations

import base64
import json
import threading
from datetime import timedelta

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.zendesk.connector import Settings, make
from connectors.zendesk.writing import normal
from core import errors
from core.model import (
    AddNote,
    AddTags,
    Assign,
    Author,
    Reply,
    SetFields,
    SetQueue,
    Solve,
    Status,
    WebhookRequest,
    Write,
)
from tests.connectors.conftest import NOON, Tokens

BASE = "https://acme.zendesk.com"
API = f"{BASE}/api/v2"
VECTOR = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
ME = {
    "id": 77,
    "name": "Bot",
    "email": "bot@acme.example",
    "role": "admin",
    "default_group_id": 1,
    "active": True,
}
MIA = {"id": 9, "name": "Mia", "email": "mia@example.com", "role": "end-user", "locale": "de"}
ANN = {"id": 88, "name": "Ann", "email": "ann@acme.example", "role": "agent"}
TICKET = {
    "id": 5,
    "subject": "Charge",
    "raw_subject": "Charge",
    "description": "There is a charge",
    "status": "new",
    "priority": None,
    "requester_id": 9,
    "submitter_id": 9,
    "assignee_id": None,
    "group_id": None,
    "tags": ["vip"],
    "custom_fields": [{"id": 31, "value": "red"}],
    "via": {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}},
    "created_at": "2026-11-24T10:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
    "from_messaging_channel": False,
    "comment_count": 1,
}


def said(number: int, author: int = 9, text: str = "There is a charge", **more: object) -> dict[str, object]:
    """A comment of the customer's unless told otherwise."""
    at = (NOON - timedelta(minutes=120 - number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": number, "type": "Comment", "author_id": author, "body": text, "plain_body": text, "public": True,
            "html_body": f"<p>{text}</p>", "created_at": at, "via": {"channel": "email"}, "metadata": {}, **more}  # fmt: skip


def desk(tokens: Tokens | None = None, **settings: object):
    table = {
        "vendor": "zendesk",
        "base_url": BASE,
        "client_id": "c",
        "client_secret": "s",
        "webhook_secret": VECTOR,
    }
    return make(
        "support",
        Settings(**{**table, **settings}),
        tokens=tokens or Tokens(),
        clock=lambda: NOON,
        on_call=lambda *_: None,
    )


@pytest.fixture
def zendesk():
    """An account that answers as told; `token` and `users/me` are there already."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        token = {"access_token": "t", "token_type": "bearer", "scope": "read write", "expires_in": 1800}
        mock.post(f"{BASE}/oauth/tokens", json=token)
        mock.get(f"{API}/users/me.json", json={"user": ME})
        mock.get(
            f"{API}/groups.json", json={"groups": [{"id": 1, "name": "Support"}], "meta": {"has_more": False}}
        )
        mock.get(f"{API}/users/77/group_memberships.json", json={"group_memberships": [{"group_id": 1}]})
        yield mock


def shows(mock, comments=(), users=(MIA, ANN, ME), **ticket):
    """The ticket as the account shows it; several comments are in a list of their own."""
    listed = list(comments) or [said(1)]
    raw = {**TICKET, "comment_count": len(listed), **ticket}
    audit = {"id": 3, "ticket_id": 5, "author_id": listed[0]["author_id"], "created_at": listed[0]["created_at"],
             "metadata": listed[0]["metadata"], "via": listed[0]["via"],
             "events": [{k: v for k, v in listed[0].items() if k not in {"created_at", "via", "metadata"}}]}  # fmt: skip
    mock.get(f"{API}/tickets/5.json", json={"ticket": raw, "users": list(users), "last_audits": [audit]})
    page = {"comments": listed[::-1], "users": list(users), "meta": {"has_more": False}}
    mock.get(f"{API}/tickets/5/comments.json", json=page)


def put(mock, status=200, body=None):
    """What an update is answered with."""
    answer = {
        "ticket": {**TICKET, "updated_at": "2026-11-24T12:00:01Z"},
        "audit": {"id": 4, "events": [said(50)]},
    }
    mock.put(f"{API}/tickets/5.json", status=status, json=answer if body is None else body)


def sent(mock, n=-1):
    """The `ticket` object of the n-th update."""
    bodies = [json.loads(c.request.body)["ticket"] for c in mock.calls if c.request.method == "PUT"]
    return bodies[n]


def invalid(words, key="base"):
    return {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {key: [{"description": words, "error": None}]},
    }


# --- the proof --------------------------------------------------------------------------------


def signed(body: bytes, signature: str, stamp: str) -> WebhookRequest:
    return WebhookRequest(
        {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": stamp}, body
    )


def test_the_signature_of_the_known_vector_is_accepted_within_ten_minutes_only():
    request = signed(b"{}", "OhyuASlMysBOYZdC/6lrc3gA+Lv49zMKyTnxzdRguy4=", "2021-03-25T05:09:27Z")
    at = NOON.replace(year=2021, month=3, day=25, hour=5, minute=9, second=27)
    for minutes in (-10, 0, 10):
        desk().verify(request, at + timedelta(minutes=minutes))
    for minutes in (-11, 11):
        with pytest.raises(errors.BadSignature, match="clock"):
            desk().verify(request, at + timedelta(minutes=minutes))


@given(
    st.binary(max_size=400),
    st.dictionaries(
        st.sampled_from(["x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"]), st.text()
    ),
)
def test_no_request_breaks_the_proof(body, headers):
    with pytest.raises(errors.BadSignature):
        desk().verify(WebhookRequest(headers, body), NOON)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["created", "comment_added", "merged", "agent_assignment_changed", "status_changed", "x"]
        ).map(lambda k: f"zen:event-type:ticket.{k}")
        | json_values,
        "subject": st.just("zen:ticket:5") | json_values,
        "detail": st.fixed_dictionaries(
            {}, optional={"id": json_values, "created_at": json_values, "description": json_values}
        )
        | json_values,
        "event": st.fixed_dictionaries({}, optional={"comment": json_values, "current": json_values})
        | json_values,
        "time": json_values,
        "ticket_id": json_values,
        "event_": json_values,
    },
)


@given(st.binary(max_size=600) | envelopes.map(lambda e: json.dumps(e).encode()))
def test_whatever_comes_is_read_or_refused_but_breaks_nothing(body):
    try:
        events = desk().parse(WebhookRequest({}, body), NOON)
    except errors.BadPayload:
        return
    assert all(event.ticket_id.isdigit() and event.key.startswith("support:") for event in events)


def test_our_own_writes_say_nothing_once_we_know_who_we_are():
    comment = {"id": "1", "body": "x", "is_public": True, "author": {"id": "77", "is_staff": True}}
    told = {
        "type": "zen:event-type:ticket.comment_added",
        "subject": "zen:ticket:5",
        "detail": {"id": "5", "actor_id": "77"},
        "event": {"comment": comment},
    }
    taken = {**told, "type": "zen:event-type:ticket.agent_assignment_changed", "event": {"current": "77"}}
    for one in (told, taken):
        request = WebhookRequest({}, json.dumps(one).encode())
        assert desk(bot_id="77").parse(request, NOON) == ()
    assert desk().parse(WebhookRequest({}, json.dumps(told).encode()), NOON) != ()


def test_two_different_deliveries_of_the_same_words_are_two_looks():
    one = WebhookRequest({"x-zendesk-webhook-invocation-id": "a"}, b'{"ticket_id":5}')
    two = WebhookRequest({"x-zendesk-webhook-invocation-id": "b"}, b'{"ticket_id":5}')
    keys = [desk().parse(request, NOON)[0].key for request in (one, two, one)]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


# --- reading ----------------------------------------------------------------------------------


def test_a_new_ticket_costs_one_read_and_a_longer_thread_two(zendesk):
    shows(zendesk)
    ours = desk()
    ours.whoami()
    zendesk.calls.reset()
    assert [m.id for m in ours.fetch("5").messages] == ["1"]
    assert len(zendesk.calls) == 1
    for path in ("tickets/5.json", "tickets/5/comments.json"):
        zendesk.remove(responses.GET, f"{API}/{path}")
    shows(zendesk, [said(1), said(2, 88, "I am on it")])
    zendesk.calls.reset()
    assert [m.author for m in ours.fetch("5").messages] == [Author.CUSTOMER, Author.AGENT]
    assert len(zendesk.calls) == 2


def test_without_the_side_loaded_audit_the_comments_are_asked_for(zendesk):
    page = {"comments": [said(1)], "users": [MIA], "meta": {"has_more": False}}
    zendesk.get(f"{API}/tickets/5.json", json={"ticket": TICKET, "users": [MIA]})
    zendesk.get(f"{API}/tickets/5/comments.json", json=page)
    assert desk().fetch("5").messages[0].text == "There is a charge"


def test_people_who_do_not_come_along_are_asked_for(zendesk):
    shows(zendesk, [said(1), said(2, 88, "I am on it")], users=())
    zendesk.get(f"{API}/users/show_many.json", json={"users": [MIA, ANN]})
    ticket = desk().fetch("5")
    assert (ticket.customer.email, ticket.messages[1].author) == ("mia@example.com", Author.AGENT)


def test_all_pages_of_a_long_thread_are_read_whatever_links_are_offered(zendesk):
    shows(zendesk, [said(n) for n in range(1, 3)], comment_count=3)
    zendesk.remove(responses.GET, f"{API}/tickets/5/comments.json")
    first = {
        "comments": [said(3), said(2)],
        "users": [MIA],
        "meta": {"has_more": True, "after_cursor": "c"},
        "links": {"next": "x"},
    }
    last = {
        "comments": [said(1)],
        "users": [MIA],
        "meta": {"has_more": False, "after_cursor": "d"},
        "links": {"next": "x"},
    }
    zendesk.get(
        f"{API}/tickets/5/comments.json",
        json=last,
        match=[responses.matchers.query_param_matcher({"page[after]": "c"}, strict_match=False)],
    )
    zendesk.get(f"{API}/tickets/5/comments.json", json=first)
    assert [m.id for m in desk().fetch("5").messages] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("comment", "author"),
    [
        (said(2, 77, "ours"), Author.BOT),
        (said(2, 88, "a human's"), Author.AGENT),
        (said(2, 88, "a note", public=False), Author.AGENT),
        (said(2, 55, "a husband, unknown and so kept private", public=False), Author.CUSTOMER),
        (said(2, -1, "Zendesk"), Author.MACHINE),
        (said(2, 88, "a trigger's", via={"channel": "rule"}), Author.MACHINE),
        (said(2, 88, "merged", via={"channel": "web", "source": {"rel": "merge"}}), Author.MACHINE),
        (said(2, 9, "I am away", metadata={"flags": [4], "flags_options": {}}), Author.MACHINE),
        (said(2, 9, "signed in late", metadata={"flags": [3]}), Author.CUSTOMER),
        (said(2, 66, "another robot"), Author.MACHINE),
        (said(2, 9, "I am currently out of the office until Monday."), Author.MACHINE),
    ],
)
def test_who_wrote_a_comment(zendesk, comment, author):
    users = (
        MIA,
        ANN,
        ME,
        {"id": 55, "role": "end-user", "name": "H"},
        {"id": 66, "role": "agent", "email": "Robot@acme.example"},
    )
    shows(zendesk, [said(1), comment], users=users)
    message = desk(bots=["robot@acme.example"]).fetch("5").messages[1]
    assert message.author is author
    assert bool(message.machine) is (author is Author.MACHINE)


def test_our_mark_comes_back_with_our_comment(zendesk):
    shows(zendesk, [said(1), said(2, 77, "x", metadata={"custom": {"backstop": "k:note"}})])
    assert desk().fetch("5").messages[1].mark == "k:note"


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        ({"status": "hold"}, {"status": Status.PENDING}),
        (
            {"status": "closed"},
            {"status": Status.CLOSED, "locked": "Zendesk closed the ticket: nothing can be added any more"},
        ),
        ({"status": "brand_new_status"}, {"status": Status.OPEN}),
        ({"from_messaging_channel": True}, {"channel": "chat", "replyable": False}),
        ({"via": {"channel": "whatsapp"}}, {"channel": "chat", "replyable": False}),
        ({"via": {"channel": "web_service"}}, {"channel": "api"}),
        ({"via": {"channel": "quantum"}}, {"channel": "other", "replyable": True}),
        ({"via": None}, {"channel": "other"}),
        (
            {"via": {"channel": "closed_ticket", "source": {"from": {"ticket_id": 4}, "rel": "follow_up"}}},
            {"follow_up_of": "4"},
        ),
        ({"via": {"channel": "rule"}}, {"opened_by": Author.MACHINE}),
        ({"tags": "vip press"}, {"tags": frozenset({"vip", "press"})}),
    ],
)
def test_what_a_ticket_says_of_itself(zendesk, ticket, expected):
    shows(zendesk, **ticket)
    found = desk().fetch("5")
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(("holder", "human"), [(88, True), (77, False), (66, False)])
def test_only_a_humans_holding_is_a_claim(zendesk, holder, human):
    shows(zendesk, users=(MIA, ANN, {"id": 66, "role": "agent"}), assignee_id=holder)
    assert desk(bots=["66"]).fetch("5").assignee.human is human


def test_the_companys_own_people_are_no_customers(zendesk):
    shows(zendesk, users=({**MIA, "role": "agent"},))
    ticket = desk().fetch("5")
    assert (ticket.customer.is_staff, ticket.messages[0].author) == (True, Author.CUSTOMER)


@pytest.mark.parametrize("ticket", [{"status": "deleted"}, {"subject": "SCRUBBED", "description": "X"}])
def test_a_deleted_or_scrubbed_ticket_is_gone(zendesk, ticket):
    shows(zendesk, **ticket)
    with pytest.raises(errors.Gone):
        desk().fetch("5")


def test_a_merge_in_another_language_is_followed_by_its_number(zendesk):
    note = said(
        2,
        88,
        "Diese Anfrage wurde geschlossen und mit Anfrage #31 zusammengeführt.",
        via={"channel": "web", "source": {"rel": "merge"}},
    )
    shows(zendesk, [said(1), note], status="closed", tags=["closed_by_merge"])
    with pytest.raises(errors.Moved) as moved:
        desk().fetch("5")
    assert moved.value.target == "31"


@pytest.mark.parametrize(
    "answer", [{"body": "<html>"}, {"json": []}, {"json": {}}, {"json": {"ticket": None}}]
)
def test_an_answer_that_is_none_is_tried_later(zendesk, answer):
    zendesk.get(f"{API}/tickets/5.json", **answer)
    with pytest.raises(errors.TryLater):
        desk().fetch("5")


def test_a_renamed_subdomain_is_named_as_such(zendesk):
    zendesk.get(f"{API}/tickets/5.json", status=301, headers={"Location": "https://new.zendesk.com/"})
    with pytest.raises(errors.Refused, match="base_url"):
        desk().fetch("5")


@pytest.mark.parametrize("ticket_id", ["", "x", "5/../6", "٥"])
def test_what_is_no_ticket_id_is_not_asked_for(ticket_id):
    with pytest.raises(errors.BadPayload):
        desk().fetch(ticket_id)


# --- writing ----------------------------------------------------------------------------------


def test_an_update_keeps_the_tags_locks_the_ticket_and_bears_its_mark(zendesk):
    shows(zendesk)
    put(zendesk)
    ours = desk()
    (write,) = ours.writes(ours.fetch("5"), [AddTags(("AI Routed",)), AddNote("note", text="why")], "k")
    receipt = ours.send(ours.fetch("5"), write)
    assert sent(zendesk) == {
        "id": 5,
        "tags": ["ai_routed", "vip"],
        "comment": {"body": "why", "public": False},
        "metadata": {"backstop": "k:note"},
        "safe_update": True,
        "updated_stamp": "2026-11-24T10:00:00Z",
    }
    assert (receipt.id, receipt.version) == ("50", "2026-11-24T12:00:01Z")


def test_the_team_gets_the_ticket_before_the_customer_gets_a_promise():
    writes = desk().writes(
        None,
        [
            Reply("acknowledgment", "a", text="a"),
            AddTags(("x",)),
            AddNote("n", text="n"),
            SetQueue("Support"),
        ],
        "k",
    )
    assert [write.key for write in writes] == ["k:note", "k:reply"]
    assert [type(action).__name__ for action in writes[0].actions] == ["AddTags", "SetQueue", "AddNote"]
    assert [type(action).__name__ for action in writes[1].actions] == ["Reply"]


def test_solving_brings_an_assignee_and_a_group_that_we_belong_to(zendesk):
    shows(zendesk, group_id=2)
    put(zendesk)
    ours = desk()
    ticket = ours.fetch("5")
    (write,) = ours.writes(ticket, [Reply("answer", "a", text="a"), Solve()], "k")
    ours.send(ticket, write)
    body = sent(zendesk)
    assert (body["status"], body["assignee_id"], body["group_id"]) == ("solved", 77, 1)


def test_solving_takes_no_ticket_away_from_whom_it_belongs_to(zendesk):
    shows(zendesk, assignee_id=88, group_id=2)
    put(zendesk)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k", (Solve(),)))
    assert "assignee_id" not in sent(zendesk)


@pytest.mark.parametrize(
    "words", ["Assignee: is required when solving a ticket", "Cause: is required when solving a ticket"]
)
def test_a_solve_that_is_refused_does_not_cost_the_customer_the_answer(zendesk, words):
    shows(zendesk)
    put(zendesk, 422, invalid(words))
    put(zendesk)
    ours = desk()
    receipt = ours.send(ours.fetch("5"), Write("k", (Reply("answer", "a", text="a"), Solve())))
    assert sent(zendesk, 0)["status"] == "solved"
    assert "status" not in sent(zendesk)
    assert sent(zendesk)["comment"]["body"] == "a"
    assert words in receipt.detail


def test_an_option_that_somebody_deleted_does_not_cost_the_note(zendesk):
    shows(zendesk)
    put(zendesk, 422, invalid("Intent: ai_intent_x is not a valid option"))
    put(zendesk)
    ours = desk(intent_field="31")
    ours.send(ours.fetch("5"), Write("k", (SetFields("x", 72, "routed"), AddNote("n", text="n"))))
    assert "custom_fields" not in sent(zendesk)
    assert sent(zendesk)["comment"] == {"body": "n", "public": False}


def test_what_is_refused_for_good_is_refused_with_zendesks_own_words(zendesk):
    shows(zendesk)
    put(zendesk, 422, invalid("Comment: is too long"))
    ours = desk()
    with pytest.raises(errors.Refused, match="too long"):
        ours.send(ours.fetch("5"), Write("k", (AddNote("n", text="n"),)))
    assert sum(call.request.method == "PUT" for call in zendesk.calls) == 1


def test_a_ticket_closed_meanwhile_is_read_again(zendesk):
    shows(zendesk)
    put(zendesk, 422, invalid("Status: closed prevents ticket update", "status"))
    ours = desk()
    with pytest.raises(errors.Conflict):
        ours.send(ours.fetch("5"), Write("k", (AddNote("n", text="n"), SetFields("x", 1, "y"))))


def test_somebody_who_was_faster_is_a_conflict(zendesk):
    shows(zendesk)
    put(zendesk, 409, {"error": "UpdateConflict", "description": "Safe Update prevented the update"})
    ours = desk()
    with pytest.raises(errors.Conflict):
        ours.send(ours.fetch("5"), Write("k", (AddNote("n", text="n"),)))


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>ok</html>"},
        {"json": []},
        {"json": {"odd": 1}},
        {"json": {"ticket": 7, "audit": "x"}},
        {"body": ""},
    ],
)
def test_an_update_whose_answer_cannot_be_read_is_looked_up_before_it_is_repeated(zendesk, answer):
    shows(zendesk)
    zendesk.put(f"{API}/tickets/5.json", **answer)
    ours = desk()
    try:
        receipt = ours.send(ours.fetch("5"), Write("k", (AddNote("n", text="n"),)))
    except errors.UnknownOutcome:
        return
    assert receipt.version == ""


def test_drop_downs_are_set_by_their_tags_and_the_replaced_option_goes(zendesk):
    shows(zendesk, tags=["vip", "ai_intent_old"], custom_fields=[{"id": 31, "value": "ai_intent_old"}])
    put(zendesk)
    ours = desk(
        intent_field="31",
        confidence_field="32",
        outcome_field="33",
        last_handled_field="34",
        text_fields=["33"],
    )
    actions = (AddTags(("ai_intent_new",)), SetFields("new", 72, "routed"), AddNote("n", text="n"))
    ours.send(ours.fetch("5"), Write("k:note", actions))
    assert sent(zendesk)["tags"] == ["ai_intent_new", "vip"]
    assert {one["id"]: one["value"] for one in sent(zendesk)["custom_fields"]} == {
        31: "ai_intent_new",
        32: 72,
        33: "routed",
        34: "k:note",
    }


def test_fields_that_are_not_configured_are_not_set(zendesk):
    shows(zendesk)
    put(zendesk)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k", (SetFields("x", 72, "routed"), AddNote("n", text="n"))))
    assert "custom_fields" not in sent(zendesk)


def test_a_claim_made_elsewhere_goes_to_the_agent_by_id_or_address(zendesk):
    shows(zendesk)
    put(zendesk)
    ours = desk()
    ours.send(ours.fetch("5"), Write("a", (Assign("88"),)))
    assert sent(zendesk)["assignee_id"] == 88
    ours.send(ours.fetch("5"), Write("b", (Assign("ann@acme.example"),)))
    assert sent(zendesk)["assignee_email"] == "ann@acme.example"


def test_threads_do_not_get_into_each_others_updates(zendesk):
    shows(zendesk)
    put(zendesk)
    ours = desk()
    ticket = ours.fetch("5")
    texts = [f"note {n}" for n in range(12)]
    threads = [
        threading.Thread(target=ours.send, args=(ticket, Write(text, (AddNote("n", text=text),))))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = [json.loads(c.request.body)["ticket"] for c in zendesk.calls if c.request.method == "PUT"]
    assert sorted((b["metadata"]["backstop"], b["comment"]["body"]) for b in bodies) == sorted(
        (t, t) for t in texts
    )


# --- unknown outcomes -------------------------------------------------------------------------


def audit(
    number: int,
    text: str,
    mark: str = "",
    author: int = 77,
    public: bool = True,
    at: str = "2026-11-24T12:00:00Z",
):
    custom = {"backstop": mark} if mark else {}
    event = {
        "id": number + 100,
        "type": "Comment",
        "body": text,
        "plain_body": text,
        "public": public,
        "author_id": author,
    }
    return {
        "id": number,
        "author_id": author,
        "created_at": at,
        "metadata": {"custom": custom, "system": {}},
        "events": [event, {"type": "Odd"}],
    }


def looked_up(zendesk, audits, write):
    zendesk.get(f"{API}/tickets/5/audits.json", json={"audits": audits, "meta": {"has_more": False}})
    return desk().landed("5", write, NOON)


ACK = Write("k:reply", (Reply("acknowledgment", "a", text="We *have* it.\n\nThank you"),))


@pytest.mark.parametrize(
    ("audits", "found"),
    [
        ([audit(1, "anything", mark="k:reply")], "101"),
        ([audit(1, "We have it. Thank you")], "101"),
        ([audit(1, "We *have* it.\n\nThank you", mark="other:reply")], None),
        ([audit(1, "We have it. Thank you", author=88)], None),
        ([audit(1, "We have it. Thank you", public=False)], None),
        ([audit(1, "We have it. Thank you", at="2026-11-24T11:58:00Z")], None),
        ([audit(1, "We have it. Thank you", at="2026-11-24T11:59:30Z")], "101"),
        ([audit(1, "something else")], None),
        ([], None),
    ],
)
def test_a_write_is_found_by_its_mark_else_by_author_words_and_time(zendesk, audits, found):
    receipt = looked_up(zendesk, audits, ACK)
    assert (receipt.id if receipt else None) == found


def test_the_lock_of_a_found_write_holds_only_while_nobody_came_after_it(zendesk):
    ours = audit(1, "x", mark="k:reply")
    assert looked_up(zendesk, [ours], ACK).version == "2026-11-24T12:00:00Z"
    zendesk.remove(responses.GET, f"{API}/tickets/5/audits.json")
    assert looked_up(zendesk, [ours, audit(2, "y", author=88)], ACK).version == "1970-01-01T00:00:00Z"


def test_markdown_and_other_forms_of_the_same_letters_are_the_same_words():
    assert normal("Cafe\u0301 — *now*\n> ok") == normal("Café — now ok")


# --- who we are -------------------------------------------------------------------------------


def test_a_bad_credential_that_is_greeted_with_200_is_not_believed(zendesk):
    zendesk.replace(
        responses.GET,
        f"{API}/users/me.json",
        json={"user": {"id": None, "name": "Anonymous user", "role": "end-user"}},
    )
    with pytest.raises(errors.NotAllowed, match="Anonymous"):
        desk().whoami()
    assert [f.code for f in desk(webhook_secret="s").check([]) if f.level == "fail"] == ["ZD02"]


def test_a_token_is_minted_once_for_all_processes(zendesk):
    store = Tokens()
    desk(store).whoami()
    desk(store).whoami()
    minted = [json.loads(c.request.body) for c in zendesk.calls if c.request.url.endswith("/oauth/tokens")]
    assert minted == [
        {
            "grant_type": "client_credentials",
            "client_id": "c",
            "client_secret": "s",
            "scope": "read write",
            "expires_in": 172800,
        }
    ]
    assert zendesk.calls[-1].request.headers["Authorization"] == "Bearer t"


def test_a_scope_that_was_not_granted_is_noticed_before_everything_is_forbidden(zendesk):
    with pytest.raises(errors.NotAllowed, match="scope"):
        desk(scope="read wirte").whoami()


def test_a_stored_refresh_token_is_used_and_a_revoked_one_says_what_to_do(zendesk):
    from connectors.oauth import Token

    store = Tokens()
    store.kept["support"] = Token("old", NOON - timedelta(hours=1), refresh="r")
    desk(store).whoami()
    assert json.loads(zendesk.calls[0].request.body)["grant_type"] == "refresh_token"
    zendesk.replace(responses.POST, f"{BASE}/oauth/tokens", status=400, json={"error": "invalid_grant"})
    store.kept["support"] = Token("old", NOON - timedelta(hours=1), refresh="r")
    with pytest.raises(errors.NotAllowed, match="connect the desk again"):
        desk(store).whoami()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, errors.NotAllowed), (500, errors.TryLater), (429, errors.TryLater), (302, errors.Refused)],
)
def test_a_token_that_is_not_given_says_why(zendesk, status, error):
    zendesk.replace(responses.POST, f"{BASE}/oauth/tokens", status=status, json={})
    with pytest.raises(error):
        desk().whoami()


def test_the_old_api_token_still_works_and_warns_of_its_end(zendesk):
    zendesk.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": []})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": []})
    ours = desk(email="bot@acme.example", api_token="abc")
    ours.whoami()
    expected = "Basic " + base64.b64encode(b"bot@acme.example/token:abc").decode()
    assert zendesk.calls[-1].request.headers["Authorization"] == expected
    (warning,) = [f for f in ours.check([]) if f.level == "warn"]
    assert warning.code == "ZD04"
    assert "30 April 2027" in warning.what


def test_a_marketplace_app_names_itself(zendesk):
    desk(marketplace_name="Backstop", marketplace_organization_id="1", marketplace_app_id="2").whoami()
    headers = zendesk.calls[-1].request.headers
    assert headers["X-Zendesk-Marketplace-Name"] == "Backstop"
    assert headers["X-Zendesk-Marketplace-App-Id"] == "2"


@pytest.mark.parametrize(
    ("me", "code"),
    [
        ({"only_private_comments": True}, "ZD10"),
        ({"ticket_restriction": "groups"}, "ZD11"),
        ({"role": "agent"}, "ZD12"),
        ({"default_group_id": None}, "ZD13"),
        ({"suspended": True}, "ZD14"),
    ],
)
def test_a_right_that_is_missing_is_a_finding(zendesk, me, code):
    zendesk.replace(responses.GET, f"{API}/users/me.json", json={"user": {**ME, **me}})
    zendesk.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": []})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": []})
    findings = [f for f in desk(webhook_secret="s").check([]) if f.level != "ok"]
    assert [f.code for f in findings] == [code]
    assert findings[0].remedy


def test_everything_else_that_can_be_seen_is_a_finding(zendesk):
    zendesk.get(f"{API}/incremental/tickets/cursor.json", status=403, json={})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": [{"cause": "Detected as spam"}]})
    zendesk.get(f"{API}/ticket_fields/31.json", status=404, json={})
    zendesk.get(
        f"{API}/ticket_fields/33.json", json={"ticket_field": {"id": 33, "type": "text", "active": True}}
    )
    findings = desk(client_secret="s", intent_field="31", outcome_field="33").check(["Nowhere"])
    assert [f.code for f in findings if f.level != "ok"] == ["ZD06", "ZD20", "ZD21", "ZD22", "ZD15", "ZD30"]
    assert "ZD06" in [f.code for f in desk(webhook_secret="").check([])]
    assert "ZD05" in [f.code for f in desk(client_id="").check([])]


def test_a_ticket_that_shows_no_comments_still_says_what_the_customer_wrote(zendesk):
    zendesk.get(f"{API}/tickets/5.json", json={"ticket": TICKET, "users": [MIA]})
    zendesk.get(f"{API}/tickets/5/comments.json", json={"comments": [], "meta": {"has_more": False}})
    (message,) = desk().fetch("5").messages
    assert (message.author, message.text) == (Author.CUSTOMER, "There is a charge")
