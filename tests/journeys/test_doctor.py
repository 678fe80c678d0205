"""`doctor` finds what is broken and names the remedy without notifying anyone: every code of ours is provoked once."""

from __future__ import annotations

import copy
from datetime import timedelta
from types import SimpleNamespace

import pytest
from account import without_hooks
from sqlalchemy import update

from connectors.sandbox.server import serving
from core import queue
from core.admin import doctor
from core.classify.build import trained_path
from core.ledger import store
from core.ledger.schema import desks, events
from core.model import EventKind, Finding, TicketEvent
from core.settings import IntentSettings
from webhook_app import create_app

ONE = pytest.mark.parametrize("vendor", ["freshdesk"])
"""For what is the same at every desk."""


def codes(app, only=None):
    return {(one.code, one.level) for one in doctor.examine(app, only)}


def found(app, code):
    return [one for one in doctor.examine(app) if one.code == code]


@pytest.fixture
def near(house, vendor):
    """The receiver runs at `public_url`."""
    h = without_hooks(house(), vendor)
    h.app.settings.public_url = h.receiver
    return h


def test_a_genuine_test_event_goes_through_the_real_receiver_and_leaves_no_trace(near):
    assert [one.level for one in found(near.app, "RC00")] == ["ok"]
    assert near.rows(events) == []


@ONE
def test_a_receiver_that_is_not_running_is_named_with_the_remedy(near):
    near.app.settings.public_url = "http://127.0.0.1:9"
    near.app.settings.web.port = 9
    (one,) = found(near.app, "RC01")
    assert (one.level, "backstop serve" in one.remedy) == ("fail", True)


@ONE
def test_a_receiver_reached_only_from_inside_is_a_warning(near):
    near.app.settings.public_url = "http://127.0.0.1:9"
    near.app.settings.web.port = int(near.receiver.rpartition(":")[2])
    assert {("RC02", "warn"), ("RC00", "ok")} <= codes(near.app)


@ONE
def test_an_address_that_cannot_be_seen_from_here_is_a_warning_when_webhooks_come_in(near):
    near.app.settings.public_url = "http://127.0.0.1:9"
    near.app.settings.web.port = 9
    with near.app.engine.begin() as conn:
        store.put_desk(conn, "support", hook_heard_at=near.now - timedelta(hours=3))
    assert ("RC02", "warn") in codes(near.app)
    assert not found(near.app, "RC01")
    with near.app.engine.begin() as conn:
        store.put_desk(conn, "support", hook_heard_at=near.now - timedelta(days=3))
    assert ("RC01", "fail") in codes(near.app)


@ONE
def test_a_receiver_that_does_not_know_the_desk_is_noticed(near):
    with serving(create_app(wiring_of(near, "other"), console=False)) as other:
        near.app.settings.public_url = other
        assert ("RC03", "fail") in codes(near.app)


def wiring_of(near, name):
    app = copy.copy(near.app)
    app.desks = {name: near.app.desks["support"]}
    return app


@ONE
def test_something_else_at_our_address_is_noticed(near):
    from flask import Flask

    stranger = Flask("stranger")
    stranger.add_url_rule("/healthz", view_func=lambda: {"ok": True})
    stranger.add_url_rule("/hooks/support", "hook", lambda: {"thanks": True}, methods=["POST"])
    with serving(stranger) as url:
        near.app.settings.public_url = url
        assert ("RC04", "fail") in codes(near.app)


def test_a_receiver_with_an_older_secret_is_noticed(near):
    from pydantic import SecretStr

    near.app.desk_settings["support"] = near.app.desk_settings["support"].model_copy(
        update={"webhook_secret": [SecretStr("changed since the receiver was started")]}
    )
    assert ("RC05", "fail") in codes(near.app)


@ONE
def test_a_clock_that_is_off_is_noticed(near):
    from core.app import wall

    near.now = wall()
    assert ("CK01", "ok") in codes(near.app)
    near.now = wall() + timedelta(minutes=2)
    assert ("CK01", "warn") in codes(near.app)
    near.now = wall() - timedelta(minutes=6)
    assert ("CK01", "fail") in codes(near.app)


@ONE
def test_a_desk_that_does_not_answer_is_named_and_the_rest_is_still_looked_at(near):
    near.app.desk_settings["support"] = near.app.desk_settings["support"].model_copy(
        update={"base_url": "http://127.0.0.1:9"}
    )
    seen = codes(near.app)
    assert {("CK02", "fail"), ("DB01", "ok"), ("CL01", "ok")} <= seen


@ONE
def test_a_template_that_cannot_be_rendered_is_named_with_its_language(near):
    (near.home / "templates" / "order_status.de.txt").write_text("Hallo {{ vorname }}")
    (one,) = found(near.app, "TP01")
    assert one.level == "fail"
    assert "in de" in one.what
    assert "order_status.de.txt" in one.remedy


@ONE
def test_an_empty_template_is_named(near):
    (near.home / "templates" / "order_status.txt").write_text("\n")
    assert ("TP02", "fail") in codes(near.app)


def test_a_queue_that_the_desk_does_not_have_is_named(near):
    from dataclasses import replace

    rules = near.app.rules["support"]
    near.app.rules["support"] = replace(rules, general_queue="Nowhere")
    assert any(one.level == "fail" and "Nowhere" in one.what for one in doctor.examine(near.app))


