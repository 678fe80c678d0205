"""What an operator asks of the running thing: that a hold holds, that a wait ends, that the books add up."""

from __future__ import annotations

import json

import pytest
from account import shell_of
from sqlalchemy import update
from words import ORDER

from core.admin import provisioning
from core.engine import worker
from core.ledger import pausing, store
from core.ledger.schema import events, notices, tickets, writes
from core.pipeline.audit import audit
from tests.stores import BOTH_STORES

pytestmark = [pytest.mark.parametrize("vendor", ["freshdesk"]), BOTH_STORES]


def change(h, table, **values):
    with h.app.engine.begin() as conn:
        conn.execute(update(table).values(**values))


def desk_row(h):
    with h.app.engine.begin() as conn:
        return store.desk(conn, "support")


def test_a_hold_is_stamped_once(house):
    h = house()
    assert pausing.hold(h.app.engine, "support", h.now, "ann")
    assert not pausing.hold(h.app.engine, "support", h.now.replace(hour=12), "ben")
    assert (desk_row(h).paused_at, desk_row(h).paused_by) == (h.now, "ann")


def test_uninstall_holds_the_desk_until_install(house):
    h = house()
    provisioning.install(h.app, "support")
    provisioning.uninstall(h.app, "support", dry=True)
    assert desk_row(h).paused_at is None
    provisioning.uninstall(h.app, "support")
    h.api.calls.clear()
    case = h.desk.customer_writes(ORDER, subject="Hello", email="carla@example.com", name="Carla")
    h.sweep()
    h.later(minutes=10)
    assert [c for c in h.api.calls if c.method != "GET"] == []
    assert h.ticket(case) is None
    provisioning.install(h.app, "support")
    h.pass_once()
    h.later(minutes=2)
    assert h.ticket(case).state == "auto_resolved"


def test_install_leaves_a_hold_of_a_person_alone(house):
    h = house()
    pausing.hold(h.app.engine, "support", h.now, "ann")
    provisioning.install(h.app, "support")
    assert desk_row(h).paused_by == "ann"


def test_show_lists_what_waits_before_the_first_decision(house):
    h = house()
    pausing.hold(h.app.engine, "support", h.now, "ann")
    case = h.writes_in(ORDER)
    said = shell_of(h).run("show", "support", str(case.id))
    assert said.exit_code == 0, said.output
    assert f"created: {pausing.REASON} (next try " in said.output
    assert shell_of(h).run("show", "support", "nobody").exit_code == 1


def test_show_says_when_a_message_was_delivered(house):
    h = house()
    case = h.writes_in("I do not know what this is: purple seventeen umbrella")
    change(h, notices, delivered_at=h.now, channel="sms:oncall", person="anna")
    assert "delivered    sms:oncall to anna" in shell_of(h).run("show", "support", str(case.id)).output


@pytest.mark.parametrize(("status", "due"), [(401, True), (403, False)])
def test_the_next_good_sweep_ends_the_wait_for_a_credential(house, status, due):
    h = house()
    case = h.writes_in(ORDER)
    begins = store.NO_ENTRY if status == 401 else "the desk does not let us in:"
    later = h.now.replace(hour=h.now.hour + 1)
    change(h, events, state="waiting", reason=f"{begins} no", due_at=later)
    h.app.desks["support"].fetch(str(case.id))
    from core.engine import worker

    assert worker.sweep_now(h.app)[0]["trouble"] == ""
    assert {row.due_at for row in h.rows(events)} == {h.now if due else later}


def test_a_refused_call_is_listed_and_made_again_and_moves_nothing_else(house):
    h = house()
    case = h.writes_in("I do not know what this is: purple seventeen umbrella")
    before = h.ticket(case)
    kept = [row for row in h.rows(writes) if row.what != "answer"]
    change(h, writes, state="failed", reason="the desk refuses: 422")
    shell = shell_of(h)
    assert {one["id"] for one in shell.json("retry")} == {row.key for row in kept}
    public, private = h.bot_says(case, public=True), h.bot_says(case, public=False)
    assert set(shell.json("retry", str(case.id))["retried"]) == {row.key for row in kept}
    h.settle()
    assert {row.state for row in h.rows(writes)} <= {"done", "skipped"}
    assert shell.json("retry") == []
    after = h.ticket(case)
    assert (after.state, after.escalated_at, after.rung) == (before.state, before.escalated_at, before.rung)
    assert len(h.bot_says(case, public=True)) >= len(public)
    assert len(h.bot_says(case, public=False)) >= len(private)


def test_the_audit_adds_up_and_names_tickets_without_a_reminder(house):
    h = house()
    h.writes_in("I do not know what this is: purple seventeen umbrella")
    h.now = h.now.replace(hour=h.now.hour + 1)
    fresh = h.desk.customer_writes(ORDER, subject="x", email="late@example.com", name="L")
    change(h, events, state="settled")
    found = audit(h.app, "support", h.now.replace(hour=0), h.now)
    assert found["desk"] == found["ledger"] + len(found["missing"]) + len(found["too_new"])
    assert found["limbo"] == {"held": 0, "genuine": 0}
    assert (found["stuck"], found["refused"]) == ([], [])
    assert str(fresh.id) in {*found["healed"], *found["too_new"]} or found["desk"] == found["ledger"]
    change(h, tickets, state="escalated", next_due_at=None)
    change(h, writes, state="failed")
    found = audit(h.app, "support", h.now.replace(hour=0), h.now)
    assert found["stuck"]
    assert found["refused"]
    said = shell_of(h).json("audit", "support")
    assert set(said) == {"desk", "ledger", "missing", "healed", "stuck", "too_new", "refused", "limbo"}


def test_a_desk_that_is_down_keeps_no_other_from_being_audited(house):
    h = house()
    h.writes_in(ORDER)
    shell = shell_of(h)
    table = shell.file.read_text().partition("[desks.support]\n")[2].partition("\n[")[0]
    away = table.replace(h.url, "http://127.0.0.1:1")
    shell.file.write_text(f"{shell.file.read_text()}\n[desks.away]\n{away}\n")
    since = ("--since", h.now.replace(hour=0).isoformat())
    found = shell.run("audit", *since, "--json")
    assert found.exit_code == 1, found.output
    said = json.loads(found.stdout)
    assert list(said["trouble"]) == ["away"]
    assert said["desk"] == said["ledger"] == 1
    text = shell.run("audit", *since).output
    assert "support: desk 1 = ledger 1" in text
    assert "away: not compared: " in text


def test_a_fault_at_one_desk_keeps_no_other_from_being_swept(house, monkeypatch):
    h = house()
    swept = []

    def sweep(_app, name, _now):
        swept.append(name)
        if name == "odd":
            raise KeyError("a field that the vendor never left out before")
        return {"desk": name, "seen": 1, "found": 0, "trouble": ""}

    monkeypatch.setattr(worker.sweeping, "sweep", sweep)
    h.app.desks = {"odd": None, **h.app.desks}
    odd, other = worker.sweep_now(h.app)
    assert sorted(swept) == ["odd", "support"]
    assert odd["trouble"].startswith("unexpected error")
    assert other["trouble"] == ""
