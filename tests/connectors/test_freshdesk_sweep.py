"""What Freshdesk's lists prove, and who has taken which ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.freshdesk.fake import make_fake
from connectors.freshdesk.settings import Settings
from connectors.freshdesk.vendor import VENDOR
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core.model import AddTags, Reply, Solve, Status

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ACK = Reply("acknowledgment", "ack", text="We got it.")


class World:
    def __init__(self) -> None:
        self.now = START
        self.desk = SandboxDesk(lambda: self.now)
        self.ann = self.desk.add_person("Ann", "ann@desk.example", "agent")
        self.fake = make_fake(self.desk)
        self.app = FaultyApp(self.fake.app)

    def connect(self, url: str, **settings: object) -> None:
        table = {**self.fake.settings(url), **settings}
        self.ours = VENDOR.make(
            "support", Settings(**table), tokens=None, clock=lambda: self.now, on_call=lambda *_: None
        )

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def send(self, ticket_id: int, *actions: object) -> None:
        ticket = self.ours.fetch(str(ticket_id))
        for write in self.ours.writes(ticket, actions, "k"):
            self.ours.send(ticket, write)

    def sweep(self, cursor: str = "") -> tuple[dict[str, object], str]:
        seen, more = {}, True
        while more:
            page = self.ours.changed_since(cursor, START - timedelta(days=1), self.now)
            seen |= {one.ticket_id: one for one in page.changed_tickets}
            cursor, more = page.cursor, page.more
        return seen, cursor


@pytest.fixture
def w():
    world = World()
    with serving(world.app) as url:
        world.connect(url)
        yield world


def test_every_kind_of_ticket_is_seen(w):
    cases = {
        name: w.desk.customer_writes(name)
        for name in ("open", "solved", "closed", "spam", "deleted", "merged")
    }
    w.desk.agent_sets(cases["solved"].id, w.ann.id, status="solved")
    w.desk.agent_sets(cases["closed"].id, w.ann.id, status="closed")
    cases["spam"].spam = True
    w.desk.delete(cases["deleted"].id, w.ann.id)
    w.desk.merge(cases["merged"].id, cases["open"].id, w.ann.id)
    seen, _ = w.sweep()
    assert {name: seen[str(case.id)].status for name, case in cases.items()} == {
        "open": Status.OPEN,
        "solved": Status.SOLVED,
        "closed": Status.CLOSED,
        "spam": Status.SPAM,
        "deleted": Status.DELETED,
        "merged": Status.CLOSED,
    }


def test_creation_is_proved_under_the_webhooks_own_key(w):
    case = w.desk.customer_writes("Hello")
    event = w.sweep()[0][str(case.id)].events[0]
    assert (event.key, event.at) == (f"support:{case.id}:created", START)


def test_a_reply_shows_as_the_time_the_customer_wrote_and_an_agents_answer_does_not(w):
    case = w.desk.customer_writes("Hello")
    assert w.sweep()[0][str(case.id)].customer_wrote_at == START
    w.later(minutes=5)
    w.desk.agent_says(case.id, w.ann.id, "yes?")
    assert w.sweep()[0][str(case.id)].customer_wrote_at == START
    w.later(minutes=5)
    w.desk.customer_writes("well", case_id=case.id)
    assert w.sweep()[0][str(case.id)].customer_wrote_at == START + timedelta(minutes=10)


def test_the_next_pass_reads_on_from_the_newest_change_with_ten_minutes_of_overlap(w):
    old = w.desk.customer_writes("old")
    w.later(minutes=22)
    near = w.desk.customer_writes("eight minutes before the newest")
    w.later(minutes=8)
    recent = w.desk.customer_writes("recent")
    _, cursor = w.sweep()
    w.later(minutes=1)
    new = w.desk.customer_writes("new")
    seen, _ = w.sweep(cursor)
    assert set(seen) == {str(near.id), str(recent.id), str(new.id)}
    assert str(old.id) not in seen


def test_a_quiet_hour_does_not_move_the_cursor_past_what_was_seen(w):
    case = w.desk.customer_writes("Hello")
    _, cursor = w.sweep()
    w.later(hours=1)
    seen, _ = w.sweep(cursor)
    assert set(seen) == {str(case.id)}


def test_several_hundred_changes_in_one_second_are_all_seen(w):
    many = {str(w.desk.customer_writes("x").id) for _ in range(230)}
    w.later(seconds=1)
    many |= {str(w.desk.customer_writes("y").id) for _ in range(120)}
    assert set(w.sweep()[0]) == many


def test_a_ticket_that_changes_while_the_list_is_read_makes_no_other_one_skipped(w):
    cases = []
    for _ in range(250):
        w.later(seconds=1)
        cases.append(w.desk.customer_writes("x"))
    first = w.ours.changed_since("", START, w.now)
    for case in cases[:40]:  # moves to the end, and all others move up by as many places
        w.desk.agent_sets(case.id, w.ann.id, tags=["moved"])
    rest, _ = w.sweep(first.cursor)
    assert {s.ticket_id for s in first.changed_tickets} | set(rest) == {str(case.id) for case in cases}


def test_a_pass_cut_off_between_the_lists_goes_on_where_it_was(w):
    for _ in range(100):
        w.desk.customer_writes("x")
    spam = w.desk.customer_writes("y")
    spam.spam = True
    page = w.ours.changed_since("", START, w.now)
    assert page.more
    w.connect(w.ours._api.session.base_url)  # a new process
    assert str(spam.id) in w.sweep(page.cursor)[0]


def test_the_intent_is_read_from_the_field_that_agents_correct_before_the_tag(w):
    w.fake.state.fields.append({"id": 3, "name": "cf_intent3", "type": "custom_text", "default": False})
    case = w.desk.customer_writes("Hello")
    w.desk.agent_sets(case.id, w.ann.id, tags=["vip", "ai_intent_billing"])
    w.connect(w.ours._api.session.base_url, intent_field="cf_intent3")
    assert w.sweep()[0][str(case.id)].intent_label == "billing"
    w.desk.agent_sets(case.id, w.ann.id, fields={"cf_intent3": "refund"})
    assert w.sweep()[0][str(case.id)].intent_label == "refund"


def test_a_tag_that_had_to_be_cut_names_no_intent(w):
    case = w.desk.customer_writes("Hello")
    w.send(case.id, AddTags(("ai_intent_" + "x" * 40,)))
    assert w.sweep()[0][str(case.id)].intent_label == ""


# --- claims ---------------------------------------------------------------------------------


def situations(w: World) -> dict[str, str]:
    """One ticket of each kind; our acknowledgment is in all of them."""
    names = ("waiting", "held", "answered", "noted", "ours", "solved", "deleted", "spam")
    cases = {name: w.desk.customer_writes(name).id for name in names}
    for one in cases.values():
        w.send(one, AddTags(("ai_escalated",)), ACK)
    w.later(minutes=5)
    w.desk.agent_claims(cases["held"], w.ann.id)
    w.desk.agent_says(cases["answered"], w.ann.id, "I look into it")
    w.desk.agent_says(cases["noted"], w.ann.id, "hm", public=False)
    w.desk.agent_claims(cases["ours"], w.desk.bot.id)
    w.desk.agent_sets(cases["solved"], w.ann.id, status="solved")
    w.desk.delete(cases["deleted"], w.ann.id)
    w.desk.agent_sets(cases["spam"], w.ann.id, spam=True)
    return {name: str(one) for name, one in cases.items()}


@pytest.mark.parametrize("others", [0, 30], ids=["a few are asked one by one", "many are listed"])
def test_only_a_humans_hand_or_answer_is_a_claim(w, others):
    crowd = [str(w.desk.customer_writes("x").id) for _ in range(others)]
    ids = situations(w)
    claims = w.ours.unclaimed([*crowd, *ids.values()])
    told = {name: (claims[one].by, claims[one].via, claims[one].closed) for name, one in ids.items()}
    assert told == {
        "waiting": ("", "", False),
        "held": ("Ann", "assignee", False),
        "answered": ("Ann", "reply", False),
        "noted": ("", "", False),
        "ours": ("", "", False),
        "solved": ("", "", True),
        "deleted": ("", "", True),
        "spam": ("", "", True),
    }
    assert claims[ids["answered"]].answered_at == START + timedelta(minutes=5)
    assert claims[ids["held"]].by_email == "ann@desk.example"
    assert not any(claims[one].by or claims[one].closed for one in crowd)


def test_many_waiting_tickets_cost_a_few_calls_and_later_changes_are_noticed(w):
    ids = [str(w.desk.customer_writes("x").id) for _ in range(300)]
    for one in ids[:20]:
        w.send(int(one), ACK)
    w.ours.unclaimed(ids)
    w.later(minutes=30)
    w.desk.customer_writes("somebody else")
    w.ours.unclaimed(ids)
    w.later(minutes=30)
    w.desk.agent_says(int(ids[0]), w.ann.id, "I look into it")
    w.desk.agent_claims(int(ids[250]), w.ann.id)
    w.desk.delete(int(ids[299]), w.ann.id)
    w.app.calls.clear()
    claims = w.ours.unclaimed(ids)
    assert len(w.app.calls) <= 8
    assert {one for one, claim in claims.items() if claim.by} == {ids[0], ids[250]}
    assert claims[ids[299]].closed


def test_tickets_that_only_we_answered_cost_no_read_each_and_a_human_answer_among_them_is_seen(w):
    ids = [str(w.desk.customer_writes("x").id) for _ in range(60)]
    for one in ids:
        w.send(int(one), AddTags(("ai_acknowledged",)), ACK)
    w.later(minutes=5)
    w.desk.agent_says(int(ids[7]), w.ann.id, "I look into it")
    w.app.calls.clear()
    claims = w.ours.unclaimed(ids)
    assert [one for one in ids if claims[one].by] == [ids[7]]
    assert len(w.app.calls) <= 4


def test_a_humans_late_answer_is_a_claim_though_our_acknowledgment_never_went_out(w):
    ids = [str(w.desk.customer_writes("x").id) for _ in range(20)]
    w.send(int(ids[0]), AddTags(("ai_acknowledged",)))
    w.later(minutes=20)
    w.desk.agent_says(int(ids[0]), w.ann.id, "I look into it")
    assert w.ours.unclaimed(ids)[ids[0]].by == "Ann"


def test_a_change_within_the_overlap_is_judged_once(w):
    ids = [str(w.desk.customer_writes("x").id) for _ in range(20)]
    w.send(int(ids[0]), ACK)
    w.later(minutes=1)
    w.ours.unclaimed(ids)
    w.app.calls.clear()
    w.ours.unclaimed(ids)
    assert len(w.app.calls) == 3  # the three lists, no ticket


@pytest.mark.parametrize(
    "rubbish", ["17", "[]", "null", "{}", '{"high":"yesterday"}', '{"unknown":1}', "a|b"]
)
def test_a_cursor_that_cannot_be_read_starts_again_from_the_start(w, rubbish):
    case = w.desk.customer_writes("Hello")
    assert str(case.id) in w.sweep(rubbish)[0]


def test_an_answered_and_resolved_ticket_is_not_waiting(w):
    case = w.desk.customer_writes("Where is my order?")
    w.send(case.id, ACK, Solve())
    claim = w.ours.unclaimed([str(case.id)])[str(case.id)]
    assert (claim.closed, claim.by) == (True, "")
