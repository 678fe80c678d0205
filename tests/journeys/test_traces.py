"""OpenTelemetry, where its library is installed: one trace shows the whole handling of a webhook."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import select
from words import DISPUTE

from connectors.sandbox.server import serving
from core.app import App
from core.engine import worker
from core.ledger.schema import events
from core.telemetry import traces

pytest.importorskip("opentelemetry.sdk")

SECRET = "my card number is 4111"


@pytest.fixture
def vendor():
    return "zendesk"


@pytest.fixture
def spans():
    """What is exported, while traces are on."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from core.telemetry.traces_sdk import Spans

    kept = InMemorySpanExporter()
    traces.use(Spans(SimpleSpanProcessor(kept), {}))
    yield kept
    traces.use(None)


def told(h, spans, case):
    """The worker takes up what the webhook stored, in the way the engine calls it; the finished spans by name."""
    with h.app.engine.begin() as conn:
        keys = list(conn.execute(select(events.c.key).where(events.c.state == "received")).scalars())
    worker._app = h.app
    try:
        for key in keys:
            worker.handle_event.__wrapped__(key)
    finally:
        worker._app = None
    return {one.name: one for one in spans.get_finished_spans()}


def up(spans, one):
    """A span, its parent, and so on."""
    by_id = {each.context.span_id: each for each in spans.get_finished_spans()}
    while one is not None:
        yield one
        one = by_id.get(one.parent.span_id) if one.parent else None


def test_one_trace_runs_from_the_webhook_through_the_workflow_to_the_calls_it_causes(house, spans):
    h = house()
    case = h.desk.customer_writes(
        f"{DISPUTE} {SECRET}", subject="Hello", email="carla@example.com", name="Carla"
    )
    traces.watched(h.urgent, traces.CHANNEL_CALLS)
    found = told(h, spans, case)
    chain = list(up(spans, found["support send"]))
    assert [one.name for one in chain] == ["support send", "handle", "stored", "POST /hooks/support"]
    assert len({one.context.trace_id for one in chain}) == 1
    assert {one.attributes["backstop.correlation"] for one in chain} == {f"support:{case.id}:created"}
    assert {"classify", "support fetch", "webhook:urgent send"} <= set(found)
    assert [one.name for one in found["support send"].events] == ["PUT /tickets/:id"]


def test_no_trace_bears_what_a_customer_wrote_or_who_they_are(house, spans):
    h = house()
    case = h.desk.customer_writes(
        f"{DISPUTE} {SECRET}", subject="Hello", email="carla@example.com", name="Carla"
    )
    told(h, spans, case)
    everything = "".join(one.to_json() for one in spans.get_finished_spans())
    assert "backstop" in everything
    for word in (SECRET, "carla@example.com", "Carla"):
        assert word not in everything


def test_a_failed_call_is_traced_by_the_errors_name_never_by_its_text(spans):
    with pytest.raises(ValueError, match=SECRET), traces.span("x"):
        raise ValueError(SECRET)
    (one,) = spans.get_finished_spans()
    assert (one.attributes["error.type"], one.status.description) == ("ValueError", "ValueError")
    assert SECRET not in one.to_json()


def test_a_story_that_the_sampler_drops_is_dropped_in_every_process(spans, monkeypatch):
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from core.telemetry.traces_sdk import Spans

    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    traces.use(Spans(SimpleSpanProcessor(spans), {}))
    for number in range(40):
        traces.stored(f"support:{number}:created")
        with traces.span("handle", story=f"support:{number}:created"):
            pass
    kept = {name: set() for name in ("stored", "handle")}
    for one in spans.get_finished_spans():
        kept[one.name].add(one.context.trace_id)
    assert kept["stored"] == kept["handle"]
    assert 5 < len(kept["stored"]) < 35


def test_spans_arrive_at_the_address_that_the_standard_variables_name(monkeypatch):
    from flask import Flask, request

    came = []
    collector = Flask("collector")
    collector.add_url_rule("/v1/traces", "t", lambda: came.append(request.get_data()) or "", methods=["POST"])
    with serving(collector) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "our-backstop")
        traces.set_up()
        try:
            traces.stored("support:1:created", desk="support")
            traces._spans.flush()
        finally:
            traces.use(None)
    assert len(came) == 1
    assert b"our-backstop" in came[0]
    assert b"support:1" not in came[0]


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
    ],
)
def test_traces_are_off_unless_the_standard_variables_ask_for_them(environ, asked):
    assert traces.wanted(environ) is asked


def test_a_desk_and_a_channel_are_left_as_they_are_while_no_traces_are_wanted(house):
    h = house()
    assert traces.DESK_CALLS.isdisjoint(vars(h.app.desks["support"]))
    assert isinstance(h.app, App)


PLAIN = """
import sys
from core.telemetry import logs
class Absent:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "opentelemetry":
            raise ImportError("nobody installed it", name="opentelemetry")
sys.meta_path.insert(0, Absent())
logs.set_up(json=True)
import webhook_app, core.engine.worker, structlog
structlog.get_logger().warning("still here")
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9"])
def test_without_the_library_nothing_of_it_is_imported_and_asking_for_traces_is_answered_with_the_remedy(
    endpoint,
):
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "still here" in done.stderr
    assert ("backstop[otel]" in done.stderr) is bool(endpoint)
