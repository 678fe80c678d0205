"""Structured logs: one line per happening, one correlation id from webhook to vendor call, no words, no secrets."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from core.errors import said_of
from core.telemetry import traces

WITHHELD = frozenset(
    [
        "text",
        "html",
        "body",
        "words",
        "message",
        "messages",
        "subject",
        "customer_email",
        "email",
        "address",
        "password",
        "token",
        "secret",
        "authorization",
        "api_key",
        "client_secret",
        "auth_token",
        "webhook_secret",
        "webhook_url",
        "access",
        "refresh",
        "cookie",
    ]
)
"""Keys whose values never reach a log: customers' words and addresses, and whatever opens a door."""

_NOISY = ("dbos", "werkzeug", "urllib3", "alembic", "matplotlib")

Event = MutableMapping[str, Any]


def withhold(_logger: Any, _method: str, event: Event) -> Event:
    """Replace what must not be logged; the key stays, so that one sees that something was there."""
    for key, value in event.items():
        if key.lower() in WITHHELD and value:
            event[key] = "(withheld)"
        elif isinstance(value, dict):
            event[key] = withhold(None, "", dict(value))
    return event


def _trace(_logger: Any, _method: str, event: Event) -> Event:
    """Return the OpenTelemetry trace, where one is open."""
    if found := traces.trace_id():
        event["trace_id"] = found
    return event


def traced(err: BaseException) -> str:
    """Return where an exception came from, the cause first, without what it repeats: see `core.errors.said_of`."""
    lines: list[str] = []
    link: BaseException | None = err
    while link is not None:
        name, said = type(link).__name__, said_of(link)
        last = said if said.startswith(name) else f"{name}: {said}"
        lines[:0] = [*traceback.format_tb(link.__traceback__), last + "\n"]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "".join(lines)


def _traced(exc_info: Any) -> str:
    return traced(exc_info[1])


def _print_traced(out: TextIO, exc_info: Any) -> None:
    out.write("\n" + _traced(exc_info))


def set_up(*, json: bool | None = None, level: str = "INFO") -> None:
    """Send structlog's and the standard library's records to standard error: JSON, or colours on a terminal. Spans go
    where OpenTelemetry's variables say."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        withhold,
        _trace,
    ]
    last: list[Any] = (
        [structlog.processors.ExceptionRenderer(_traced), structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=_print_traced)]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared[:3], structlog.stdlib.ExtraAdder(), *shared[3:]],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    traces.set_up()
