"""The account of the tests and the demo is as strict as Zendesk, and has the traps of Zendesk."""

from __future__ import annotations

import json

import pytest
import requests

from core.model import Reply, Solve


@pytest.fixture
def w(world):
    return world("zendesk")


def call(w, method: str, path: str, token: str = "", **kwargs) -> requests.Response:
    token = token or w.fake.state.token()
    return requests.request(
        method, f"{w.url}/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, timeout=5, **kwargs
    )


def update(w, ticket_id: str, **ticket) -> requests.Response:
    return call(w, "PUT", f"/tickets/{ticket_id}.json", json={"ticket": ticket})


@pytest.mark.parametrize(
    ("ticket", "status", "words"),
    [
        ({"status": "solved"}, 422, "Assignee: is required when solving"),
        ({"status": "done"}, 422, "not a valid value"),
        ({"priority": "URGENT"}, 422, "not a valid value"),
        ({"group_id": 424242}, 422, "Group"),
        ({"assignee_id": 424242}, 422, "Assignee"),
        ({"comment": {"public": True}}, 422, "blank"),
        ({"safe_update": False, "updated_stamp": "2020-01-01T00:00:00Z"}, 409, "UpdateConflict"),
        ({"safe_update": True}, 409, "UpdateConflict"),
    ],
)
def test_what_zendesk_refuses_is_refused_and_nothing_of_it_is_done(w, ticket, status, words):
    ticket_id = w.customer("Hello")
    answer = update(w, ticket_id, tags=["new"], **{"comment": {"body": "x", "public": True}, **ticket})
    assert (answer.status_code, words in answer.text) == (status, True)
    case = w.desk.cases[int(ticket_id)]
    assert (case.tags, len(case.entries)) == ([], 1)


def test_a_closed_ticket_takes_nothing(w):
    ticket_id = w.customer("Hello")
    w.desk.agent_sets(int(ticket_id), w.ann.id, status="closed")
    answer = update(w, ticket_id, tags=["x"])
    assert answer.status_code == 422
    assert "closed prevents ticket update" in answer.text


def test_tags_are_replaced_and_the_other_ways_are_silently_ignored(w):
    ticket_id = w.customer("Hello")
    update(w, ticket_id, tags=["one", "Two words"])
    assert w.desk.cases[int(ticket_id)].tags == ["one", "two", "words"]
    assert update(w, ticket_id, additional_tags=["three"]).status_code == 200
    assert w.desk.cases[int(ticket_id)].tags == ["one", "two", "words"]
    assert w.fake.state.ignored == ["additional_tags"]


def test_a_comment_without_public_is_mailed_to_the_customer(w):
    ticket_id = w.customer("Hello")
    update(w, ticket_id, comment={"body": "for us only"})
    assert w.fake.state.mailed == [(int(ticket_id), "for us only")]


def test_taking_a_new_ticket_opens_it_and_picks_a_group(w):
    ticket_id = w.customer("Hello")
    update(w, ticket_id, assignee_id=w.desk.bot.id)
    case = w.desk.cases[int(ticket_id)]
    assert (case.status, case.queue_id) == ("open", w.desk.bot.queue_ids[0])


def test_a_field_that_must_be_filled_refuses_the_solve_and_the_reply_with_it(world):
    w = world("zendesk", required_to_solve={900})
    ticket_id = w.customer("Hello")
    answer = update(
        w, ticket_id, status="solved", assignee_id=w.desk.bot.id, comment={"body": "x", "public": True}
    )
    assert answer.status_code == 422
    assert len(w.desk.cases[int(ticket_id)].entries) == 1
    (receipt,) = w.do(w.ours.fetch(ticket_id), Reply("answer", "a", text="There."), Solve())
    assert "required when solving" in receipt.detail
    assert w.ours.fetch(ticket_id).messages[-1].text == "There."


def test_a_bad_credential_is_an_anonymous_user_or_refused(w):
    anonymous = requests.get(f"{w.url}/api/v2/users/me.json", timeout=5)
    assert (anonymous.status_code, anonymous.json()["user"]["id"]) == (200, None)
    assert requests.get(f"{w.url}/api/v2/tickets/1.json", timeout=5).status_code == 401
    assert call(w, "GET", "/users/me.json", token="expired").status_code == 401


def test_a_scope_too_small_is_forbidden(world):
    w = world("zendesk", grants="read")
    ticket_id = w.customer("Hello")
    assert update(w, ticket_id, tags=["x"]).status_code == 403
    assert call(w, "GET", f"/tickets/{ticket_id}.json").status_code == 200


def test_the_rate_limit_is_stated_and_enforced(world):
    w = world("zendesk", per_minute=3)
    answers = [call(w, "GET", "/groups.json") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-rate-limit-remaining"] for answer in answers[:3]] == ["2", "1", "0"]
    assert answers[3].headers["Retry-After"] == "30"
    assert answers[3].text.startswith("Number of allowed API requests")


def test_the_exports_own_limit_leaves_the_rest_alone(world):
    w = world("zendesk", exports_per_minute=1)
    w.later(minutes=5)
    w.changes("", w.now)
    ticket_id = w.customer("Hello")
    with pytest.raises(Exception, match="429"):
        w.changes("", w.now)
    assert w.ours.fetch(ticket_id).id == ticket_id


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tickets/show_many.json?ids=" + ",".join(str(n) for n in range(1, 102)), 400),
        ("/tickets/1/comments.json?page[size]=101", 404),
        ("/groups.json?page[size]=101", 400),
        ("/incremental/tickets/cursor.json?start_time=99999999999", 422),
        ("/incremental/tickets/cursor.json?cursor=nonsense", 422),
        ("/nowhere.json", 404),
        ("/tickets/99999.json", 404),
    ],
)
def test_questions_that_zendesk_does_not_answer(w, path, status):
    assert call(w, "GET", path).status_code == status


def test_a_list_keeps_offering_a_link_although_nothing_more_comes(w):
    answer = call(w, "GET", "/groups.json").json()
    assert (answer["meta"]["has_more"], bool(answer["links"]["next"])) == (False, True)


def test_a_new_ticket_sends_two_events_with_string_ids_and_capitals(w, heard):
    url, got = heard
    w.fake.subscribe(url)
    ticket_id = w.customer("Hello")
    told = [json.loads(request.body) for request in got]
    assert [one["type"].rpartition(".")[2] for one in told] == ["created", "comment_added"]
    assert {(one["detail"]["id"], one["detail"]["status"]) for one in told} == {(ticket_id, "NEW")}
    assert len({request.headers["x-zendesk-webhook-invocation-id"] for request in got}) == 2


def test_our_own_reply_comes_back_as_an_event_too(w, heard):
    url, got = heard
    w.fake.subscribe(url)
    ticket_id = w.customer("Hello")
    got.clear()
    w.do(w.ours.fetch(ticket_id), Reply("answer", "a", text="There."))
    assert len(got) == 1
    assert w.ours.parse(got[0], w.now) == ()


def test_a_reply_to_a_closed_ticket_is_a_new_one_that_copies_the_tags(w):
    old = w.customer("Hello")
    w.desk.agent_sets(int(old), w.ann.id, status="closed", tags=["ai_auto_resolved"])
    new = str(w.desk.customer_writes("Hello again", case_id=int(old)).id)
    ticket = w.ours.fetch(new)
    assert (ticket.follow_up_of, ticket.tags) == (old, {"ai_auto_resolved"})
