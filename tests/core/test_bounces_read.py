"""What comes back later is asked for beside the ladder, never in its way; and never stays unread unseen."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.errors import TryLater
from core.model import ChannelCallback
from core.notifications import polling
from tests.core.notification_world import FakeChannel, M, World


@dataclass(eq=False)
class Mail(FakeChannel):
    """A channel that can be asked what came back."""

    came: list[ChannelCallback] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)
    shut: Exception | None = None
    slow: threading.Event | None = None

    __hash__ = object.__hash__

    def returned(self, now: datetime) -> tuple[ChannelCallback, ...]:
        self.asked.append(now)
        if self.slow:
            self.slow.wait(20)
        if self.shut:
            raise self.shut
        found, self.came = tuple(self.came), []
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.mail = world.channels["email:manager"] = Mail("email:manager", ("boss@acme.example",))
    return world


def after(world: World, minutes: float) -> None:
    world.now += minutes * M
    polling.collect(world, world.now)


def test_the_mailbox_is_polled_once_a_minute(world: World) -> None:
    for _ in range(13):
        after(world, 5 / 60)
    assert len(world.mail.asked) == 2


def test_a_returned_message_is_sent_by_another_channel_while_the_ticket_waits(world: World) -> None:
    world.escalate()
    world.tick()
    world.tick(120)
    (row,) = world.rows(channel="email:manager")
    texts = len(world.sms.sent)
    world.mail.came.append(
        ChannelCallback("status", provider_id=row.provider_id, state="failed", detail="no such user")
    )
    after(world, 1)
    world.tick()
    assert [one.state for one in world.rows(channel="email:manager")] == ["failed"]
    assert len(world.sms.sent) == texts + 1
    assert "no such user" in world.rows(fallback_of=row.key)[0].facts["because"]


def test_a_report_about_a_message_of_another_channel_is_not_believed(world: World) -> None:
    world.escalate()
    world.tick()
    (row,) = world.rows(channel="sms:oncall")
    world.mail.came.append(ChannelCallback("status", provider_id=row.provider_id, state="failed"))
    after(world, 1)
    assert world.rows(channel="sms:oncall")[0].state == "accepted"


def test_what_cannot_be_read_for_an_hour_is_said_aloud_once_a_day_and_a_hiccup_is_not(world: World) -> None:
    world.mail.shut = TryLater("the mailbox does not answer")
    after(world, 1)
    world.mail.shut = None
    after(world, 1)
    world.mail.shut = TryLater("the mailbox does not answer")
    for _ in range(59):
        after(world, 1)
    assert world.rows(template="alarm") == []
    for _ in range(10):
        after(world, 1)
    alarms = world.rows(template="alarm")
    assert {one.notice_key for one in alarms} == {f"alarm:email:manager:returns:{world.now:%Y-%m-%d}"}
    assert "does not answer" in alarms[0].facts["text"]


def test_a_slow_mailbox_delays_no_one_and_is_not_polled_twice_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PROMPT", 0.0)
    world.mail.slow = threading.Event()
    world.escalate()
    after(world, 1)
    after(world, 1)
    assert world.tick() > 0, "the ladder goes on"
    assert len(world.mail.asked) == 1
    world.mail.slow.set()
    polling._looks[world.mail].work.join(timedelta(seconds=20).total_seconds())
    after(world, 1)
    assert len(world.mail.asked) == 2
