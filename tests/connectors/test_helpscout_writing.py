"""How a Help Scout conversation is written, and how a write of ours is found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.helpscout.api import Burst
from connectors.helpscout.writing import as_html
from core import errors
from core.model import (
    AddNote,
    AddTags,
    Assign,
    Priority,
    Reopen,
    Reply,
    RunAction,
    SetFields,
    SetPriority,
    SetQueue,
    Solve,
    Write,
)
from tests.connectors.helpscout_account import (
    ANN,
    API,
    BOT,
    CONVERSATION,
    FIELDS,
    FIRST,
    JON,
    NOW,
    TEAM,
    account,
    desk,
    last_json,
    listed,
    said,
    send_all,
    show,
    writing,
)


@pytest.fixture
def web():
    with account() as mock:
        yield mock


# --- writing --------------------------------------------------------------------------------

TAGS = AddTags(("ai_routed",))
NOTE, ACK = AddNote("note", text="Likely intent"), Reply("acknowledgment", "ack", text="We got it.")


def test_routing_is_tags_note_and_a_reply_that_hands_it_to_the_team(web):
    show(web)
    writing(web)
    sent = send_all(web, desk(), TAGS, SetQueue("billing"), SetPriority(Priority.URGENT), NOTE, ACK)
    assert sent == [
        ("PUT /tags", {"tags": ["vip", "ai_routed", "ai_urgent"]}),
        ("POST /notes", {"text": "<p>Likely intent</p>", "status": "active"}),
        (
            "POST /reply",
            {"customer": {"id": 9}, "text": "<p>We got it.</p>", "status": "active", "assignTo": 30},
        ),
    ]


def test_an_automatic_answer_closes_in_the_same_call(web):
    show(web)
    writing(web)
    sent = send_all(web, desk(), TAGS, ACK, Solve())
    assert [path for path, _ in sent] == ["PUT /tags", "POST /reply"]
    assert sent[-1][1]["status"] == "closed"


def test_without_a_reply_the_team_is_set_by_a_call_of_its_own_after_the_note(web):
    show(web)
    writing(web)
    sent = send_all(web, desk(), TAGS, SetQueue("30"), NOTE)
    assert [path for path, _ in sent] == ["PUT /tags", "POST /notes", "PATCH "]
    assert sent[-1][1] == {"op": "replace", "path": "/assignTo", "value": 30}


def test_an_inbox_is_a_move_before_anything_is_said_and_none_where_it_is_already(web):
    show(web)
    writing(web)
    sent = send_all(web, desk(), TAGS, SetQueue("Shop"), ACK)
    assert [path for path, _ in sent] == ["PUT /tags", "PATCH ", "POST /reply"]
    assert sent[1][1] == {"op": "move", "path": "/mailboxId", "value": 41}
    assert [path for path, _ in send_all(web, desk(), TAGS, SetQueue("support"), ACK)] == [
        "PUT /tags",
        "POST /reply",
    ]


def test_a_reply_taken_out_by_the_guard_leaves_the_assignment_behind(web):
    show(web)
    writing(web)
    ours = desk()
    ticket = ours.fetch("5")
    write = ours.writes(ticket, [SetQueue("Billing"), ACK], "k")[-1]
    ours.send(ticket, replace(write, actions=tuple(a for a in write.actions if not isinstance(a, Reply))))
    assert last_json(web) == {"op": "replace", "path": "/assignTo", "value": 30}


def test_a_note_on_a_closed_conversation_does_not_open_it(web):
    show(web, status="closed")
    writing(web)
    assert send_all(web, desk(), NOTE)[0][1]["status"] == "closed"


def test_reopening_goes_with_the_note_and_alone_is_a_change_of_status(web):
    show(web, status="closed")
    writing(web)
    assert send_all(web, desk(), Reopen(), NOTE)[0][1]["status"] == "active"
    assert send_all(web, desk(), Reopen()) == [
        ("PATCH ", {"op": "replace", "path": "/status", "value": "active"})
    ]


def test_tags_of_others_are_sent_along_and_known_ones_cost_no_call(web):
    show(web, tags=[{"tag": "VIP"}, {"tag": "AI_Routed"}])
    writing(web)
    ours = desk()
    assert send_all(web, ours, AddTags(("ai_routed", "AI_New")))[0][1] == {
        "tags": ["VIP", "AI_Routed", "ai_new"]
    }
    before = len(web.calls)
    ours.send(ours.fetch("5"), Write("k:tags", (TAGS,)))
    assert len(web.calls) == before + 1  # the fetch


def test_a_low_or_normal_priority_needs_no_tag(web):
    show(web)
    ours = desk()
    assert ours.writes(ours.fetch("5"), [SetPriority(Priority.LOW), SetPriority(Priority.NORMAL)], "k") == ()


def test_the_last_writer_is_copied_when_it_is_not_the_customer_and_no_one_else_is(web):
    show(web, [FIRST, said(60, "as her colleague I add", JON)], cc=["list@others.example"])
    writing(web)
    body = send_all(web, desk(), ACK)[0][1]
    assert (body["customer"], body["cc"]) == ({"id": 9}, ["jon@example.com"])


def test_a_conversation_without_a_customer_cannot_be_replied_to(web):
    show(web, primaryCustomer=None)
    ours = desk()
    with pytest.raises(errors.Refused, match="no customer"):
        ours.send(ours.fetch("5"), Write("k", (ACK,)))


def test_nothing_of_a_text_is_taken_for_markup():
    assert as_html("a <b> & c\n\nd\ne") == "<p>a &lt;b&gt; &amp; c</p><p>d<br>e</p>"


def test_fields_are_filled_where_they_are_configured_and_the_others_survive(web):
    show(web, customFields=[{"id": 70, "name": "Colour", "value": "red", "text": "red"}])
    writing(web)
    web.get(f"{API}/mailboxes/40/fields", json=listed("fields", FIELDS))
    ours = desk(intent_field="ai INTENT", confidence_field="61", outcome_field="not there")
    sent = send_all(web, ours, TAGS, SetFields("billing", 72, "routed"), ACK)
    assert [path for path, _ in sent] == ["PUT /tags", "PUT /fields", "POST /reply"]
    values = {f["id"]: f["value"] for f in sent[1][1]["fields"]}
    assert values == {70: "red", 60: "601", 61: "72"}


def test_a_value_that_is_no_option_of_the_drop_down_is_left_out(web):
    show(web)
    web.get(f"{API}/mailboxes/40/fields", json=listed("fields", FIELDS))
    ours = desk(intent_field="AI intent")
    ticket = ours.fetch("5")
    (write,) = ours.writes(ticket, [SetFields("refund", 72, "routed")], "k")
    assert ours.send(ticket, write).detail == "nothing to set"


def test_without_configured_fields_there_is_no_call_for_them(web):
    show(web)
    ours = desk()
    assert ours.writes(ours.fetch("5"), [SetFields("billing", 72, "routed")], "k") == ()


def test_a_manual_workflow_runs_before_the_reply_to_the_customer(web):
    show(web)
    writing(web)
    flows = [{"id": 7, "name": "Refund", "type": "manual"}, {"id": 8, "name": "Greet", "type": "automatic"}]
    web.get(f"{API}/workflows", json=listed("workflows", flows))
    web.post(f"{API}/workflows/7/run", status=204)
    ours = desk()
    sent = send_all(web, ours, RunAction("refund"), ACK, Solve())
    assert [path for path, _ in sent] == ["POST /v2/workflows/7/run", "POST /reply"]
    assert sent[0][1] == {"conversationIds": [5]}
    with pytest.raises(errors.Refused, match="Refund"):
        send_all(web, ours, RunAction("Greet"))


def test_an_agent_is_found_by_address(web):
    show(web)
    writing(web)
    sent = send_all(web, desk(), Assign("ANN@acme.example"))
    assert sent == [("PATCH ", {"op": "replace", "path": "/assignTo", "value": 88})]
    with pytest.raises(errors.Refused, match="nobody@acme"):
        send_all(web, desk(), Assign("nobody@acme.example"))


def test_a_404_on_a_write_is_looked_into_and_a_merged_conversation_is_followed(web):
    show(web)
    ours = desk()
    ticket = ours.fetch("5")
    web.replace(
        "GET", f"{API}/conversations/5", status=301, headers={"Location": f"{API}/conversations/1234"}
    )
    web.post(f"{API}/conversations/5/reply", status=404)
    with pytest.raises(errors.Moved) as moved:
        ours.send(ticket, Write("k", (ACK,)))
    assert moved.value.target == "1234"


def test_a_404_on_a_write_to_a_living_conversation_is_a_refusal(web):
    show(web)
    web.post(f"{API}/conversations/5/reply", status=404)
    ours = desk()
    with pytest.raises(errors.Refused):
        ours.send(ours.fetch("5"), Write("k", (ACK,)))


@pytest.mark.parametrize("status", [400, 412, 423])
def test_what_will_not_change_is_refused_in_the_vendors_words(web, status):
    show(web)
    web.post(f"{API}/conversations/5/reply", status=status, json={"message": "Conversation is full"})
    ours = desk()
    with pytest.raises(errors.Refused, match="Conversation is full"):
        ours.send(ours.fetch("5"), Write("k", (ACK,)))


def test_the_wait_of_the_vendors_own_header_is_kept_and_no_call_is_made_before_it(web):
    show(web)
    web.post(f"{API}/conversations/5/reply", status=429, headers={"X-RateLimit-Retry-After": "17"})
    ours = desk()
    ticket = ours.fetch("5")
    with pytest.raises(errors.TryLater) as later:
        ours.send(ticket, Write("k", (ACK,)))
    assert later.value.wait == timedelta(seconds=17)
    before = len(web.calls)
    with pytest.raises(errors.TryLater):
        ours.fetch("5")
    assert len(web.calls) == before


def test_the_last_tenth_of_the_limit_is_left_to_humans(web):
    left = {"X-RateLimit-Limit-Minute": "200", "X-RateLimit-Remaining-Minute": "19"}
    web.get(f"{API}/conversations/6", json={**CONVERSATION, "id": 6}, headers=left)
    ours = desk()
    ours.whoami()
    with pytest.raises(errors.TryLater):
        ours.fetch("6")


def test_a_budget_of_ours_counts_a_write_twice(web):
    show(web)
    writing(web)
    ours = desk(calls_per_minute=8)
    ticket = ours.fetch("5")  # with what it asks about the account: five
    ours.send(ticket, Write("k", (NOTE,)))
    with pytest.raises(errors.TryLater):
        ours.send(ticket, Write("k", (ACK,)))


def test_no_more_than_twelve_writes_go_out_in_five_seconds():
    now, slept = [100.0], []
    burst = Burst(12, clock=lambda: now[0], sleep=slept.append)
    for _ in range(12):
        burst.before()
    assert slept == []
    now[0] += 1
    burst.before()
    assert slept == [4.0]
    now[0] += 1
    for _ in range(11):
        burst.before()
    with pytest.raises(errors.TryLater):
        burst.before()


# --- was it ours? ---------------------------------------------------------------------------


def threads(web, *found: dict) -> None:
    web.get(f"{API}/conversations/5/threads", json=listed("threads", list(found)))


def test_our_reply_is_found_although_the_server_rewrote_its_html(web):
    mine = said(119, '<div>We  got<br />it.</div><div class="signature">Acme</div>', BOT)
    threads(web, mine)
    assert desk().landed("5", Write("k", (ACK,)), NOW).id == "119"


@pytest.mark.parametrize(
    "other",
    [
        said(119, "We got it.", ANN),
        said(119, "We got it.", BOT, "note"),
        said(119, "We got something else.", BOT),
        said(100, "We got it.", BOT),
    ],
    ids=["another author", "a note", "another text", "an older one"],
)
def test_what_only_looks_like_ours_is_not_taken_for_it(web, other):
    threads(web, other)
    assert desk().landed("5", Write("k", (ACK,)), NOW) is None


def test_a_silent_write_is_known_by_its_effect(web):
    ours = desk()
    writes = {
        "tags": Write("k", (TAGS, SetPriority(Priority.HIGH))),
        "team": Write("k", (SetQueue("Billing"),)),
        "inbox": Write("k", (SetQueue("Shop"),)),
        "closed": Write("k", (Solve(),)),
        "agent": Write("k", (Assign("88"),)),
    }
    show(web)
    assert [name for name, one in writes.items() if ours.landed("5", one, NOW)] == []
    web.remove("GET", f"{API}/conversations/5")
    show(web, tags=[{"tag": "ai_routed"}, {"tag": "ai_high"}], assignee=TEAM, mailboxId=41, status="closed")
    found = [name for name, one in writes.items() if ours.landed("5", one, NOW)]
    assert found == ["tags", "team", "inbox", "closed"]


def test_a_write_to_a_conversation_merged_meanwhile_is_followed(web):
    web.get(f"{API}/conversations/5/threads", status=404)
    web.get(f"{API}/conversations/5", status=301, headers={"Location": f"{API}/conversations/1234"})
    with pytest.raises(errors.Moved):
        desk().landed("5", Write("k", (ACK,)), NOW)
