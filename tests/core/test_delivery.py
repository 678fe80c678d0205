"""Whoever must be told is told: once, in time, by another way when one fails, and not when somebody came first."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.delivery import heard_of, pump
from core.errors import TryLater
from core.model import Claim, Dispatch, Notice, Priority
from core.notice_rows import close_incidents
from core.rota import make as make_rotas
from tests.core.telling import BUSY, LOST, REFUSED, T0, M, World, notice


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_urgent_ticket_reaches_all_its_channels_at_once_and_names_its_id(world: World) -> None:
    world.escalate()
    assert world.tick() == 2
    assert "4711" in world.sms.sent[0].text
    assert "4711" in world.slack.sent[0].text
    assert world.states() == {"sms:oncall": "accepted", "slack:urgent": "accepted"}


def test_a_text_message_holds_no_word_of_the_customers(world: World) -> None:
    world.escalate()
    world.tick()
    assert "charged" not in world.sms.sent[0].text + world.sms.sent[0].subject
    assert "Mara" not in world.sms.sent[0].text
    assert "My card was charged" in world.slack.sent[0].text


def test_a_low_ticket_disturbs_nobody_but_stands_in_the_desks_queue(world: World) -> None:
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


def test_the_desk_is_asked_once_for_a_hundred_tickets(world: World) -> None:
    for number in range(100):
        world.escalate(str(number), priority="low")
    world.tick(30)
    assert [len(ids) for ids in world.desk.asked] == [100]


def test_a_desk_that_does_not_answer_silences_nobody(world: World) -> None:
    world.desk.down = TryLater("503")
    world.escalate()
    assert world.tick() == 2


def test_what_the_ledger_knows_as_claimed_is_not_said(world: World) -> None:
    world.escalate(state="claimed")
    assert world.tick() == 0
    assert set(world.states().values()) == {"suppressed"}


def test_claimed_then_forgotten_is_said_while_nobody_answered(world: World) -> None:
    world.escalate(state="claimed")
    world.desk.claims["4711"] = Claim("4711", by="Anna")
    assert world.tell(notice(11, template="forgotten")) == 2
    world.desk.claims["4711"] = Claim("4711", by="Anna", answered=True)
    assert world.tell(Notice("k", "team", Priority.URGENT, "forgotten", {}, "support", "4711")) == 0


# --- when a channel fails -------------------------------------------------------------------


def test_a_channel_that_refuses_falls_over_at_once_to_the_next_and_says_why(world: World) -> None:
    world.slack.down = REFUSED
    world.escalate(priority="high")
    world.tick()
    assert world.states() == {"slack:urgent": "failed", "sms:oncall": "accepted"}
    assert "slack:urgent failed: HTTP 404" in world.sms.sent[0].text
    assert any(what == "failed" for what, _ in world.story())


def test_a_channel_that_fails_while_others_were_told_is_said_aloud_once_a_day_and_pages_nobody_more(
    world: World,
) -> None:
    world.sms.down = REFUSED
    for number in range(3):
        world.escalate(str(number))
    world.tick()
    assert [d.subject for d in world.slack.sent if d.template == "alarm"] == ["sms:oncall does not work"]
    assert world.boss.sent == []


def test_both_channels_failing_reach_the_manager(world: World) -> None:
    world.sms.down = world.slack.down = REFUSED
    world.escalate()
    world.tick()
    assert [d.ticket_id for d in world.boss.sent if d.template == "escalated"] == ["4711"]


def test_a_channel_that_is_slow_is_tried_three_times_then_falls_over(world: World) -> None:
    world.slack.down = BUSY
    world.escalate(priority="high")
    world.tick()
    for _ in range(4):
        world.tick(0.25)
    assert len(world.slack.sent) == 3
    assert world.states() == {"slack:urgent": "failed", "sms:oncall": "accepted"}


def test_a_channel_that_wants_a_long_wait_is_left_for_another_at_once(world: World) -> None:
    world.slack.says = [TryLater("429", status=429, wait=timedelta(minutes=5))]
    world.escalate(priority="high")
    world.tick()
    assert len(world.sms.sent) == 1


def test_a_channel_that_wants_a_short_wait_gets_it(world: World) -> None:
    world.slack.says = [TryLater("429", status=429, wait=timedelta(seconds=20))]
    world.escalate(priority="high")
    world.tick()
    world.tick(0.3)
    assert len(world.slack.sent) == 1
    world.tick(0.1)
    assert [len(world.slack.sent), len(world.sms.sent)] == [2, 0]


def test_an_unknown_outcome_is_sent_once_more_and_says_so(world: World) -> None:
    world.slack.says = [LOST]
    world.escalate(priority="high")
    world.tick()
    world.tick(1)
    world.tick(1)
    assert [d.repeat for d in world.slack.sent] == [False, True]
    assert "Sent again" in world.slack.sent[1].text
    assert world.sms.sent == []


def test_an_outcome_unknown_twice_falls_over(world: World) -> None:
    world.slack.down = LOST
    world.escalate(priority="high")
    for _ in range(4):
        world.tick(1)
    assert [len(world.slack.sent), len(world.sms.sent)] == [2, 1]


def test_a_worker_that_died_while_sending_is_replaced_by_one_marked_repeat(world: World) -> None:
    def die(_: Dispatch) -> None:
        raise KeyboardInterrupt

    world.slack.before = die
    world.escalate(priority="high")
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    world.slack.before = None
    world.tick(1)
    assert len(world.slack.sent) == 1  # it may still be under way
    world.tick(3)
    world.tick(1)
    assert [d.repeat for d in world.slack.sent] == [False, True]


def test_a_fault_of_ours_in_one_channel_still_reaches_people_by_another(world: World) -> None:
    world.slack.down = ZeroDivisionError("a bug")
    world.escalate(priority="high")
    world.tick()
    assert len(world.sms.sent) == 1


def test_broken_words_still_name_the_ticket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("template")

    monkeypatch.setattr("core.sending.render", broken)
    world.escalate()
    world.tick()
    assert "4711" in world.sms.sent[0].text


def test_a_channel_that_left_the_configuration_falls_over(world: World) -> None:
    with world.engine.begin() as conn:
        from core.delivery import enqueue

        enqueue(conn, [notice(priority=Priority.HIGH)], routes=world.routes, now=world.now)
    del world.channels["slack:urgent"]
    pump(world, world.now)
    assert len(world.sms.sent) == 1


def test_when_every_channel_fails_all_ways_are_tried_again_until_one_works(world: World) -> None:
    for channel in world.channels.values():
        channel.down = REFUSED
    world.escalate(priority="high")
    world.tick()
    assert {c.name for c in world.channels.values() if c.sent} == {
        "slack:urgent",
        "sms:oncall",
        "email:manager",
        "desk",
    }
    assert ("failed", "nobody could be told: every channel failed") in world.story()
    world.boss.down = None
    for _ in range(8):
        world.tick(5)
    assert world.boss.sent[-1].ticket_id == "4711"
    assert world.rows(channel="email:manager")[0].state == "accepted"


def test_a_notice_about_ourselves_never_goes_to_a_tickets_queue(world: World) -> None:
    for channel in (world.sms, world.slack, world.boss):
        channel.down = REFUSED
    world.tell(Notice("alarm:1", "alarm", Priority.URGENT, "alarm", {"headline": "The desk refuses us"}))
    assert world.queue.sent == []


# --- what providers tell us afterwards ------------------------------------------------------


def test_a_late_accepted_never_takes_back_a_delivered(world: World) -> None:
    world.sms.reports_delivery = True
    world.escalate()
    world.tick()
    key = world.rows(channel="sms:oncall")[0].key
    assert heard_of(world, "sms:oncall", key, "SM1", "delivered", "", world.now)
    assert heard_of(world, "sms:oncall", key, "SM1", "accepted", "", world.now)
    assert world.rows(channel="sms:oncall")[0].state == "delivered"


def test_a_word_that_comes_before_the_answer_to_our_own_call_is_kept(world: World) -> None:
    world.sms.before = lambda d: heard_of(world, "sms:oncall", d.key, "SM1", "delivered", "", world.now)
    world.escalate()
    world.tick()
    assert world.rows(channel="sms:oncall")[0].state == "delivered"


def test_an_sms_that_the_carrier_could_not_deliver_falls_over(world: World) -> None:
    world.routes = world.routes.__class__(
        world.channels,
        by_priority={Priority.URGENT: ("sms:oncall",)},
        audiences={"manager": ("email:manager",)},
    )
    world.escalate()
    world.tick()
    key = world.rows()[0].key
    heard_of(world, "sms:oncall", key, "SM1", "failed", "Twilio 30003: the phone is switched off", world.now)
    world.tick()
    assert "switched off" in world.boss.sent[0].text


def test_an_sms_of_whose_arrival_nobody_tells_falls_over_after_five_minutes_while_the_ticket_waits(
    world: World,
) -> None:
    world.sms.reports_delivery = True
    world.routes = world.routes.__class__(
        world.channels,
        by_priority={Priority.URGENT: ("sms:oncall",)},
        audiences={"manager": ("email:manager",)},
    )
    world.escalate()
    world.tick()
    world.tick(4)
    assert world.boss.sent == []
    world.tick(1)
    world.tick(1)
    assert [d.template for d in world.boss.sent] == ["escalated"]
    assert world.rows(channel="sms:oncall")[0].state == "accepted"


def test_a_word_about_a_message_nobody_sent_is_not_ours(world: World) -> None:
    assert not heard_of(world, "sms:oncall", "unknown", "SM9", "delivered", "", world.now)
    assert not heard_of(world, "sms:oncall", "", "SM9", "failed", "", world.now)


# --- too much for one person ----------------------------------------------------------------


def test_overload_of_one_person_becomes_a_digest_that_names_every_ticket(world: World) -> None:
    for number in range(20):
        world.escalate(str(5000 + number))
    world.tick()
    assert len(world.sms.sent) == 5
    world.tick(1)
    digest = world.sms.sent[5]
    singly = {d.ticket_id for d in world.sms.sent[:5]}
    assert len(world.sms.sent) == 6
    assert all(str(5000 + n) in digest.text for n in range(20) if str(5000 + n) not in singly)
    assert len(world.slack.sent) == 20  # a room that many look at stands more


def test_nobody_is_lost_between_digests_and_they_come_at_most_every_quarter_of_an_hour(world: World) -> None:
    for number in range(60):
        world.escalate(str(5000 + number))
        world.tick(1)
    for _ in range(40):
        world.tick(1)
    told = " ".join(d.text for d in world.sms.sent)
    assert all(str(5000 + number) in told for number in range(60))
    assert {row.state for row in world.rows(channel="sms:oncall")} <= {"accepted", "bundled"}
    assert all(row.sent_at for row in world.rows(channel="sms:oncall"))
    assert sum(d.template == "digest" for d in world.sms.sent) <= 8


def test_a_ticket_taken_meanwhile_is_not_in_the_digest(world: World) -> None:
    for number in range(8):
        world.escalate(str(5000 + number))
    world.tick()
    left = {str(5000 + n) for n in range(8)} - {d.ticket_id for d in world.sms.sent}
    taken = min(left)
    world.desk.claims[taken] = Claim(taken, by="Anna")
    world.tick(1)
    assert taken not in world.sms.sent[5].text


def test_a_digest_of_which_one_ticket_is_left_is_an_ordinary_notice(world: World) -> None:
    for number in range(6):
        world.escalate(str(5000 + number))
    world.tick()
    world.tick(1)
    assert world.sms.sent[5].template == "escalated"
    assert "needs a human" in world.sms.sent[5].text


def test_a_digest_whose_channel_fails_reaches_people_by_another(world: World) -> None:
    world.routes = world.routes.__class__(
        world.channels,
        by_priority={Priority.URGENT: ("sms:oncall",)},
        audiences={"manager": ("email:manager",)},
    )
    for number in range(8):
        world.escalate(str(5000 + number))
    world.tick()
    world.sms.down = REFUSED
    world.tick(1)
    left = {str(5000 + n) for n in range(8)} - {d.ticket_id for d in world.sms.sent[:5]}
    assert {d.ticket_id for d in world.boss.sent} == left


# --- several workers ------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 6])
def test_workers_that_send_at_once_never_send_the_same_twice(world: World, workers: int) -> None:
    for number in range(30):
        world.escalate(str(number), priority="low")
    from core.delivery import enqueue
    from core.escalation import due, notices_for

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


def test_the_one_on_duty_is_told_by_her_own_channel_and_mentioned_in_the_room(world: World) -> None:
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


def test_pagers_that_were_told_hear_that_somebody_came_and_nobody_else_does(world: World) -> None:
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
