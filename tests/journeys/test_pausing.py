"""A desk on hold: what comes in is kept, nothing is written; let go, all of it is taken up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from command import Shell
from sqlalchemy import update
from words import DISPUTE, ORDER

from core import queue
from core.errors import TryLater
from core.ledger import db, pausing
from core.ledger.schema import changes, desks, events
from core.model import OutboundMessage, Priority
from core.pipeline.claims import claim_by_person


def writes(h):
    return [c for c in h.api.calls if c.method != "GET" and "token" not in c.path]


def test_while_a_desk_is_on_hold_facts_wait_and_nothing_is_written(house):
    h = house()
    h.writes_in("hello", email="warm@example.com")
    h.api.calls.clear()
    assert pausing.hold(h.app.engine, "support", h.now, "ann")
    case = h.writes_in(ORDER)
    urgent = h.writes_in(DISPUTE, email="other@example.com")
    h.now += timedelta(minutes=90)
    h.pass_once()
    waiting = h.unsettled()
    assert {e.reason for e in waiting} == {pausing.REASON}
    assert {f"support:{one.id}:created" for one in (case, urgent)} <= {e.key for e in waiting}
    assert writes(h) == []
    assert (h.bot_says(case, public=True), h.urgent.sent) == ([], [])

    assert pausing.resume(h.app.engine, "support", h.now, "ann") == len(waiting)
    h.pass_once()
    assert h.ticket(case).state == "auto_resolved"
    assert h.ticket(urgent).state == "escalated"
    assert len(h.urgent.sent) == 1
    assert not h.unsettled()


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_long_hold_buries_nothing(house):
    h = house()
    pausing.hold(h.app.engine, "support", h.now, "ann")
    case = h.writes_in(ORDER)
    for _ in range(h.app.settings.limits.tries + 2):
        h.now += timedelta(minutes=61)
        h.pass_once()
    pausing.resume(h.app.engine, "support", h.now, "ann")
    h.pass_once()
    assert h.ticket(case).state == "auto_resolved"


def test_a_hold_from_the_command_line_works_in_the_running_process_at_once(house, vendor):
    h = house()
    shell = Shell(h.home, database=h.app.settings.database_url)
    text = shell.file.read_text().replace("zendesk", vendor)
    shell.file.write_text(text)
    said = shell.run("pause", "support").output
    assert "on hold" in said
    assert db.where(h.app.settings.database_url) in said, "which store"
    assert "already" in shell.run("pause", "support").output
    case = h.writes_in(ORDER)
    assert h.ticket(case) is None or h.ticket(case).state == "received"
    assert "1 event waited" in shell.run("resume", "support").output
    assert "was not on hold" in shell.run("resume", "support").output
    said = [(row.what, row.new) for row in h.rows(changes)]
    assert said == [("desk support", "paused"), ("desk support", "running")]
    assert shell.run("pause", "nowhere").exit_code == 2


def test_whoever_lets_it_go_the_next_tick_takes_it_up(house):
    h = house()
    pausing.hold(h.app.engine, "support", h.now, "ann")
    h.writes_in(ORDER)
    with h.app.engine.begin() as conn:
        conn.execute(update(desks).values(paused_at=None))
    assert queue.pump(h.app, h.now) == 1
    assert [e.state for e in h.rows(events)] == ["received"]


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_notes_for_the_team_wait_too(house):
    h = house()
    case = h.writes_in("hello")
    pausing.hold(h.app.engine, "support", h.now, "ann")
    note = OutboundMessage("k", (), "s", "text", Priority.LOW, desk="support", ticket_id=str(case.id))
    with pytest.raises(TryLater, match="paused"):
        h.app.channels["desk"].send(note, h.now)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_claim_by_link_is_noted_and_not_written_while_the_desk_is_on_hold(house):
    h = house()
    case = h.writes_in(DISPUTE)
    pausing.hold(h.app.engine, "support", h.now, "ann")
    before = h.api.count("POST", "PUT", "PATCH")
    told = claim_by_person(h.app, "support", str(case.id), h.ann.email, "link", h.now)
    assert told.done
    assert "here it is only noted" in told.words
    assert h.api.count("POST", "PUT", "PATCH") == before
    assert (case.assignee_id, h.ticket(case).state) == (None, "claimed")
