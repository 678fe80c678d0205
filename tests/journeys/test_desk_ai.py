"""The desk's own AI answers first: while it works nothing is sent, moved or notified; what it hands over gets a promise that is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE

from core.reports.reporting import weekly

ANSWER = "You can dispute a charge under Account, Payments."
PROMISE = "I have forwarded this to a colleague, who will get back to you."


class Desk:
    """A house whose account has an AI agent of its own."""

    def __init__(self, house, **desk):
        self.home = house(desk={"ai_agents": ["robo@desk.example"], **desk})
        self.robo = self.home.desk.add_person("Robo", "robo@desk.example", "agent", signs_in=False)
        self.robo.queue_ids.append(self.home.queues["Support"].id)

    def asks(self, *, held=True, body=DISPUTE, **more):
        """A customer writes, and the AI takes the ticket before we look."""
        case = self.home.desk.customer_writes(
            body, subject="Hello", email="carla@example.com", name="Carla", **more
        )
        if held:
            case.assignee_id = self.robo.id
            self.home.desk.touch(case, self.robo.id, "assignee_id", self.robo.id)
        return case

    def untouched(self, case):
        home = self.home
        words = home.bot_says(case, public=True) + home.bot_says(case, public=False)
        return not words and not case.tags and home.told() == []

    def after(self, **span):
        self.home.now += timedelta(**span)
        self.home.sweep()
        self.home.pass_once()


@pytest.fixture
def desk(house):
    return lambda **more: Desk(house, **more)


def test_while_it_works_nothing_is_sent_moved_or_notified_and_a_due_time_is_kept(desk):
    there = desk()
    case = there.asks()
    there.home.settle()
    assert there.untouched(case)
    (waiting,) = there.home.unsettled()
    assert waiting.due_at == there.home.now + timedelta(minutes=10)
    there.home.desk.ai_says(case.id, there.robo.id, ANSWER)
    there.after(minutes=30)
    assert there.untouched(case), "the customer has an answer: nobody waits for a person"
    assert there.home.unsettled() == []
    assert there.home.ticket(case).state == "left_alone"


def test_its_silence_calls_a_person(desk):
    there = desk(wait_for_ai="10m")
    case = there.asks()
    there.home.settle()
    there.after(minutes=9)
    assert there.untouched(case)
    there.after(minutes=2)
    assert there.home.ticket(case).state == "escalated"
    assert there.home.ticket(case).handed_over == "silence"
    assert len(there.home.bot_says(case, public=True)) == 1
    assert there.home.urgent.sent


def test_its_promise_of_a_person_is_said_once_and_kept_by_our_ladder(desk):
    there = desk()
    case = there.asks()
    there.home.settle()
    there.home.now += timedelta(minutes=1)
    there.home.desk.ai_says(case.id, there.robo.id, PROMISE)
    there.after(minutes=3)
    row = there.home.ticket(case)
    assert (row.state, row.handed_over) == ("escalated", "words")
    assert row.next_due_at is not None
    assert row.promise_at is not None
    assert there.home.bot_says(case, public=True) == [], "the AI has said it already"
    assert "ai_acknowledged" not in case.tags
    assert there.home.urgent.sent


def test_given_to_people_it_is_ours_and_the_week_counts_it(desk):
    there = desk()
    case = there.asks()
    there.home.settle()
    there.home.now += timedelta(minutes=2)
    case.assignee_id = None
    there.home.desk.touch(case, there.robo.id, "assignee_id", None)
    there.after(minutes=3)
    assert there.home.ticket(case).handed_over == "assigned"
    assert len(there.home.bot_says(case, public=True)) == 1
    there.home.desk.agent_claims(case.id, there.home.ann.id)
    there.after(minutes=3)
    report = weekly(there.home.app.engine, there.home.app.hours, "2026-W48", there.home.now)
    assert (report.handed_over.total, report.handed_over.in_time, report.handed_over.never) == (1, 1, 0)


def test_its_answer_is_no_claim_and_ends_no_ladder_of_ours(desk):
    there = desk()
    case = there.asks(held=False)
    there.home.settle()
    assert there.home.ticket(case).state == "escalated"
    there.home.now += timedelta(minutes=1)
    there.home.desk.ai_says(case.id, there.robo.id, ANSWER)
    there.after(minutes=3)
    row = there.home.ticket(case)
    assert (row.state, row.claimed_at, row.answered_at) == ("escalated", None, None)
    assert row.next_due_at is not None


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_the_system_users_answer_to_a_mail_is_the_ais(house, vendor):
    there = Desk(house, ai_agents=[])
    case = there.asks(held=False)
    there.home.desk.ai_says(case.id, there.robo.id, ANSWER, system=True)
    there.home.settle()
    assert there.untouched(case)
    there.home.desk.customer_writes("That is no help.", email="carla@example.com", case_id=case.id)
    there.home.settle()
    assert there.untouched(case)
    there.after(minutes=11)
    assert there.home.ticket(case).handed_over == "silence"
    assert len(there.home.bot_says(case, public=True)) == 1


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_an_ai_ticket_is_read_only_until_it_is_escalated_and_no_dead_letter(house, vendor):
    there = Desk(house, ai_agents=[])
    case = there.asks(held=False, extra={"support_type": "ai_agent"})
    there.home.settle()
    assert there.untouched(case)
    there.after(minutes=11)
    row = there.home.ticket(case)
    assert (row.state, row.handed_over) == ("escalated", "silence"), (
        "people are called though nothing can be written"
    )
    assert there.home.urgent.sent
    assert case.tags == []
    assert not [one for one in there.home.unsettled() if one.state == "dead"]
    case.extra["support_type"] = "agent"
    there.home.desk.touch(case, there.robo.id, "support_type", "agent")
    there.after(minutes=3)
    assert "ai_escalated" in case.tags, "what waited is written now"
    assert there.home.bot_says(case, public=False)


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_an_escalated_ai_ticket_without_a_webhook_is_found_by_the_sweep(house, vendor):
    there = Desk(house, ai_agents=[])
    there.home.fake.hooks.hold = True
    case = there.asks(held=False, extra={"support_type": "ai_agent"})
    there.after(minutes=3)
    assert there.home.ticket(case).ai_hold.startswith("ticket")
    case.extra["support_type"] = "agent"
    there.home.desk.touch(case, there.robo.id, "support_type", "agent")
    there.after(minutes=3)
    assert there.home.ticket(case).handed_over == "escalated"
