"""How a Help Scout conversation is read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import errors
from core.model import Author, Status
from tests.connectors.helpscout_account import (
    ANN,
    API,
    BOT,
    CLEVER,
    CONVERSATION,
    FIRST,
    JON,
    MIA,
    NOW,
    SYSTEM,
    TEAM,
    account,
    desk,
    listed,
    said,
    show,
)


@pytest.fixture
def web():
    with account() as mock:
        yield mock


# --- reading --------------------------------------------------------------------------------


def test_customer_agent_bot_workflow_and_robot_are_distinguished(web):
    threads = [
        FIRST,
        said(11, "we got it", BOT),
        said(12, "I am Ann", ANN),
        said(13, "we answer within a day", SYSTEM),
        said(14, "sent by a workflow", ANN, source={"type": "workflows", "via": "user"}),
        said(15, "I am clever", CLEVER),
        said(16, "my colleague is right", JON),
        said(17, "assigned", ANN, "lineitem"),
    ]
    show(web, threads)
    ours = desk(bots=["AI@acme.example"])
    machine = Author.MACHINE
    assert [m.author for m in ours.fetch("5").messages] == [
        Author.CUSTOMER,
        Author.BOT,
        Author.AGENT,
        machine,
        machine,
        machine,
        Author.CUSTOMER,
    ]
    assert ours.fetch("5").messages[-1].author_email == "jon@example.com"


def test_notes_phone_calls_and_forwards_are_not_said_to_the_customer(web):
    kinds = ("note", "phone", "forwardparent", "forwardchild")
    show(web, [FIRST, *(said(n, "x", ANN, kind) for n, kind in enumerate(kinds, 11))])
    assert [m.public for m in desk().fetch("5").messages[1:]] == [False] * 4


@pytest.mark.parametrize("state", ["draft", "underreview", "review"])
def test_an_answer_that_an_agent_has_not_sent_yet_is_a_draft_and_no_answer(web, state):
    show(web, [FIRST, said(11, "Dear", ANN, state=state)])
    message = desk().fetch("5").messages[-1]
    assert (message.author, message.draft, message.public) == (Author.AGENT, True, False)


def test_an_answer_that_is_scheduled_for_later_is_a_draft_too(web):
    show(web, [FIRST, said(11, "Dear", ANN, scheduled={"scheduledFor": "2026-11-25T08:00:00Z"})])
    assert desk().fetch("5").messages[-1].draft


def test_hidden_threads_and_line_items_are_left_out(web):
    show(web, [FIRST, said(11, "oops", state="hidden"), said(12, "", ANN, "lineitem")])
    assert [m.text for m in desk().fetch("5").messages] == ["There is a charge"]


def test_a_mail_is_read_as_text(web):
    show(web, [said(0, "<div>There is<br>a <b>charge</b> &amp; more</div><script>x</script>")])
    message = desk().fetch("5").messages[0]
    assert message.text.split() == ["There", "is", "a", "charge", "&", "more"]
    assert message.html.startswith("<div>")


def test_a_mail_without_a_text_names_its_files(web):
    files = {"attachments": [{"filename": "invoice.pdf"}, {"filename": "photo.jpg"}]}
    show(web, [said(0, "", _embedded=files)])
    assert desk().fetch("5").messages[0].text == "[attached: invoice.pdf, photo.jpg]"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("active", "open"),
        ("PENDING", "pending"),
        ("closed", "solved"),
        ("spam", "spam"),
        ("on-hold", "open"),
        (None, "open"),
    ],
)
def test_each_status_is_understood_and_an_unknown_one_counts_as_open(web, word, status):
    show(web, status=word)
    assert desk().fetch("5").status.value == status


def test_a_deleted_conversation_is_gone(web):
    show(web, state="deleted")
    with pytest.raises(errors.Gone):
        desk().fetch("5")


def test_a_merged_conversation_says_where_it_went(web):
    web.get(
        f"{API}/conversations/5", status=301, headers={"Location": "/v2/conversations/1234?embed=threads"}
    )
    with pytest.raises(errors.Moved) as moved:
        desk().fetch("5")
    assert moved.value.target == "1234"


def test_a_conversation_that_points_at_itself_is_gone_and_not_followed_for_ever(web):
    web.get(f"{API}/conversations/5", status=301, headers={"Location": "/v2/conversations/5"})
    with pytest.raises(errors.Gone):
        desk().fetch("5")


def test_a_team_a_robot_and_we_ourselves_hold_it_and_no_human_does(web):
    ours = desk(bots=["99"])
    for holder in (TEAM, CLEVER, BOT):
        show(web, assignee=holder)
        assert not ours.fetch("5").assignee.human
        web.remove("GET", f"{API}/conversations/5")
    show(web, assignee=ANN)
    assert (ours.fetch("5").assignee.human, ours.fetch("5").assignee.name) == (True, "Ann Lee")


def test_whom_a_workflow_gave_it_to_has_not_claimed_it(web):
    given = said(11, "", SYSTEM, "lineitem", assignedTo=ANN, source={"type": "workflows", "via": "user"})
    show(web, [FIRST, given], assignee=ANN, threads=1)
    assert not desk().fetch("5").assignee.human


def test_who_takes_it_after_a_workflow_gave_it_to_a_team_has_claimed_it(web):
    given = said(11, "", SYSTEM, "lineitem", assignedTo=TEAM, source={"type": "workflows", "via": "user"})
    taken = said(12, "", ANN, "lineitem", assignedTo=ANN)
    show(web, [FIRST, given, taken], assignee=ANN, threads=1)
    ticket = desk().fetch("5")
    assert ticket.assignee.human
    assert (ticket.queue, ticket.queue_name) == ("30", "Billing")


def test_the_queue_is_the_team_that_holds_it_else_the_inbox(web):
    show(web)
    ours = desk()
    assert (ours.fetch("5").queue, ours.fetch("5").queue_name) == ("40", "Support")
    web.remove("GET", f"{API}/conversations/5")
    show(web, assignee=TEAM)
    assert (ours.fetch("5").queue, ours.fetch("5").queue_name) == ("30", "Billing")


def test_a_conversation_that_staff_began_was_opened_by_an_agent(web):
    show(web, [said(0, "We wanted to tell you", ANN)])
    assert desk().fetch("5").opened_by is Author.AGENT


def test_a_customer_with_a_users_address_is_one_of_the_companys_own(web):
    show(web, primaryCustomer={**MIA, "email": "Ann@acme.example"})
    assert desk().fetch("5").customer.is_staff


@pytest.mark.parametrize(
    "shown",
    [
        {"type": "chat"},
        {"type": "phone"},
        {"source": {"type": "channel"}},
        {"source": {"type": "heymarket"}},
        {"source": {"type": "consumer"}},
        {"source": {"type": "notification"}},
        {"primaryCustomer": {"id": 9}},
    ],
)
def test_where_a_mail_would_not_arrive_nothing_is_answered(web, shown):
    show(web, **shown)
    assert not desk().fetch("5").replyable


def test_a_contact_form_of_the_beacon_is_answered_by_mail(web):
    show(web, source={"type": "beacon", "via": "customer"})
    ticket = desk().fetch("5")
    assert (ticket.replyable, ticket.channel) == (True, "web")


def test_a_chats_threads_come_cut_short_and_are_read_whole(web):
    chat = [said(n, f"line {n}", kind="chat") for n in range(3)]
    web.get(f"{API}/conversations/5/threads", json=listed("threads", chat[::-1]))
    show(web, chat[-1:], type="chat", threads=3)
    ticket = desk().fetch("5")
    assert [m.text for m in ticket.messages] == ["line 0", "line 1", "line 2"]
    assert (ticket.channel, ticket.replyable) == ("chat", False)


@pytest.mark.parametrize(("threads", "full"), [(98, False), (99, True), (100, True)])
def test_a_full_conversation_is_locked(web, threads, full):
    show(web, threads=threads)
    web.get(f"{API}/conversations/5/threads", json=listed("threads", [FIRST]))
    assert bool(desk().fetch("5").locked) is full


def test_a_thread_that_came_along_cut_short_is_read_whole(web):
    newest = said(12, "and one more thing")
    show(web, [FIRST], threads=2)
    web.get(f"{API}/conversations/5/threads", json=listed("threads", [newest, FIRST]))
    assert [m.id for m in desk().fetch("5").messages] == [str(FIRST["id"]), "12"]


def test_a_conversation_is_not_waiting_after_the_companys_last_reply(web):
    time = "2026-11-24T11:00:00Z"
    show(web, customerWaitingSince={"time": time, "latestReplyFrom": "customer"})
    assert desk().fetch("5").waiting_since == NOW - timedelta(hours=1)
    web.remove("GET", f"{API}/conversations/5")
    show(web, customerWaitingSince={"time": time, "latestReplyFrom": "user"})
    assert desk().fetch("5").waiting_since is None


def test_the_priority_is_a_tag_in_any_case(web):
    show(web, tags=[{"tag": "AI_Urgent"}])
    assert desk().fetch("5").priority == "urgent"


def test_rubbish_in_every_field_is_still_a_ticket(web):
    rubbish = dict.fromkeys(CONVERSATION, None) | {
        "id": "5",
        "tags": ["vip", 7, None, {}],
        "assignee": [],
        "threads": "x",
        "customFields": {"a": 1},
        "source": "mail",
        "createdBy": 3,
    }
    threads = [
        {"id": None},
        7,
        {"id": 3, "type": "customer", "createdAt": "yesterday", "createdBy": "?", "body": 5},
    ]
    web.get(f"{API}/conversations/5", json={**rubbish, "_embedded": {"threads": threads}})
    ticket = desk().fetch("5")
    assert (ticket.id, ticket.status, ticket.replyable) == ("5", Status.OPEN, False)
    assert ticket.messages


def test_a_page_that_is_no_json_is_tried_later(web):
    web.get(f"{API}/conversations/5", body="<html>maintenance</html>")
    with pytest.raises(errors.TryLater):
        desk().fetch("5")


def test_an_id_from_elsewhere_never_reaches_a_path():
    with pytest.raises(errors.BadPayload):
        desk().fetch("5/../users")


def test_a_role_that_may_not_list_users_still_reads_conversations(web):
    web.replace("GET", f"{API}/users", status=403, json={"message": "forbidden"})
    show(web)
    assert not desk().fetch("5").customer.is_staff


# --- mail that a machine wrote --------------------------------------------------------------


def original(web, **answer: object) -> None:
    web.get(f"{API}/conversations/5/threads/0/original-source", **answer)


def test_the_original_mails_headers_are_handed_over(web):
    show(web)
    original(web, json={"original": "From: mia@example.com\r\nAuto-Submitted: auto-replied\r\n\r\nHello"})
    ours = desk()
    assert ours.mail_headers(ours.fetch("5"), "0")["Auto-Submitted"] == "auto-replied"


def test_a_persons_mail_passes(web):
    show(web)
    original(web, json={"original": "From: mia@example.com\nSubject: Charge\n\nAuto-Submitted: auto-replied"})
    ours = desk()
    assert "Auto-Submitted" not in ours.mail_headers(ours.fetch("5"), "0")


@pytest.mark.parametrize("status", [404, 403, 400])
def test_a_message_without_an_original_passes(web, status):
    show(web)
    original(web, status=status)
    ours = desk()
    assert ours.mail_headers(ours.fetch("5"), "0") == {}


def test_a_credential_that_expires_while_the_original_is_read_is_reported(web):
    show(web)
    original(web, status=401)
    web.post(f"{API}/oauth2/token", status=401, json={"error": "invalid_client"})
    ours = desk()
    ticket = ours.fetch("5")
    with pytest.raises(errors.NotAllowed):
        ours.mail_headers(ticket, "0")


def test_an_original_that_cannot_be_read_now_holds_the_answer_back(web):
    show(web)
    original(web, status=503)
    ours = desk()
    with pytest.raises(errors.TryLater):
        ours.mail_headers(ours.fetch("5"), "0")
