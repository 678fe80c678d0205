"""OpenTelemetry traces: one trace runs from a webhook through its workflow to the calls that it causes.

Off, and nothing of that library imported, unless its own variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER)
say where spans go. Spans name operations, desks and tickets; what customers wrote, addresses and URLs are in none.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from core.model import OutboundMessage, Ticket, created_key

if TYPE_CHECKING:
    from core.telemetry.traces_sdk import Spans

log = logging.getLogger(__name__)

WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DESK_CALLS = frozenset(["fetch", "mail_headers", "send", "landed", "changed_since", "unclaimed"])
BY_ID = frozenset(["fetch", "landed"])
CHANNEL_CALLS = frozenset(["send", "answer"])
REMEDY = (
    'pip install "backstop[otel]", or from a checkout: '
    "pip install --no-deps --require-hashes -r requirements/otel.lock"
)

Port = TypeVar("Port")

_spans: Spans | None = None


def wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the standard variables ask for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter != "none" if exporter else any(environ.get(name, "").strip() for name in WHERE)


def set_up(environ: Mapping[str, str] = os.environ) -> None:
    """Send spans where the variables say; without them, or without the library, do without."""
    if not wanted(environ):
        return
    try:
        from core.telemetry.traces_sdk import exporting
    except ImportError as err:
        log.warning("traces are requested by the environment, but %s is not installed. %s", err.name, REMEDY)
        return
    use(exporting(environ))


def use(spans: Spans | None) -> None:
    """Open spans here from now on; None ends it."""
    global _spans  # noqa: PLW0603 - one per process, as the library has it
    _spans = spans


def trace_id() -> str:
    """Return the id of the trace we are in, "" outside of one."""
    return _spans.trace_id() if _spans else ""


@contextmanager
def span(
    name: str, *, kind: str = "internal", story: str = "", begun: int | None = None, **facts: str
) -> Iterator[None]:
    """What happens inside is one span. `story`: the key of the event that it belongs to; `begun`: nanoseconds."""
    if _spans is None:
        yield
        return
    with _spans.span(name, kind, story, begun, facts):
        yield


def stored(key: str, **facts: str) -> None:
    """A fact was stored: the span under which its workflow will stand, in whatever process."""
    if _spans is not None:
        _spans.stored(key, facts)


def event(name: str, **facts: str) -> None:
    """Something that happened within the span that is open."""
    if _spans is not None:
        _spans.event(name, facts)


def watched(inner: Port, calls: frozenset[str]) -> Port:
    """Return the same desk or channel, each of whose calls is a span from now on; untouched while no traces are
    wanted."""
    for name in calls if _spans else ():
        if call := getattr(inner, name, None):
            setattr(inner, name, _within(str(getattr(inner, "name", "")), name, call))
    return inner


def _within(owner: str, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def inside(*given: Any, **more: Any) -> Any:
        facts, story = _about(owner, name, given[0] if given else None)
        with span(f"{owner} {name}", kind="client", story=story, begun=None, **facts):
            return call(*given, **more)

    return inside


def _about(owner: str, name: str, first: Any) -> tuple[dict[str, str], str]:
    """Return which ticket a call is about, and whose story it belongs to where it comes long after."""
    if isinstance(first, OutboundMessage):
        facts = {"channel": owner, "desk": first.desk, "ticket": first.ticket_id}
        return facts, created_key(first.desk, first.ticket_id) if first.ticket_id else ""
    if isinstance(first, Ticket):
        return {"desk": owner, "ticket": first.id}, ""
    return {"desk": owner} | ({"ticket": first} if name in BY_ID and isinstance(first, str) else {}), ""
