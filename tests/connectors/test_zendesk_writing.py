"""What is written to Zendesk, and found again when no answer came."""

from __future__ import annotations

import json
import threading

import pytest
import responses

from connectors.zendesk.writing import normal
from core import errors
from core.model import AddNote, AddTags, Assign, Reply, SetFields, SetQueue, Solve, Write
from tests.connectors.conftest import NOON
from tests.connectors.zendesk_account import API, desk, invalid, put, said, sent, shows


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


def test_a_follow_up_does_not_keep_what_we_said_of_the_closed_ticket(zendesk):
    via = {"channel": "closed_ticket", "source": {"from": {"ticket_id": 4}, "to": {}, "rel": "follow_up"}}
    shows(zendesk, via=via, tags=["vip", "ai_auto_resolved", "ai_intent_old"])
    put(zendesk)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k:note", (AddTags(("ai_routed",)), AddNote("n", text="n"))))
    assert sent(zendesk)["tags"] == ["ai_routed", "vip"]


def test_what_we_said_of_a_follow_up_itself_stays(zendesk):
    via = {"channel": "closed_ticket", "source": {"from": {"ticket_id": 4}, "to": {}, "rel": "follow_up"}}
    shows(zendesk, [said(1), said(2, 77, "a note of ours", public=False)], via=via, tags=["vip", "ai_routed"])
    put(zendesk)
    ours = desk()
    ours.send(ours.fetch("5"), Write("k2:note", (AddTags(("ai_urgent",)), AddNote("n", text="n"))))
    assert sent(zendesk)["tags"] == ["ai_routed", "ai_urgent", "vip"]


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


# --- unknown outcomes ---


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


def test_the_lock_of_a_found_write_holds_only_until_the_next_change(zendesk):
    ours = audit(1, "x", mark="k:reply")
    assert looked_up(zendesk, [ours], ACK).version == "2026-11-24T12:00:00Z"
    zendesk.remove(responses.GET, f"{API}/tickets/5/audits.json")
    assert looked_up(zendesk, [ours, audit(2, "y", author=88)], ACK).version == "1970-01-01T00:00:00Z"


def test_markdown_and_other_forms_of_the_same_letters_are_the_same_words():
    assert normal("Cafe\u0301 — *now*\n> ok") == normal("Café — now ok")
