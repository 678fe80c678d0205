"""The past of a desk replayed before going live: the same figures as a later run in `act`, nothing written, resumable."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from account import shell_of
from words import DISPUTE, NONSENSE, ORDER

from core.app import wall
from core.backtest import run as backtests
from core.classify.starter import starter
from core.errors import TryLater
from core.ledger.schema import notices, tickets
from core.model import Mode

ID = re.compile(r"/tickets/\d+$")
ONE = pytest.mark.parametrize("vendor", ["freshdesk"])
STORY = (  # what a customer writes, minutes until a person answers (None: nobody does), the queue it ends in
    (ORDER, None, None),
    (DISPUTE, 10, "Billing"),
    (DISPUTE, 150, "Tech"),
    (NONSENSE, 300, "Support"),
    ("I cannot log in, the page says my password is wrong", None, None),
    ("Where is my parcel? Order 4712 has not arrived yet.", 20, "Orders"),
)


def lived(h, settle=lambda: None, wait=lambda _minutes: None, story=STORY):
    """A morning at the desk, people at work in it; `settle`, `wait`: what Backstop does meanwhile."""
    cases = []
    for number, (words, minutes, queue) in enumerate(story):
        email = f"customer{number}@example.com"
        case = h.desk.customer_writes(words, subject=f"Question {number}", email=email, name="Carla")
        settle()
        cases.append(case)
        if minutes is not None:
            end = h.now + timedelta(minutes=minutes)
            wait(minutes)
            h.now = end
            h.desk.agent_sets(case.id, h.ann.id, queue_id=h.queues[queue].id)
            h.desk.agent_says(case.id, h.ann.id, "Hello, this is Ann.")
            settle()
        h.now += timedelta(minutes=7)
    end = h.now
    wait(0)
    h.now = end
    return cases


def acted(h, story=STORY):
    """The same with Backstop at work, awake whenever something is due."""

    def wait(minutes):
        end = h.now + timedelta(minutes=minutes)
        while due := [row.next_due_at for row in h.open_rows() if row.next_due_at < end]:
            h.now = min(due)
            h.pass_once()

    return lived(h, h.settle, wait, story)


def run(h, **more):
    return backtests.backtest(
        h.app, "support", 30, h.home / "report.jsonl", sleep=lambda _seconds: None, **more
    )


def test_a_backtest_says_what_a_run_in_act_then_does_and_writes_nothing(house):
    h = house()
    cases = acted(h)
    happened = Counter(row.outcome for row in h.rows(tickets))
    told = Counter(
        n.channel
        for n in h.rows(notices)
        if n.template in {"escalated", "unclaimed", "promise_breaking"} and n.state != "suppressed"
    )
    before = [len(case.entries) for case in cases]
    ledger = {table.name: len(h.rows(table)) for table in h.tables}
    h.api.calls.clear()
    h.app.rules["support"] = replace(h.app.rules["support"], mode=Mode.OBSERVE)
    found = run(h)
    assert found["complete"]
    assert found["tickets"] == len(STORY)
    assert found["outcomes"] == dict(happened)
    assert sum(happened.values()) == len(STORY)
    paged = {one["who"]: one["pages"] for one in found["pages"]["people"]}
    assert paged == {name: n for name, n in told.items() if name != "desk"}
    assert [c for c in h.api.calls if c.method != "GET" and "oauth" not in c.path] == []
    assert [len(case.entries) for case in cases] == before
    assert {table.name: len(h.rows(table)) for table in h.tables} == ledger


def generated(number):
    """Tickets about everything, each in two sentences of one intent, and some that are answered by rule."""
    random, wishes = Random(5), [one.examples for one in starter().intents if one.examples]
    for place in range(number):
        wish = random.choice(wishes)
        words = f"{random.choice(wish)}. {random.choice(wish)}. My number is {place}."
        words = words if place % 4 else ORDER
        minutes = random.choice([None, 5, 40])
        yield words, minutes, None if minutes is None else random.choice(["Support", "Orders", "Billing"])


@ONE
def test_ticket_by_ticket_a_backtest_agrees_with_the_run_in_act(house):
    h = house()
    acted(h, tuple(generated(9)))
    acting = {
        row.ticket_id: (row.outcome, row.intent, row.priority, row.escalated_at is not None)
        for row in h.rows(tickets)
    }
    run(h)
    replayed = {
        row.ticket_id: (row.outcome, row.intent, row.priority, row.escalated_at is not None)
        for row in backtests.rows_of(h.home / "report.jsonl")
    }
    assert replayed == acting
    assert len({outcome for outcome, *_ in acting.values()}) == 3, "all three bands are met"


def test_it_shows_the_exact_words_the_queues_and_the_promises(house):
    h = house()
    lived(h)
    found = run(h)
    (answer,) = found["answers"]
    assert answer["intent"] == "order_status"
    assert answer["words"] == "Hello Carla, your parcel is on its way."
    assert answer["tickets"] == 2
    billing = next(one for one in found["queues"] if one["queue"] == "Billing")
    assert (billing["tickets"], billing["judged"], billing["wrong"]) == (2, 2, 1)
    assert found["promises"]["kept"] == 1  # the dispute that was answered within its half hour
    assert found["promises"]["broken"] >= 1
    escalated = found["tickets"] - found["outcomes"]["auto_resolved"]
    assert found["escalation_rate"] == pytest.approx(escalated / found["tickets"])


@ONE
def test_cut_off_amid_the_vendors_limit_it_goes_on_where_it_stopped(house):
    h = house()
    lived(h)
    reads = itertools.count()
    h.api.plan = lambda call: "status_before:429" if ID.search(call.path) and next(reads) > 2 else ""
    with pytest.raises(TryLater, match="run the same command again"):
        run(h)
    kept = backtests.read(h.app, h.home / "report.jsonl")
    assert not kept["complete"]
    assert 0 < kept["tickets"] < len(STORY)
    with (h.home / "report.jsonl").open("a") as file:
        file.write('{"ticket": {"desk": "supp')  # the machine died amid a line
    h.api.plan = lambda _call: ""
    h.api.calls.clear()
    found = backtests.backtest(h.app, "support", 30, h.home / "report.jsonl")
    assert found["complete"]
    assert found["tickets"] == len(STORY)
    fetched = [c for c in h.api.calls if ID.search(c.path)]
    assert len(fetched) == len(STORY) - kept["tickets"], "what was read is not read again"


@ONE
def test_other_rules_begin_a_new_report(house):
    h = house()
    lived(h)
    run(h)
    file = h.home / "report.jsonl"
    first = file.read_text().splitlines()[0]
    h.app.rules["support"] = replace(h.app.rules["support"], auto=1.0, version="other")
    found = run(h)
    assert file.read_text().splitlines()[0] != first
    assert "auto_resolved" not in found["outcomes"]


@ONE
def test_a_key_that_may_only_read_is_enough(house):
    h = house()
    lived(h)
    h.api.plan = lambda call: "status_before:403" if call.method != "GET" else ""
    assert run(h)["complete"]


@ONE
def test_a_key_that_may_not_even_read_is_named_with_its_remedy(house):
    from core.errors import NotAllowed

    h = house()
    lived(h)
    h.api.plan = lambda call: "status_before:403" if ID.search(call.path) else ""
    with pytest.raises(NotAllowed, match="only reads: give its key the right to see tickets"):
        run(h)


@ONE
def test_on_the_command_line(house):
    h = house()
    h.now = wall() - timedelta(hours=5)
    lived(h)
    h.now = wall()
    shell = shell_of(h)
    found = shell.run("backtest", "support", "--days", "2", "--json", "--out", str(h.home / "r.jsonl"))
    told = json.loads(found.stdout)
    assert (found.exit_code, told["tickets"], told["complete"]) == (0, len(STORY), True)
    plain = shell.run("backtest", "support", "--days", "2").output
    assert "nothing was written there" in plain
    assert "escalation rate" in plain
    assert (h.home / "backtest-support.jsonl").stat().st_mode & 0o077 == 0
    assert shell.run("backtest", "nowhere").exit_code == 2
    unwritable = shell.run("backtest", "support", "--out", str(h.home / "no" / "such" / "r.jsonl"))
    assert (unwritable.exit_code, "--out" in unwritable.output) == (2, True)


@ONE
def test_whatif_replays_the_ledger_through_a_whole_other_file(house):
    h = house()
    h.now = wall() - timedelta(hours=9)
    acted(h)
    h.now = wall()
    shell = shell_of(h)
    other = h.home / "other.toml"
    other.write_text(shell.file.read_text().replace('queue = "Billing"', 'queue = "Disputes"'))
    ledger = {table.name: len(h.rows(table)) for table in h.tables}
    told = shell.json("whatif", "--rules", str(other))
    assert told["replayed"]["now"]["tickets"] == len(STORY)
    assert told["moved_total"] == 2
    assert {(one["from"]["queue"], one["to"]["queue"]) for one in told["moved"]} == {("Billing", "Disputes")}
    assert told["replayed"]["now"]["promises"]["kept"] >= 1
    strict = shell.json("whatif", "--auto", "1", "--route", "0.6")
    assert "auto_resolved" not in strict["replayed"]["then"]["outcomes"]
    assert {table.name: len(h.rows(table)) for table in h.tables} == ledger
    assert "would go elsewhere" in shell.run("whatif", "--rules", str(other)).output
    wrong = shell.run("whatif", "--rules", str(h.home / "none.toml"))
    assert (wrong.exit_code, "none.toml" in wrong.output) == (2, True)
