"""Webhooks that come in while another is being stored share the next transaction, and with it one commit.

Each is answered only after the commit that holds it. A batch that the store refuses for what stands in it is stored one
by one, so that no webhook fails for another's sake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.app import App
from core.ledger import db, turns
from core.model import TicketEvent

MOST = 64  # webhooks in one transaction: the other writers wait for its end


@dataclass(eq=False)
class Batch:
    """The events of one webhook, and what became of them: `fresh` were new; `error` says why they could not be stored."""

    app: App
    events: tuple[TicketEvent, ...]
    source: str
    fresh: list[TicketEvent] | None = None
    error: BaseException | None = None


Store = Callable[[App, Sequence[Batch]], list[list[TicketEvent]]]

_waiting: list[Batch] = []
_guard = threading.Lock()
_turn = threading.Lock()  # held by the thread that stores what waits, its own and the others'


def together(mine: Batch, store: Store) -> list[TicketEvent]:
    """Store `mine` with what else waits; return the new events. Raises what the store raised."""
    with _guard:
        _waiting.append(mine)
    with _turn:
        if mine.fresh is None and mine.error is None:
            _carry_out(_taken(mine), store)
    if mine.error is not None:
        raise mine.error
    return mine.fresh or []


def _taken(mine: Batch) -> list[Batch]:
    """Take `mine` and what else waits for the same store off the list."""
    with _guard:
        others = [one for one in _waiting if one.app is mine.app and one is not mine]
        taken = [mine, *others[: MOST - 1]]
        _waiting[:] = [one for one in _waiting if one not in taken]
    return taken


def _carry_out(batches: list[Batch], store: Store) -> None:
    try:
        with turns.first():
            stored = store(batches[0].app, batches)
    except db.UNSTORABLE as err:
        if len(batches) == 1:
            batches[0].error = err
        else:
            for one in batches:
                _carry_out([one], store)
    except BaseException as err:
        for one in batches:
            one.error = err
        if not isinstance(err, Exception):
            raise
    else:
        for one, fresh in zip(batches, stored, strict=True):
            one.fresh = fresh