@ONE
def test_what_the_ledger_knows_of_a_desk_is_a_finding(near):
    long_ago = near.now - timedelta(hours=3)
    with near.app.engine.begin() as conn:
        store.put_desk(conn, "support", paused_at=near.now, trouble="HTTP 500", swept_at=long_ago)
        assert conn.execute(update(desks).values(paused_by="ann")).rowcount == 1
    assert {("DK01", "warn"), ("DK02", "fail"), ("DK03", "fail")} <= codes(near.app)


def test_dead_letters_are_a_finding(near):
    near.api.plan = lambda call: "status_before:422" if "token" not in call.path else ""
    fact = TicketEvent("support", "support:4711:created", EventKind.CREATED, "4711", near.now)
    queue.report(near.app, [fact], "manual")
    near.settle()
    near.api.plan = lambda _call: ""
    assert ("DB02", "warn") in codes(near.app)


@ONE
def test_an_outside_classifier_that_does_not_answer_or_was_never_measured_is_noticed(near):
    from core.classify.remote import HttpClassifier, Transport, with_fallback

    near.app.settings.classifier.kind = "http"
    outside = HttpClassifier(Transport("http://127.0.0.1:9", 1.0, {}))
    near.app.classifier = with_fallback(outside, near.app.classifier)
    assert {("CL03", "fail"), ("CL05", "warn")} <= codes(near.app)


@ONE
def test_a_trained_model_that_fits_no_more_is_noticed(near):
    path = trained_path(near.app.settings)
    path.write_bytes(b"of another version")
    try:
        assert ("CL04", "warn") in codes(near.app)
    finally:
        path.unlink()


@ONE
def test_one_desk_alone_can_be_looked_at(near):
    assert not any(
        one.code.startswith(("CF", "DB", "CL", "TP", "RT")) for one in doctor.examine(near.app, "support")
    )


def test_a_line_holds_code_level_what_and_remedy():
    assert doctor.line(Finding("XX01", "fail", "it\nbroke", "mend it")) == "XX01 fail it broke: mend it"
    assert doctor.line(Finding("XX01", "ok", "it works", "nothing")) == "XX01 ok it works"


@ONE
def test_what_is_allowed_but_unwise_is_a_finding_unless_it_was_measured(near):
    from core.ledger import db
    from core.ledger.schema import meta

    near.app.settings.bands.auto = 0.7
    assert ("CF01", "warn") in codes(near.app)
    proof = {"overall": {"intent": "all intents", "threshold": 0.68}}
    with near.app.engine.begin() as conn:
        db.put(conn, meta, ["name"], {"name": "thresholds", "value": proof})
    assert ("CF01", "warn") not in codes(near.app)


@ONE
def test_a_demoted_intent_is_a_finding_with_the_remedy(near):
    from core.ledger import db
    from core.ledger.schema import meta

    kept = {"order_status": {"at": near.now.isoformat(), "why": "3 of 9 were right"}}
    with near.app.engine.begin() as conn:
        db.put(conn, meta, ["name"], {"name": "demoted", "value": kept})
    (one,) = found(near.app, "CF10")
    assert "--promote order_status" in one.remedy


@ONE
def test_a_schema_of_another_version_is_noticed(near):
    with near.app.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE bs_version SET version_num = 'older'")
    assert ("DB01", "fail") in codes(near.app)


@ONE
def test_a_model_that_loads_slowly_is_no_alarm(near, monkeypatch):
    """The first prediction loads the model, so its time does not count."""
    seconds, asked = [0.0], []
    predict = near.app.classifier.predict

    def slow_at_first(text):
        seconds[0] += 0.01 if asked else 30.0
        asked.append(text)
        return predict(text)

    monkeypatch.setattr(
        near.app, "classifier", SimpleNamespace(predict=slow_at_first, model=near.app.classifier.model)
    )
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: seconds[0])
    assert ("CL01", "ok") in codes(near.app)
    assert ("CL07", "ok") in codes(near.app)  # words alone
    assert not found(near.app, "CL02")


@ONE
def test_a_starter_intent_that_steps_back_is_named_with_the_way_to_keep_it(near):
    examples = ["where is my parcel", "my order has not arrived yet", "when will my order be delivered"]
    del near.app.settings.intents["order_status"]
    near.app.settings.intents["parcels"] = IntentSettings(examples=examples)
    (one,) = found(near.app, "CL06")
    assert one.level == "ok"
    assert "order_status is replaced by your parcels" in one.what
    assert "[intents.order_status]" in one.what


@ONE
def test_a_slow_classifier_is_noticed(near, monkeypatch):
    ticks = iter(range(0, 100, 3))
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: next(ticks))
    assert ("CL02", "warn") in codes(near.app)


@ONE
def test_without_a_public_address_the_desk_part_says_what_is_missing(near):
    near.app.settings.public_url = ""
    seen = doctor.examine(near.app)
    assert any(one.code == "DR01" and "public_url is missing" in one.what for one in seen)
    assert ("CF09", "warn") in codes(near.app)


def test_a_desk_that_keeps_its_own_automatic_reply_gets_none_from_us(house, vendor):
    h = house(desk={"acknowledge": False})
    case = h.writes_in("purple seventeen umbrella the quick moon")
    assert h.ticket(case).state == "escalated"
    assert h.bot_says(case, public=True) == []
    assert "ai_acknowledged" not in h.seen(case).tags
    if vendor == "zendesk":  # whose own triggers can be seen
        assert ("ZD50", "warn") not in codes(h.app, "support")
        h.app.desk_settings["support"] = h.app.desk_settings["support"].model_copy(
            update={"acknowledge": True}
        )
        assert ("ZD50", "warn") in codes(h.app, "support")
