"""Notices are delivered once and in time, by another channel when one fails, and not after a claim."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from core.errors import TryLater
from core.model import Claim, Notification, Priority
from core.notifications.delivery import pump
from core.notifications.rota import make as make_rotas
from core.notifications.rows import close_incidents
from tests.core.notification_world import T0, M, World, notice


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_urgent_ticket_reaches_all_its_channels_at_once_and_names_its_id(world: World) -> None:
    world.escalate()
    assert world.tick() == 2
    assert "4711" in world.sms.sent[0].text
    assert "4711" in world.slack.sent[0].text
    assert world.states() == {"sms:oncall": "accepted", "slack:urgent": "accepted"}


def test_a_text_message_contains_no_customer_text(world: World) -> None:
    world.escalate()
    world.tick()
    assert "charged" not in world.sms.sent[0].text + world.sms.sent[0].subject
    assert "Mara" not in world.sms.sent[0].text
    assert "My card was charged" in world.slack.sent[0].text


def test_a_low_ticket_pages_no_one_but_is_in_the_desks_queue(world: World) -> None:
    world.escalate(priority="low")
    world.tick()
    assert [c.sent for c in world.channels.values()] == [[], [], [], [], []]  # it lies there already, flagged
    world.tick(30)
    assert [len(c.sent) for c in (world.queue, world.sms, world.slack, world.boss)] == [1, 0, 0, 0]


def test_unclaimed_30_minutes_the_team_once_2_hours_the_manager_once(world: World) -> None:
    world.escalate(priority="normal")
    for _ in range(200):
        world.tick(1)
    assert [d.template for d in world.slack.sent] == ["escalated", "unclaimed"]
    assert [d.template for d in world.boss.sent] == ["unclaimed"]


def test_claimed_at_29_minutes_is_silence(world: World) -> None:
    world.escalate(priority="normal")
    world.tick()
    world.tick(29)
    world.desk.claims["4711"] = Claim("4711", by="Anna", via="assignee")
    for _ in range(200):
        world.tick(1)
    assert [d.template for d in world.slack.sent] == ["escalated"]
    assert world.boss.sent == []
    assert ("spared", "slack:urgent was not disturbed: Anna came first") in world.story()


def test_a_ticket_that_only_a_bot_holds_is_not_silence(world: World) -> None:
    world.escalate(priority="normal")
    world.desk.claims["4711"] = Claim("4711")  # the desk's connector says: no human
    world.tick()
    world.tick(30)
    assert len(world.slack.sent) == 2


def test_a_restart_between_enqueue_and_send_neither_repeats_nor_loses(world: World, tmp_path: Path) -> None:
    world.escalate()
    world.tick()
    again = World(tmp_path)  # another process on the same ledger
    again.now = world.now
    again.tick()
    again.tick(1)
    assert again.sms.sent == again.slack.sent == []


def test_enqueued_twice_is_sent_once(world: World) -> None:
    world.tell(notice())
    world.tell(notice())
    assert len(world.sms.sent) == 1


def test_the_desk_is_read_once_for_a_hundred_tickets(world: World) -> None:
    for number in range(100):
        world.escalate(str(number), priority="low")
    world.tick(30)
    assert [len(ids) for ids in world.desk.asked] == [100]


def test_a_desk_that_does_not_answer_stops_no_notice(world: World) -> None:
    world.desk.down = TryLater("503")
    world.escalate()
    assert world.tick() == 2


def test_what_the_ledger_knows_as_claimed_is_not_said(world: World) -> None:
    world.escalate(state="claimed")
    assert world.tick() == 0
    assert set(world.states().values()) == {"suppressed"}


def test_claimed_then_forgotten_is_notified_while_unanswered(world: World) -> None:
    world.escalate(state="claimed")
    world.desk.claims["4711"] = Claim("4711", by="Anna")
    assert world.tell(notice(11, template="forgotten")) == 2
    world.desk.claims["4711"] = Claim("4711", by="Anna", answered=True)
    assert world.tell(Notification("k", "team", Priority.URGENT, "forgotten", {}, "support", "4711")) == 0


# --- several workers ------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 6])
def test_workers_that_send_at_once_never_send_the_same_twice(world: World, workers: int) -> None:
    for number in range(30):
        world.escalate(str(number), priority="low")
    from core.escalation import due, notices_for
    from core.notifications.delivery import enqueue

    with world.engine.begin() as conn:
        for number in range(30):
            row = world.ticket(str(number))._mapping
            enqueue(conn, notices_for(row, due(row, T0 + 30 * M)), routes=world.routes, now=T0)
    gate = threading.Barrier(workers)

    def work() -> None:
        gate.wait()
        pump(world, T0)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(int(d.ticket_id) for d in world.queue.sent) == list(range(30))


# --- links, threads, people -----------------------------------------------------------------


def test_every_person_gets_a_link_of_their_own(world: World) -> None:
    world.escalate()
    world.tick()
    links = {world.sms.sent[0].claim_url, world.slack.sent[0].claim_url}
    assert len(links) == 2
    assert all(link.startswith("https://backstop.acme.example/claim/") for link in links)
    assert world.sms.sent[0].claim_url in world.sms.sent[0].text


def test_reminders_continue_the_thread_of_the_first_message(world: World) -> None:
    world.escalate()
    world.tick()
    world.tick(30)
    assert [d.thread for d in world.slack.sent] == ["", "slack:urgent-1"]


def test_the_person_on_duty_is_notified_by_her_own_channel_and_mentioned_in_the_room(world: World) -> None:
    people = {
        "anna": {"sms": "+15550111", "slack": "U1", "email": "anna@acme.example"},
        "ben": {"sms": "+15550122"},
    }
    rotas = make_rotas(
        {"team": {"people": ["anna", "ben"], "start": date(2026, 11, 23)}}, people, "Europe/Berlin"
    )
    world.routes = world.routes.__class__(world.channels, by_priority=world.routes.by_priority, rotas=rotas)
    world.escalate()
    world.tick()
    assert [d.to for d in world.sms.sent] == [("+15550111",)]
    assert [d.to for d in world.slack.sent] == [("U1",)]


def test_only_pagers_that_were_notified_are_notified_of_the_claim(world: World) -> None:
    world.routes = world.routes.__class__(
        world.channels, by_priority={Priority.URGENT: ("webhook:pager", "slack:urgent")}
    )
    world.escalate()
    world.tick()
    with world.engine.begin() as conn:
        close_incidents(conn, world.routes, "support", "4711", "Anna", world.now)
    world.tick()
    assert [d.template for d in world.pager.sent] == ["escalated", "claimed"]
    assert len(world.slack.sent) == 1
    world.tick()
    assert len(world.pager.sent) == 2
