"""The id that ties together all log lines and spans of one event."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


def new_correlation() -> str:
    """Return an id for one story, to be stored with it and bound again in the worker."""
    return uuid.uuid4().hex[:16]


@contextmanager
def correlated(correlation: str = "", **facts: str) -> Iterator[str]:
    """Everything logged inside, by whatever module, bears this id and these facts (desk, ticket)."""
    name = correlation or structlog.contextvars.get_contextvars().get("correlation") or new_correlation()
    with structlog.contextvars.bound_contextvars(correlation=name, **facts):
        yield name


def correlation() -> str:
    """Return the id of the story we are in, "" outside of one."""
    return str(structlog.contextvars.get_contextvars().get("correlation", ""))
