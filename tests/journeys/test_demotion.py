"""An intent whose answers turn out wrong is demoted until a person promotes it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from command import Shell
from words import ORDER

from core.demoted import demoted
from core.engine import maintenance
from core.learning import demotion
from core.learning.demotion import Evidence
from core.ledger.schema import notices, tickets


@pytest.fixture
def vendor():
    return "freshdesk"


def remember(h, intent, *, right, wrong, days=20, **of_wrong):
    """Automatic answers that stayed answered, and some that did not."""
    at = h.now - timedelta(days=days)
    plain = {
        "desk": "support",
        "intent": intent,
        "confidence": 0.9,
        "state": "auto_resolved",
        "first_seen_at": at,
    }
    failed = of_wrong or {"reescalated_at": at + timedelta(hours=2)}
    with h.app.engine.begin() as conn:
        for number in range(right + wrong):
            more = failed if number < wrong else {}
            row = {"ticket_id": f"{intent}-{number}-{days}", "updated_at": at, "auto_resolved_at": at, **more}
            conn.execute(tickets.insert().values(**plain, **row))


def alarms(h):
    return [
        row.facts["what"]
        for row in h.rows(notices)
        if row.template == "alarm" and "no longer" in row.facts["what"]
    ]


@pytest.mark.parametrize(
    "failure",
    [{"reescalated_at": None}, {"check_verdict": "wrong"}, {"final_intent": "login_problem"}],
    ids=["the customer wrote again", "a check said wrong", "an agent corrected it"],
)
def test_evidence_against_an_intent_takes_its_answers_back_and_tells(house, failure):
    h = house()
    if "reescalated_at" in failure:
        failure = {"reescalated_at": h.now - timedelta(days=19)}
    remember(h, "order_status", right=80, wrong=10, **failure)
    before = h.app.rules["support"].version
    maintenance.daily(h.app)
    assert demoted(h.app.engine)["order_status"]["why"].startswith("80 of 90 automatic answers were right")
    case = h.writes_in(ORDER)
    assert h.ticket(case).state == "escalated"
    assert h.ticket(case).reason == "order_status may only suggest"
    assert h.app.rules["support"].version != before
    assert len(alarms(h)) == 1
    h.now += timedelta(days=1)
    maintenance.daily(h.app)
    assert len(alarms(h)) == 1


def test_good_evidence_and_thin_evidence_take_nothing_back(house):
    h = house()
    remember(h, "order_status", right=97, wrong=3)
    remember(h, "login_problem", right=0, wrong=5)  # has no reply: there is nothing to take back
    assert demotion.review(h.app, h.now) == []
    assert h.ticket(h.writes_in(ORDER)).state == "auto_resolved"


def test_an_answer_that_cannot_be_judged_yet_counts_neither_way(house):
    h = house()
    remember(h, "order_status", right=90, wrong=0, days=1)
    with h.app.engine.begin() as conn:
        assert demotion.evidence(conn, h.now) == []


def test_it_holds_after_a_restart_and_in_other_processes_until_a_person_promotes(house):
    h = house()
    remember(h, "order_status", right=5, wrong=5)
    other = h.app
    h.config |= {"classifier": {"cache": str(h.app.settings.classifier.cache), "sample": 0.0}}
    demotion.review(h.build(), h.now)  # another process finds it
    assert h.ticket(h.writes_in(ORDER)).state == "escalated"
    assert h.app is other

    shell = Shell(h.home, database=h.app.settings.database_url)
    shell.file.write_text(shell.file.read_text().replace("zendesk", "freshdesk"))
    shell.run("doctor")
    assert "may answer again" in shell.run("thresholds", "--promote", "order_status").output
    assert shell.run("thresholds", "--promote", "order_status").exit_code == 1
    assert h.ticket(h.writes_in(ORDER, email="second@example.com")).state == "auto_resolved"
    h.now += timedelta(days=400)
    assert demotion.review(h.app, h.now) == []  # what was counted before the promotion counts no more


@pytest.mark.parametrize(
    ("right", "n", "fails"),
    [
        (0, 1, False),
        (0, 2, True),
        (1, 2, False),
        (57, 58, False),
        (56, 59, True),
        (57, 59, False),
        (950, 1000, False),
        (949, 1000, True),
    ],
)
def test_few_answers_need_many_mistakes_and_many_answers_need_the_target(right, n, fails):
    assert Evidence("x", n, right).fails is fails
