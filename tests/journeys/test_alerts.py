"""Each alarm's figure, as a running house prints it: over the alarm's limit while the trouble lasts, under it before and after.

Whether Prometheus makes an alarm of it is tried by promtool with tests/deploy/alerts.test.yaml. Here is tried what promtool
cannot know: that the trouble moves the very figure, with the very labels, that the rule asks for.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from words import DISPUTE, ORDER

from core.errors import Refused
from core.ledger import store
from core.ledger.schema import events
from core.pipeline.claims import claim_by_person
from core.pipeline.handle import handle
from core.queue import retry

RULES = {
    rule["alert"]: rule
    for rule in yaml.safe_load((Path(__file__).parents[2] / "deploy/alerts.yaml").read_text())["groups"][0][
        "rules"
    ]
}
ONE_FIGURE = re.compile(
    r"max by \((?P<by>\w+)\) \((?:increase\()?(?P<name>\w+)(?:\{(?P<label>\w+)=\"(?P<is>\w+)\"\})?(?:\[\w+\]\))?\) > (?P<limit>[\d *]+)"
)


@pytest.fixture
def vendor():
    return "freshdesk"


@pytest.fixture
def figure(house):
    """`figure(alert)`: its figure by desk or channel, as `/metrics` of a house shows it now; and whether it is over."""
    h = house(web={"token": "t"})
    h.sweep()

    def read(alert):
        asked = ONE_FIGURE.fullmatch(RULES[alert]["expr"])
        assert asked, f"{alert} asks for more than one figure against one limit"
        h.app.counters.flush()
        text = requests.get(f"{h.receiver}/metrics", headers={"Authorization": "Bearer t"}, timeout=10).text
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == asked["name"] and (
                    not asked["label"] or sample.labels[asked["label"]] == asked["is"]
                ):
                    of = sample.labels[asked["by"]]
                    found[of] = max(found.get(of, 0), sample.value)
        return found, eval(asked["limit"])

    def over(alert, of="support"):
        found, limit = read(alert)
        return found.get(of, 0) > limit

    over.house, over.read = h, read
    return over


def test_a_desk_that_is_not_compared_moves_the_figure_of_sweep_late(figure):
    h = figure.house
    assert not figure("BackstopSweepLate")
    h.now = h.now.replace(minute=11)
    assert figure("BackstopSweepLate")
    h.sweep()
    assert not figure("BackstopSweepLate")


def test_an_unsent_reminder_moves_the_figure_of_rungs_late(figure):
    h = figure.house
    h.writes_in(DISPUTE)
    assert not figure("BackstopRungsLate")
    h.now = h.now.replace(minute=45)  # and no worker runs
    assert figure("BackstopRungsLate")
    h.pass_once()
    assert not figure("BackstopRungsLate")


def test_a_hundred_unhandled_events_move_the_figure_of_unsettled(figure):
    h = figure.house
    for number in range(100):
        h.desk.customer_writes(ORDER, subject="s", email=f"c{number}@example.com", name="C")
    assert not figure("BackstopUnsettled")
    h.desk.customer_writes(ORDER, subject="s", email="one-more@example.com", name="C")
    assert figure("BackstopUnsettled")
    handle(h.app, h.rows(events)[0].key)
    assert not figure("BackstopUnsettled")


def test_an_urgent_ticket_moves_the_figure_of_urgent_open_until_somebody_takes_it(figure):
    h = figure.house
    h.writes_in(ORDER)
    assert not figure("BackstopUrgentOpen")
    case = h.writes_in(DISPUTE)
    assert figure("BackstopUrgentOpen")
    assert claim_by_person(h.app, "support", str(case.id), "ann@desk.example", "link", h.now).done
    assert not figure("BackstopUrgentOpen")


def test_a_customer_who_waits_moves_the_figure_of_unclaimed(figure):
    h = figure.house
    h.writes_in(DISPUTE)
    h.now = h.now.replace(hour=13)
    assert not figure("BackstopUnclaimed")
    h.now = h.now.replace(hour=14, minute=1)
    assert figure("BackstopUnclaimed")


def test_a_ticket_given_up_moves_the_figure_of_dead_letters_until_it_is_retried(figure):
    h = figure.house
    h.api.plan = lambda call: "status_before:422" if "/tickets/" in call.path else ""
    h.writes_in(DISPUTE)
    assert figure("BackstopDeadLetters")
    h.api.plan = lambda _call: ""
    with h.app.engine.begin() as conn:
        (dead,) = store.dead(conn)
    assert retry(h.app, dead.key)
    h.pass_once()
    assert not figure("BackstopDeadLetters")


def test_a_channel_that_refuses_moves_the_figure_of_notices_fail_and_of_no_other_channel(figure):
    h = figure.house
    h.writes_in(DISPUTE)
    assert not figure("BackstopNoticesFail", "webhook:urgent")

    def refuse(_dispatch, _now):
        raise Refused("HTTP 404: no such channel", status=404)

    h.urgent.send = refuse
    h.writes_in(DISPUTE, email="otto@example.com")
    assert figure("BackstopNoticesFail", "webhook:urgent")
    assert not figure("BackstopNoticesFail", "webhook:boss")


def test_a_webhook_that_cannot_be_stored_moves_the_figure_of_unstored(figure, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from core import queue

    h = figure.house
    assert not figure("BackstopUnstored")
    with monkeypatch.context() as broken:
        lost = OperationalError("INSERT", {}, Exception("disk full"))
        broken.setattr(queue, "report", lambda *_: (_ for _ in ()).throw(lost))
        h.desk.customer_writes(ORDER, subject="s", email="c@example.com", name="C")
    assert figure("BackstopUnstored")


def test_webhooks_without_proof_move_the_figure_of_forged(figure):
    h = figure.house
    for _ in range(10):
        requests.post(f"{h.receiver}/hooks/support", data=b"{}", timeout=5)
    assert not figure("BackstopForged")
    requests.post(f"{h.receiver}/hooks/support", data=b"{}", timeout=5)
    assert figure("BackstopForged")


def test_an_alarm_names_the_figure_that_it_is_computed_from():
    for name, rule in RULES.items():
        named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        by = set(
            re.findall(
                r"\w+",
                (
                    re.search(r"^\s*(?:histogram_quantile\(0\.95, )?(?:max|sum) by \(([^)]*)\)", rule["expr"])
                    or [""] * 2
                )[1],
            )
        )
        assert named <= by, name
