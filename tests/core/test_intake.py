"""Webhooks that come in together are stored together, and none fails for another's sake."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DataError, OperationalError

from core import intake
from core.ledger import turns
from core.model import EventKind, TicketEvent

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SOON = 20.0  # seconds within which threads end, on a busy machine too


def batch(app: object, number: int) -> intake.Batch:
    return intake.Batch(
        app, (TicketEvent("support", f"k{number}", EventKind.CREATED, str(number), NOW),), "webhook"
    )


def all_at_once(store, count=6):
    """The first is being stored while the others come; return what each got."""
    app, found, busy, go = object(), {}, threading.Event(), threading.Event()

    def slow(app, batches):
        if not busy.is_set():
            busy.set()
            assert go.wait(SOON)
        return store(app, batches)

    def webhook(n):
        try:
            found[n] = [event.ticket_id for event in intake.together(batch(app, n), slow)]
        except Exception as err:
            found[n] = err

    threads = [threading.Thread(target=webhook, args=(n,), daemon=True) for n in range(count)]
    threads[0].start()
    assert busy.wait(SOON)
    for one in threads[1:]:
        one.start()
    until = time.monotonic() + SOON
    while len(intake._waiting) < count - 1 and time.monotonic() < until:
        time.sleep(0.001)
    go.set()
    for one in threads:
        one.join(SOON)
    return found


def test_what_comes_in_meanwhile_shares_one_transaction():
    sizes = []

    def store(app, batches):
        sizes.append(len(batches))
        return [list(one.events) for one in batches]

    assert all_at_once(store) == {n: [str(n)] for n in range(6)}
    assert sizes == [1, 5]


def test_what_the_store_refuses_fails_alone():
    def store(app, batches):
        if any(one.events[0].ticket_id == "3" for one in batches):
            raise DataError("INSERT", {}, ValueError("not this one"))
        return [list(one.events) for one in batches]

    found = all_at_once(store)
    assert isinstance(found.pop(3), DataError)
    assert found == {n: [str(n)] for n in range(6) if n != 3}


def test_a_store_that_does_not_answer_is_asked_once_for_all():
    asked = []

    def store(app, batches):
        asked.append(len(batches))
        raise OperationalError("INSERT", {}, OSError("gone"))

    found = all_at_once(store)
    assert asked == [1, 5]
    assert all(isinstance(err, OperationalError) for err in found.values())


def test_the_stores_of_two_apps_are_not_mixed():
    mine, other = batch(object(), 1), batch(object(), 2)
    intake._waiting[:] = [other]
    seen = []

    def store(app, batches):
        seen.extend(batches)
        return [[] for _ in batches]

    intake.together(mine, store)
    assert seen == [mine]
    assert intake._waiting == [other]
    intake._waiting.clear()


@pytest.mark.parametrize("firsts", [1, 3])
def test_the_intake_goes_first_but_not_twice_in_succession(firsts):
    turn, order = turns.Turn(), []
    assert turn.take()

    def writer(name):
        if name.startswith("first"):
            with turns.first():
                assert turn.take(SOON)
        else:
            assert turn.take(SOON)
        order.append(name)
        turn.hand_on()

    threads = []
    for name in ["a", "b", *[f"first{n}" for n in range(firsts)]]:
        threads.append(threading.Thread(target=writer, args=(name,), daemon=True))
        threads[-1].start()
        until = time.monotonic() + SOON
        while len(turn._waiting) < len(threads) and time.monotonic() < until:
            time.sleep(0.001)
    turn.hand_on()
    for one in threads:
        one.join(SOON)
    assert order[:3] == ["first0", "a", "b"]
    assert sorted(order) == sorted(["a", "b", *[f"first{n}" for n in range(firsts)]])
