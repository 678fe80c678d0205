"""Too much for one person is gathered, never dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from core.ledger.schema import notices
from core.model import Claim, Notification, Priority
from core.notifications.delivery import pump
from core.notifications.routing import Place
from core.notifications.rows import insert_row
from tests.core.notification_world import REFUSED, M, World, notice


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


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


def test_no_ticket_is_lost_between_digests_and_they_are_sent_at_most_every_quarter_of_an_hour(
    world: World,
) -> None:
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


def test_a_flood_of_a_hundred_and_fifty_is_still_named_one_by_one(world: World) -> None:
    for number in range(150):
        world.escalate(str(5000 + number))
    world.tick()
    world.tick(1)
    told = " ".join(d.text for d in world.sms.sent)
    assert all(str(5000 + number) in told for number in range(150))


def test_a_manager_gets_a_flood_as_a_few_mails_and_a_summary_that_names_every_ticket(world: World) -> None:
    for number in range(30):
        world.escalate(str(5000 + number))
    for _ in range(122):  # the manager's rung, and the minute in which a summary waits for company
        world.tick(1)
    told = " ".join(mail.text for mail in world.boss.sent)
    assert len(world.boss.sent) == 6
    assert all(str(5000 + number) in told for number in range(30))


def test_what_is_not_about_a_ticket_is_never_part_of_a_summary(world: World) -> None:
    for number in range(30):
        world.escalate(str(5000 + number))
    for _ in range(120):
        world.tick(1)
    report = Notification(
        "report:2026-W47:manager",
        "manager",
        Priority.NORMAL,
        "report",
        {"headline": "The week", "text": "Week"},
    )
    world.tell(report)
    assert world.boss.sent[-1].key.startswith("report:")


def test_a_ticket_that_comes_in_the_pass_that_sends_the_digest_is_in_it(world: World) -> None:
    world.tell(*(notice(n) for n in range(8)))
    world.now += M
    world.tell(notice(9))
    digest = world.sms.sent[-1]
    assert (len(world.sms.sent), digest.template) == (6, "digest")
    assert "4709" in digest.text
    assert {row.state for row in world.rows(channel="sms:oncall", ticket_id="4709")} == {"bundled"}
    world.tick(15)
    assert len(world.sms.sent) == 6, "it is not sent once more by itself"


def test_a_ticket_that_another_worker_adds_while_the_tickets_are_looked_at_is_in_it(world: World) -> None:
    world.tell(*(notice(n) for n in range(8)))
    world.now += M
    others = [notice(9)]

    def looked_at(_desk: str, _ids: Sequence[str]) -> dict[str, Claim]:
        if others:
            world.tell(others.pop())
        return {}

    pump(world, world.now, looked_at)
    assert any("4709" in one.text and one.template == "digest" for one in world.sms.sent), world.rows()


def test_a_ticket_that_another_worker_adds_while_the_digest_is_sent_goes_into_the_next_one(
    world: World,
) -> None:
    world.tell(*(notice(n) for n in range(8)))
    world.now += M
    world.sms.before = lambda _: (setattr(world.sms, "before", None), world.tell(notice(9)))
    world.tick()
    assert "4709" not in world.sms.sent[5].text
    world.tick(1)
    world.tick(14)
    assert ["4709" in one.text for one in world.sms.sent] == [False] * 6 + [True]


def _one_waits_in_a_summary(world: World) -> str:
    """Five text messages went out, Slack refuses: the sixth urgent ticket's."""
    for number in range(5):
        world.escalate(str(5000 + number))
    world.tick()
    world.slack.down = REFUSED
    return "5005"


def test_an_urgent_notice_held_for_a_digest_is_sent_by_the_next_channel_at_once(world: World) -> None:
    ticket = _one_waits_in_a_summary(world)
    world.escalate(ticket)
    world.tick()
    assert {d.ticket_id for d in world.boss.sent} == {ticket}
    assert [r.state for r in world.rows(channel="sms:oncall", ticket_id=ticket)] == ["bundled"]


def test_it_is_the_same_when_the_other_channel_failed_before_the_message_was_held(world: World) -> None:
    _one_waits_in_a_summary(world)
    world.tell(notice(6))
    assert world.boss.sent, "Slack failed, and the text message is held"
    world.boss.sent.clear()
    with world.engine.begin() as conn:
        insert_row(conn, notice(7), Place("sms:oncall", "+15550100"), world.now)
        insert_row(conn, notice(7), Place("slack:urgent"), world.now)
        conn.execute(
            update(notices).where(notices.c.channel == "slack:urgent").values(state="failed", due_at=None)
        )
    pump(world, world.now)
    assert {d.ticket_id for d in world.boss.sent} == {"4707"}


def test_what_is_not_urgent_may_wait_for_its_summary(world: World) -> None:
    _one_waits_in_a_summary(world)
    world.routes = world.routes.__class__(
        world.channels,
        by_priority={Priority.NORMAL: ("sms:oncall", "slack:urgent")},
        audiences={"manager": ("email:manager",)},
    )
    world.escalate("5005", priority="normal")
    world.tick()
    assert world.boss.sent == []
