"""What is read from Zendesk: who said what, in few reads."""

from __future__ import annotations

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.zendesk.api import rows
from connectors.zendesk.reading import Known, people_of, ticket_of
from connectors.zendesk.sweep import Marks, changed_ticket_of
from core import errors
from core.model import Author, Status
from tests.connectors.zendesk_account import ANN, API, BASE, ME, MIA, TICKET, desk, said, shows


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


def test_without_the_side_loaded_audit_the_comments_are_requested(zendesk):
    page = {"comments": [said(1)], "users": [MIA], "meta": {"has_more": False}}
    zendesk.get(f"{API}/tickets/5.json", json={"ticket": TICKET, "users": [MIA]})
    zendesk.get(f"{API}/tickets/5/comments.json", json=page)
    assert desk().fetch("5").messages[0].text == "There is a charge"


@pytest.mark.parametrize("seconds", [0, 90])
def test_an_agents_note_is_never_taken_for_the_customers_words(world, seconds):
    """The account may count public comments only: then a ticket with a note counts one, and its last audit is the note."""
    w = world("zendesk")
    ticket_id = w.customer("There is a charge that I did not make")
    w.later(seconds=seconds)
    w.desk.agent_says(int(ticket_id), w.ann.id, "Looks like spam to me", public=False)
    said = [(m.author, m.public) for m in w.ours.fetch(ticket_id).messages]
    assert said == [(Author.CUSTOMER, True), (Author.AGENT, False)]


def test_people_missing_from_the_side_load_are_requested(zendesk):
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
        (said(2, -1, "the account's AI answers by mail"), Author.AI),
        (said(2, -1, "Zendesk", public=False), Author.MACHINE),
        (said(2, 88, "a trigger's", via={"channel": "rule"}), Author.MACHINE),
        (said(2, 88, "merged", via={"channel": "web", "source": {"rel": "merge"}}), Author.MACHINE),
        (said(2, 9, "I am away", metadata={"flags": [4], "flags_options": {}}), Author.CUSTOMER),
        (said(2, 9, "signed in late", metadata={"flags": [3]}), Author.CUSTOMER),
        (said(2, 66, "another robot"), Author.MACHINE),
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
    assert bool(message.flags) is (message.text == "I am away")


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


SCRUBBED = {"subject": "SCRUBBED", "description": "X"}


@pytest.mark.parametrize("ticket", [{"status": "deleted"}, {**SCRUBBED, "status": "closed"}])
def test_a_deleted_or_scrubbed_ticket_is_gone(zendesk, ticket):
    shows(zendesk, **ticket)
    with pytest.raises(errors.Gone):
        desk().fetch("5")


def test_a_customer_cannot_write_a_ticket_that_counts_as_scrubbed(zendesk):
    shows(zendesk, **SCRUBBED)
    assert desk().fetch("5").status is Status.NEW


def test_a_merge_in_another_language_is_followed_by_its_number(zendesk):
    note = said(
        2,
        88,
        "Diese Anfrage wurde geschlossen und mit Anfrage #31 zusammengeführt.",
        via={"channel": "web", "source": {"rel": "merge"}},
    )
    remark = said(3, 88, "It was about order #4711", public=False)
    shows(zendesk, [said(1), note, remark], status="closed", tags=["closed_by_merge"])
    with pytest.raises(errors.Moved) as moved:
        desk().fetch("5")
    assert moved.value.target == "31"


def test_the_customers_own_words_do_not_say_where_a_merged_ticket_went(zendesk):
    note = said(2, 88, "This request was closed and merged into request #31")
    shows(
        zendesk,
        [said(1), note, said(3, 9, "merged into request #1")],
        status="closed",
        tags=["closed_by_merge"],
    )
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
def test_what_is_no_ticket_id_is_not_requested(ticket_id):
    with pytest.raises(errors.BadPayload):
        desk().fetch(ticket_id)


def test_a_ticket_that_shows_no_comments_still_says_what_the_customer_wrote(zendesk):
    zendesk.get(f"{API}/tickets/5.json", json={"ticket": TICKET, "users": [MIA]})
    zendesk.get(f"{API}/tickets/5/comments.json", json={"comments": [], "meta": {"has_more": False}})
    (message,) = desk().fetch("5").messages
    assert (message.author, message.text) == (Author.CUSTOMER, "There is a charge")


def test_people_who_cannot_be_looked_up_do_not_cost_the_ticket(zendesk):
    shows(zendesk, [said(1), said(2, 88, "I am on it")], users=())
    zendesk.get(f"{API}/users/show_many.json", status=403, json={})
    assert [m.text for m in desk().fetch("5").messages] == ["There is a charge", "I am on it"]


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "role", "channel", "rel", "flags", "custom"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries({name: st.just(value) | odd for name, value in TICKET.items()}),
    st.fixed_dictionaries({name: st.just(value) | odd for name, value in said(1).items()}),
    odd,
)
def test_no_odd_value_breaks_the_reading_of_a_ticket(raw, comment, user):
    people = people_of(rows([user, MIA]))
    ticket = ticket_of(raw, [comment], people, {}, Known("support", BASE, "77"))
    changed_ticket = changed_ticket_of(raw, comment, Marks("support", "ai_", "31"))
    assert len(ticket.messages) == 1
    assert changed_ticket.created_at == ticket.created_at


@pytest.mark.parametrize(
    "channel", ["email", "mail", "web", "web_form", "api", "mobile_sdk", "closed_ticket"]
)
@pytest.mark.parametrize("email", ["mia@example.com", None])
def test_a_public_comment_reaches_who_has_an_address(zendesk, channel, email):
    shows(zendesk, via={"channel": channel}, users=({**MIA, "email": email}, ANN, ME))
    assert desk().fetch("5").replyable is bool(email)


@pytest.mark.parametrize(
    "channel",
    [
        "voicemail",
        "phone_call_inbound",
        "phone_call_outbound",
        "sms",
        "facebook",
        "facebook_post",
        "facebook_message",
        "twitter",
        "twitter_dm",
        "instagram_dm",
        "any_channel",
        "chat",
        "chat_transcript",
        "native_messaging",
        "whatsapp",
    ],
)
@pytest.mark.parametrize("email", ["mia@example.com", None])
def test_a_public_comment_does_not_reach_who_called_or_wrote_elsewhere(zendesk, channel, email):
    shows(zendesk, via={"channel": channel}, users=({**MIA, "email": email}, ANN, ME))
    assert not desk().fetch("5").replyable
