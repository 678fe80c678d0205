"""What the metrics promise to those who build alarms on them."""

from __future__ import annotations

import json
import logging
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, select

from core.ledger.db import connect, migrate
from core.ledger.schema import counts, desks, events, tickets, writes
from core.telemetry import correlation, gauges, logs
from core.telemetry.counters import Counters, fold_gone, keep_pruned

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def read(text: bytes) -> dict[tuple[str, frozenset], float]:
    families = text_string_to_metric_families(text.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(text: bytes, name: str, **labels: str) -> float | None:
    return read(text).get((name, frozenset(labels.items())))


def fact(key: str, outcome: str, state: str = "settled", at: datetime = NOW) -> dict:
    return {
        "key": key,
        "desk": "support",
        "outcome": outcome,
        "state": state,
        "received_at": at,
        "settled_at": at,
    }


def test_every_name_of_the_contract_is_there_with_its_labels(engine):
    with engine.begin() as db:
        db.execute(insert(desks), [{"desk": "support", "swept_at": NOW - timedelta(seconds=40)}])
        db.execute(insert(events), [fact("a", "routed"), fact("b", "dead_letter", "dead")])
        db.execute(
            insert(writes),
            [{"key": "a:ack", "desk": "support", "what": "acknowledgment", "state": "done", "done_at": NOW}],
        )
        db.execute(
            insert(tickets),
            [
                {
                    "desk": "support",
                    "ticket_id": "1",
                    "state": "escalated",
                    "priority": "high",
                    "waiting_since": NOW - timedelta(minutes=9),
                }
            ],
        )
    counters = Counters(engine, lambda: NOW)
    counters.webhook("support", "accepted")
    counters.vendor_call("support", "fetch", "ok")
    counters.notice("slack:urgent", "delivered")
    counters.classified(0.004)
    counters.settled("support", "routed", 3)
    text = counters.render(engine, NOW)
    assert value(text, "backstop_webhooks_total", desk="support", result="accepted") == 1
    assert value(text, "backstop_tickets_total", desk="support", outcome="routed") == 1
    assert value(text, "backstop_acknowledgments_total", desk="support") == 1
    assert value(text, "backstop_notices_total", channel="slack:urgent", state="delivered") == 1
    assert value(text, "backstop_vendor_calls_total", desk="support", operation="fetch", outcome="ok") == 1
    assert value(text, "backstop_open_escalations", desk="support", priority="high") == 1
    assert value(text, "backstop_open_escalations", desk="support", priority="urgent") == 0
    assert value(text, "backstop_oldest_unclaimed_seconds", desk="support") == 540
    assert value(text, "backstop_sweep_lag_seconds", desk="support") == 40
    assert value(text, "backstop_dead_letters", desk="support") == 1
    assert value(text, "backstop_settle_seconds_bucket", desk="support", le="2.5") == 0
    assert value(text, "backstop_settle_seconds_bucket", desk="support", le="5.0") == 1
    assert value(text, "backstop_settle_seconds_sum", desk="support") == 3
    assert value(text, "backstop_classify_seconds_count") == 1
    counters.close()


def test_all_processes_add_to_one_sum(engine):
    parent = Counters(engine, lambda: NOW)
    parent.webhook("support", "accepted")
    parent.close()
    parent.webhook("support", "ignored")  # not stored yet: the child must not store it once more
    pid = os.fork()
    if pid == 0:  # the child of a pre-forking server: the parent's object, rows of its own
        parent.webhook("support", "accepted")
        parent.webhook("support", "unauthorised")
        parent.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    text = parent.render(engine, NOW)
    assert value(text, "backstop_webhooks_total", desk="support", result="accepted") == 2
    assert value(text, "backstop_webhooks_total", desk="support", result="unauthorised") == 1
    assert value(text, "backstop_webhooks_total", desk="support", result="ignored") == 1
    with engine.connect() as db:
        assert len(set(db.scalars(select(counts.c.process)))) == 2
    parent.close()


def test_a_counter_does_not_fall_when_old_rows_are_pruned(engine):
    with engine.begin() as db:
        db.execute(
            insert(events), [fact("old", "routed", at=NOW - timedelta(days=500)), fact("new", "routed")]
        )
    counters = Counters(engine, lambda: NOW)
    assert (
        value(counters.render(engine, NOW), "backstop_tickets_total", desk="support", outcome="routed") == 2
    )
    with engine.begin() as db:
        keep_pruned(db, NOW - timedelta(days=400))
        db.execute(events.delete().where(events.c.key == "old"))
    assert (
        value(counters.render(engine, NOW), "backstop_tickets_total", desk="support", outcome="routed") == 2
    )
    counters.close()


def test_rows_of_processes_long_gone_are_folded_without_losing_a_count(engine):
    for _ in range(3):
        one = Counters(engine, lambda: NOW - timedelta(days=3))
        one.webhook("support", "accepted")
        one.close()
    with engine.begin() as db:
        fold_gone(db, "", NOW)
        assert db.execute(select(counts.c.process, counts.c.value)).all() == [("", 3.0)]


def test_what_could_not_be_stored_is_kept_for_the_next_time(engine):
    counters = Counters(engine, lambda: NOW)
    with engine.begin() as db:
        counts.drop(db)
    counters.webhook("support", "accepted")
    counters.flush()
    with engine.begin() as db:
        counts.create(db)
    text = counters.render(engine, NOW)
    assert value(text, "backstop_webhooks_total", desk="support", result="accepted") == 1
    counters.close()


@pytest.fixture
def restored_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("restored_logging")
def test_logs_bear_one_correlation_id_and_neither_words_nor_secrets(capsys):
    logs.set_up(json=True)
    with correlation.correlated(desk="support") as name:
        structlog.get_logger("a").info(
            "decided", ticket="1", text="my card is 4111", facts={"api_key": "k-1"}
        )
        try:
            secret = "hunter2" + "-local"
            int("broken " + secret[:0])
        except ValueError:
            logging.getLogger("b").exception("oh")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["correlation"] for line in lines] == [name, name]
    assert lines[0]["ticket"] == "1"
    assert lines[0]["text"] == lines[0]["facts"]["api_key"] == "(withheld)"
    assert "4111" not in str(lines)
    assert "hunter2" not in str(lines)
    assert correlation.correlation() == ""


def test_the_page_on_metrics_names_each_of_them_with_its_labels_and_no_other(engine):
    page = Path("docs/metrics.md").read_text("utf-8")
    told = {
        name: {label.strip() for label in labels.split(",") if label.strip(" –")}
        for name, labels in re.findall(r"^\| `(backstop_\w+)` \| ([^|]*) \|", page, re.MULTILINE)
    }
    with engine.connect() as db:
        real = {
            f.name + ("_total" if f.type == "counter" else "") for f in gauges.Families(db, {}, NOW).collect()
        }
    assert set(told) == real
    for name, (_, labels) in gauges.COUNTERS.items():
        assert told[f"backstop_{name}_total"] == set(labels)


def test_a_store_that_fails_is_logged_once_until_it_works_again(tmp_path, caplog):
    away = connect(f"sqlite:///{tmp_path}/absent/backstop.db")
    counters = Counters(away, lambda: NOW)
    counters.webhook("support", "accepted")
    counters.flush()
    counters.flush()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    (tmp_path / "absent").mkdir()
    migrate(away)
    counters.flush()
    assert (
        value(counters.render(away, NOW), "backstop_webhooks_total", desk="support", result="accepted") == 1
    )
    counters.close()
