"""A channel that fails, is slow, or has an unknown outcome: another channel is used, and the message says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import TryLater
from core.model import Notification, OutboundMessage, Priority
from core.notifications.delivery import heard_of, pump
from core.notifications.rows import close_incidents
from tests.core.notification_world import BUSY, LOST, REFUSED, World, notice


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_channel_that_refuses_falls_over_at_once_to_the_next_and_says_why(world: World) -> None:
    world.slack.down = REFUSED
    world.escalate(priority="high")
    world.tick()
    assert world.states() == {"slack:urgent": "failed", "sms:oncall": "accepted"}
    assert "slack:urgent failed: HTTP 404" in world.sms.sent[0].text
    assert any(what == "failed" for what, _ in world.story())


def test_a_channel_that_fails_while_others_worked_is_alarmed_once_a_day_and_pages_no_one_more(
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
    def die(_: OutboundMessage) -> None:
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

    monkeypatch.setattr("core.notifications.rendering.render", broken)
    world.escalate()
    world.tick()
    assert "4711" in world.sms.sent[0].text


def test_a_channel_that_left_the_configuration_falls_over(world: World) -> None:
    with world.engine.begin() as conn:
        from core.notifications.delivery import enqueue

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
    assert ("failed", "no one was reached: every channel failed") in world.story()
    world.boss.down = None
    for _ in range(8):
        world.tick(5)
    assert world.boss.sent[-1].ticket_id == "4711"
    assert world.rows(channel="email:manager")[0].state == "accepted"


def test_a_notice_about_ourselves_never_goes_to_a_tickets_queue(world: World) -> None:
    for channel in (world.sms, world.slack, world.boss):
        channel.down = REFUSED
    world.tell(
        Notification("alarm:1", "alarm", Priority.URGENT, "alarm", {"headline": "The desk refuses us"})
    )
    assert world.queue.sent == []


# --- what providers tell us afterwards ------------------------------------------------------


def test_a_late_accepted_never_takes_back_a_delivered(world: World) -> None:
    world.sms.can = replace(world.sms.can, reports_delivery=True)
    world.escalate()
    world.tick()
    key = world.rows(channel="sms:oncall")[0].key
    assert heard_of(world, "sms:oncall", key, "SM1", "delivered", "", world.now)
    assert heard_of(world, "sms:oncall", key, "SM1", "accepted", "", world.now)
    assert world.rows(channel="sms:oncall")[0].state == "delivered"


def test_a_report_that_arrives_before_the_response_to_our_call_is_kept(world: World) -> None:
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


def test_an_sms_without_a_delivery_report_falls_back_after_five_minutes_while_the_ticket_waits(
    world: World,
) -> None:
    world.sms.can = replace(world.sms.can, reports_delivery=True)
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


def test_a_report_on_a_message_that_was_never_sent_is_ignored(world: World) -> None:
    assert not heard_of(world, "sms:oncall", "unknown", "SM9", "delivered", "", world.now)
    assert not heard_of(world, "sms:oncall", "", "SM9", "failed", "", world.now)


def test_what_the_carrier_has_is_not_chased(world: World) -> None:
    world.sms.can = replace(world.sms.can, reports_delivery=True)
    world.escalate()
    world.tick()
    heard_of(world, "sms:oncall", world.rows(channel="sms:oncall")[0].key, "SM1", "sent", "", world.now)
    world.tick(6)
    world.tick(1)
    assert [d.template for d in world.slack.sent] == ["escalated"]


def test_a_channel_that_hangs_is_not_waited_for_by_everybody(world: World) -> None:
    world.slack.down = LOST
    for number in range(60):
        world.escalate(str(number), priority="high")
    world.tick()
    world.tick(1)
    told = {d.ticket_id for d in world.sms.sent if d.ticket_id} | set(
        " ".join(d.text for d in world.sms.sent).replace(",", " ").split()
    )
    assert len(world.slack.sent) <= 3 + 8 * 3  # three in a row, and what was under way beside them
    assert len({str(n) for n in range(60)} - told) <= 3 + 8 * 3


def test_while_a_desk_is_down_no_one_is_paged_for_what_can_wait(world: World) -> None:
    world.queue.down = TryLater("503", status=503, wait=timedelta(minutes=2))
    world.escalate(priority="low")
    world.tick(30)
    for _ in range(40):
        world.tick(2)
    assert world.sms.sent == world.slack.sent == []
    world.queue.down = None
    world.tick(3)
    assert world.rows(channel="desk")[0].state == "accepted"


def test_a_note_that_is_refused_for_good_goes_to_the_normal_channel_not_to_the_phone(world: World) -> None:
    world.queue.down = REFUSED
    world.escalate(priority="low")
    world.tick(30)
    assert [len(world.sms.sent), len(world.slack.sent)] == [0, 1]


def test_an_incident_that_cannot_be_closed_is_alarmed_but_pages_no_one_about_the_ticket(world: World) -> None:
    world.routes = world.routes.__class__(
        world.channels,
        by_priority={Priority.URGENT: ("webhook:pager", "sms:oncall")},
        audiences={"manager": ("email:manager",)},
        alarm=("email:manager",),
    )
    world.escalate()
    world.tick()
    world.pager.down = REFUSED
    with world.engine.begin() as conn:
        close_incidents(conn, world.routes, "support", "4711", "Anna", world.now)
    world.tick(1)
    assert len(world.sms.sent) == 1
    assert [one.template for one in world.boss.sent] == ["alarm"]
