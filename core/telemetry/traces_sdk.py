"""The part of `core.telemetry.traces` that needs OpenTelemetry's library (the extra `otel`); imported only when traces are wanted.

A trace's id is worked out from the key of the fact, as is the id of the span under which the fact was stored: so the
web process, the worker that takes it up and one that takes it over find the same trace without handing anything on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from core.telemetry.correlation import correlation

KINDS = {kind.name.lower(): kind for kind in SpanKind}

_story: ContextVar[str] = ContextVar("story", default="")  # the fact whose root span is being made


def trace_of(key: str) -> int:
    """Return the id of a fact's trace: the same in every process."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big") or 1


def span_of(key: str) -> int:
    """Return the id of the span under which the fact was stored."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[16:24], "big") or 1


class _Ids(RandomIdGenerator):  # type: ignore[misc,unused-ignore]  # an optional library
    """Random ids, except for a trace that tells a story."""

    def generate_trace_id(self) -> int:
        """Return the story's trace, where we are in one."""
        key = _story.get() or correlation()
        return trace_of(key) if key else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the story's first span, where it is being made."""
        key = _story.get()
        return span_of(key) if key else super().generate_span_id()


class Spans:
    """Where spans are opened."""

    def __init__(self, processor: SpanProcessor, environ: Mapping[str, str]) -> None:
        named = "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        own = {} if named else {SERVICE_NAME: environ.get("OTEL_SERVICE_NAME", "") or "backstop"}
        self._provider = TracerProvider(resource=Resource.create(own), id_generator=_Ids())
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("backstop")

    def trace_id(self) -> str:
        """Return the id of the trace we are in, "" outside of one."""
        here = trace.get_current_span().get_span_context()
        return format(here.trace_id, "032x") if here.is_valid else ""

    @contextmanager
    def span(
        self, name: str, kind: str, story: str, begun: int | None, facts: Mapping[str, str]
    ) -> Iterator[None]:
        """One span around what happens inside. Of an error only the class is recorded: its text may be a customer's."""
        with self._tracer.start_as_current_span(
            name,
            context=self._parent(story),
            kind=KINDS[kind],
            attributes=_attributes(facts),
            start_time=begun,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as err:
                span.set_status(Status(StatusCode.ERROR, type(err).__name__))
                span.set_attribute("error.type", type(err).__name__)
                raise

    def stored(self, key: str, facts: Mapping[str, str]) -> None:
        """The root of a story, within the request that told it, if it is that story's."""
        here = trace.get_current_span().get_span_context()
        context = None if here.is_valid and here.trace_id == trace_of(key) else Context()
        token = _story.set(key)
        try:
            self._tracer.start_span("stored", context=context, attributes=_attributes(facts)).end()
        finally:
            _story.reset(token)

    def event(self, name: str, facts: Mapping[str, str]) -> None:
        """Something that happened within the span that is open."""
        trace.get_current_span().add_event(name, _attributes(facts))

    def flush(self) -> None:
        """Send what is gathered."""
        self._provider.force_flush()

    def _parent(self, story: str) -> Context | None:
        if not story or trace.get_current_span().get_span_context().is_valid:
            return None
        number = trace_of(story)
        # asked of the sampler, so that all parts of one story are kept, or none
        decision = self._provider.sampler.should_sample(None, number, "stored").decision
        kept = decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if kept else TraceFlags.DEFAULT)
        root = SpanContext(number, span_of(story), is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(root), Context())


def _attributes(facts: Mapping[str, str]) -> dict[str, str]:
    """Return our attributes under our prefix, with the correlation id of the logs."""
    given = {**facts, "correlation": correlation()}
    return {f"backstop.{name}": value for name, value in given.items() if value}


def exporting(environ: Mapping[str, str]) -> Spans:
    """Spans that go where the standard variables say: OTLP over HTTP, or to standard output to try it."""
    return Spans(BatchSpanProcessor(_exporter(environ)), environ)


def _exporter(environ: Mapping[str, str]) -> SpanExporter:
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
