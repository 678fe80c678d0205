"""The Freshdesk connector against the account of `fake.py`, over real HTTP."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests

from connectors.freshdesk.connector import Freshdesk
from connectors.freshdesk.fake import Fake, make_fake
from connectors.freshdesk.settings import Settings
from connectors.freshdesk.vendor import VENDOR
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core import errors
from core.model import (
    AddNote,
    AddTags,
    Assign,
    Author,
    EventKind,
    Priority,
    Reply,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    WebhookRequest,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SET = (AddTags(("ai_routed", "ai_intent_billing_dispute")), SetQueue("Billing"), SetPriority(Priority.URGENT))
NOTE = AddNote("note", text='Likely intent: billing_dispute (72% confidence). Customer message: a <b> & "c"')
ACK = Reply("acknowledgment", "ack", text="Thank you.\n\nWe answer within 30 minutes & will be kind <3")


@dataclass
class World:
    """An account, the connector for it, and the clock of both."""

    now: datetime = NOON
    desk: SandboxDesk = field(init=False)
    fake: Fake = field(init=False)
    app: FaultyApp = field(init=False)
    ours: Freshdesk = field(init=False)
    url: str = ""
    stack: ExitStack = field(default_factory=ExitStack)

    def start(self, options: dict, settings: dict) -> World:
        self.desk = SandboxDesk(lambda: self.now)
        self.billing = self.desk.add_queue("Billing")
        self.ann = self.desk.add_person("Ann", "ann@desk.example", "agent")
        self.fake = make_fake(self.desk, **options)
        self.app = FaultyApp(self.fake.app)
        self.url = self.stack.enter_context(serving(self.app))
        table = {**self.fake.settings(self.url), **settings}
        self.ours = VENDOR.make(
            "support", Settings(**table), tokens=None, clock=lambda: self.now, on_call=lambda *_: None
        )
        return self

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def do(self, ticket, *actions):
        return [self.ours.send(ticket, write) for write in self.ours.writes(ticket, actions, "k")]


@pytest.fixture
def world():
    made: list[World] = []

    def start(settings: dict | None = None, **options: object) -> World:
        made.append(World().start(options, settings or {}))
        return made[-1]

    yield start
    for one in made:
        one.stack.close()


@pytest.fixture
def heard():
    """A receiver that keeps what it is sent."""
    got: list[WebhookRequest] = []

    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        got.append(WebhookRequest(headers, body))
        start_response("202 Accepted", [])
        return [b""]

    with serving(app) as url:
        yield f"{url}/hooks/support", got


def test_routing_a_ticket_shows_on_the_desk_and_in_the_next_read(world):
    w = world()
    case = w.desk.customer_writes("There is a charge I did not make", subject="Charge")
    w.desk.agent_sets(case.id, w.ann.id, tags=["vip"])
    w.do(w.ours.fetch(str(case.id)), *SET, NOTE, ACK)
    ticket = w.ours.fetch(str(case.id))
    assert ticket.tags == {"vip", "ai_routed", "ai_intent_billing_dispute"}
    assert (ticket.queue_name, ticket.priority) == ("Billing", "urgent")
    assert [(m.author, m.public) for m in ticket.messages[1:]] == [(Author.BOT, False), (Author.BOT, True)]
    assert [m.text.split("\n")[0] for m in ticket.messages[1:]] == [NOTE.text, "Thank you."]


@pytest.mark.parametrize(
    ("actions", "reads", "writes"),
    [((*SET, ACK, Solve()), 1, 2), ((*SET, NOTE, ACK), 1, 3), ((*SET, ACK), 1, 2)],
    ids=["auto-resolve", "route", "general"],
)
def test_a_ticket_costs_as_many_calls_as_promised(world, actions, reads, writes):
    w = world()
    w.ours.fetch(str(w.desk.customer_writes("the directories are read once").id))
    case = w.desk.customer_writes("Hello")
    w.app.calls.clear()
    w.do(w.ours.fetch(str(case.id)), *actions)
    assert (w.app.count("GET"), w.app.count("POST", "PUT")) == (reads, writes)


def test_an_automatic_answer_leaves_the_ticket_resolved(world):
    w = world()
    case = w.desk.customer_writes("Where is my order?")
    w.do(w.ours.fetch(str(case.id)), ACK, Solve())
    assert w.ours.fetch(str(case.id)).status is Status.SOLVED


def test_a_reply_cut_off_after_it_was_written_is_found_and_one_cut_off_before_is_not(world):
    w = world()
    for fault in ("reset_after", "reset_before", "status_after:502", "status_before:503"):
        case = w.desk.customer_writes("Hello")
        ticket = w.ours.fetch(str(case.id))
        for write in w.ours.writes(ticket, [*SET, NOTE, ACK], "k"):
            w.app.plan = lambda call, fault=fault: fault if call.method in {"POST", "PUT"} else ""
            with pytest.raises(errors.UnknownOutcome):
                w.ours.send(ticket, write)
            w.app.plan = lambda _call: ""
            found = w.ours.landed(ticket.id, write, w.now)
            assert (found is not None) is ("after" in fault), (fault, write.key)


def test_a_storm_of_429_is_waited_out_for_the_time_that_freshdesk_states(world):
    w = world()
    w.app.plan = lambda _call: "status_before:429"
    with pytest.raises(errors.TryLater) as later:
        w.ours.fetch("1")
    assert later.value.wait == timedelta(seconds=1)


def test_head_room_is_left_to_humans(world):
    w = world({"head_room": 0.5}, limit=12)
    for _ in range(7):
        w.ours.whoami()
    with pytest.raises(errors.TryLater, match="rate limit"):
        w.ours.whoami()
    assert len(w.app.calls) == 7


def test_a_dead_key_is_named_as_such(world):
    w = world({"api_key": "dead"})
    with pytest.raises(errors.NotAllowed):
        w.ours.whoami()
    assert [f.code for f in w.ours.check([]) if f.level == "fail"] == ["FD01"]


def test_a_claim_made_elsewhere_goes_to_the_agent_of_that_address(world):
    w = world()
    case = w.desk.customer_writes("Hello")
    w.do(w.ours.fetch(str(case.id)), Assign("ANN@desk.example"))
    assignee = w.ours.fetch(str(case.id)).assignee
    assert (assignee.name, assignee.human) == ("Ann", True)


def test_an_unknown_agent_is_refused_by_name(world):
    w = world()
    case = w.desk.customer_writes("Hello")
    with pytest.raises(errors.Refused, match=r"nobody@desk\.example"):
        w.do(w.ours.fetch(str(case.id)), Assign("nobody@desk.example"))


def test_a_group_made_after_we_started_is_found(world):
    w = world()
    case = w.desk.customer_writes("Hello")
    ticket = w.ours.fetch(str(case.id))
    made = w.desk.add_queue("Brand new")
    w.do(ticket, SetQueue("brand NEW"))
    assert w.desk.cases[case.id].queue_id == made.id


def test_a_chat_is_read_and_answered(world):
    w = world()
    case = w.desk.customer_writes("Are you there?", via="chat")
    ticket = w.ours.fetch(str(case.id))
    w.do(ticket, ACK)
    after = w.ours.fetch(str(case.id))
    assert (ticket.channel, ticket.messages[0].text) == ("chat", "Are you there?")
    assert after.messages[1].text == ACK.text


def test_a_merge_done_on_the_desk_is_followed(world):
    w = world()
    one, two = w.desk.customer_writes("first"), w.desk.customer_writes("again")
    w.desk.merge(two.id, one.id, w.ann.id)
    with pytest.raises(errors.Moved) as moved:
        w.ours.fetch(str(two.id))
    assert moved.value.target == str(one.id)
    assert w.ours.fetch(str(one.id)).status is Status.OPEN


# --- webhooks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "encoding"), [("advanced", "JSON"), ("simple", "JSON"), ("simple", "FORM")]
)
def test_each_layout_reports_creation_and_reply_and_proves_itself(world, heard, layout, encoding):
    url, got = heard
    w = world(layout=layout, encoding=encoding)
    w.fake.subscribe(url)
    case = w.desk.customer_writes("Hello “you” & <b>me</b>")
    w.desk.customer_writes("anybody?", case_id=case.id)
    for one in got:
        w.ours.verify(one, w.now)
    events = [event for one in got for event in w.ours.parse(one, w.now)]
    assert [(e.kind, e.ticket_id) for e in events] == [
        (EventKind.CREATED, str(case.id)),
        (EventKind.LOOK, str(case.id)),
    ]


def test_what_we_and_our_agents_write_sends_no_webhook(world, heard):
    url, got = heard
    w = world()
    w.fake.subscribe(url)
    case = w.desk.customer_writes("Hello")
    w.do(w.ours.fetch(str(case.id)), *SET, NOTE, ACK)
    w.desk.agent_says(case.id, w.ann.id, "I am on it")
    w.desk.agent_claims(case.id, w.ann.id)
    assert len(got) == 1


def test_first_match_order_silences_our_rule_below_another(world, heard):
    url, got = heard
    w = world(cascading=False)
    w.fake.subscribe(url)
    w.fake.state.rules[1].append({"id": 1, "name": "theirs", "position": 0, "active": True, "actions": []})
    w.desk.customer_writes("Hello")
    assert got == []


# --- the account is strict ------------------------------------------------------------------


def call(w: World, method: str, path: str, **kwargs: object) -> requests.Response:
    kwargs.setdefault("auth", (w.fake.state.api_key, "X"))
    return requests.request(method, f"{w.url}/api/v2{path}", timeout=5, **kwargs)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "/tickets/{id}", {"skip_close_notification": True}, "invalid_field"),
        ("PUT", "/tickets/{id}", {"status": 99}, "invalid_value"),
        ("PUT", "/tickets/{id}", {"status": "4"}, "datatype_mismatch"),
        ("PUT", "/tickets/{id}", {"group_id": 424242}, "invalid_value"),
        ("PUT", "/tickets/{id}", {"tags": ["x" * 33]}, "invalid_value"),
        ("PUT", "/tickets/{id}", {"custom_fields": {"cf_unknown": 1}}, "invalid_field"),
        ("PUT", "/tickets/{id}", {}, "missing_field"),
        ("POST", "/tickets/{id}/reply", {"body": "x", "from_email": "who@example.com"}, "invalid_value"),
        ("POST", "/tickets/{id}/reply", {"text": "x"}, "invalid_field"),
        ("GET", "/tickets?per_page=101", None, "invalid_value"),
        ("GET", "/tickets?include=conversations", None, "invalid_value"),
        ("GET", "/tickets?updated_since=yesterday", None, "invalid_date"),
    ],
)
def test_the_account_refuses_what_freshdesk_refuses(world, method, path, body, code):
    w = world()
    case = w.desk.customer_writes("Hello")
    answer = call(w, method, path.format(id=case.id), **({} if body is None else {"json": body}))
    assert answer.status_code == 400
    assert code in answer.text


def test_the_account_has_the_traps_of_the_reference(world):
    w = world(required_for_closure=("cf_cause",))
    case = w.desk.customer_writes("Hello")
    w.desk.agent_sets(case.id, w.ann.id, tags=["vip"])
    path = f"/tickets/{case.id}"
    assert call(w, "PUT", path, json={"tags": ["ours"]}).json()["tags"] == ["ours"]  # theirs are gone
    assert "missing_field" in call(w, "PUT", path, json={"status": 4}).text
    assert call(w, "POST", f"{path}/notes", json={"body": "x"}).json()["private"] is True
    for n in range(12):
        w.desk.agent_says(case.id, w.ann.id, f"answer {n}")
    assert len(call(w, "GET", f"{path}?include=conversations").json()["conversations"]) == 10
    case.spam = True
    assert call(w, "PUT", path, json={"priority": 2}).status_code == 405
    assert call(w, "GET", "/tickets").json() == []
    assert call(w, "GET", "/nowhere").status_code == 404
    assert call(w, "GET", "/tickets", auth=("wrong", "X")).status_code == 401


def test_a_list_without_updated_since_hides_what_is_older_than_thirty_days(world):
    w = world()
    w.desk.customer_writes("Hello")
    w.later(days=31)
    assert call(w, "GET", "/tickets").json() == []
    assert len(call(w, "GET", "/tickets?updated_since=2026-01-01T00:00:00Z").json()) == 1
