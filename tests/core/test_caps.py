"""Caps are exact across threads and processes, on SQLite and on Postgres."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select, update

from core.ledger import caps, db, store
from core.ledger.schema import meta, tickets, writes
from core.ledger.states import WriteState

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TEN = SimpleNamespace(per_address_per_hour=10, per_hour=None)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def limits(per_address=0, per_hour=0):
    return SimpleNamespace(per_address_per_hour=per_address, per_hour=per_hour)


def plan(engine, number, *, address="victim@mail.example", desk="support"):
    """Calls that are about to be made, each with one message."""
    rows = [
        {
            "key": f"{desk}-{address}-{n}",
            "desk": desk,
            "ticket_id": str(n),
            "what": "acknowledgment",
            "address": address,
            "state": "planned",
        }
        for n in range(number)
    ]
    with engine.begin() as conn:
        conn.execute(insert(writes), rows)
    return [row["key"] for row in rows]


def take(engine, key, allowed=TEN, now=NOW):
    with engine.begin() as conn:
        return caps.take(conn, store.write(conn, key), allowed, now)


def from_a_process(url, keys, start):
    engine = db.connect(url)
    start.wait()
    for key in keys:
        take(engine, key)
    engine.dispose()


def placed(engine):
    with engine.begin() as conn:
        return [row.key for row in conn.execute(select(writes).where(writes.c.reserved_at.is_not(None)))]


def test_ten_of_forty_threads_find_a_place(engine):
    keys = plan(engine, 40)
    with ThreadPoolExecutor(16) as pool:
        full = list(pool.map(lambda key: take(engine, key), keys))
    assert sum(one is None for one in full) == 10
    assert len(placed(engine)) == 10


def test_ten_messages_of_four_processes_find_a_place(engine, store_url):
    keys = plan(engine, 40)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    workers = [context.Process(target=from_a_process, args=(store_url, keys[n::4], start)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(placed(engine)) == 10


def test_the_cap_of_a_desk_is_exact_over_mailboxes_and_leaves_other_desks_alone(engine):
    mine = [plan(engine, 3, address=f"c{n}@x.example")[0] for n in range(20)]
    others = [plan(engine, 1, address=f"c{n}@x.example", desk="second")[0] for n in range(7)]
    with ThreadPoolExecutor(16) as pool:
        full = list(pool.map(lambda key: take(engine, key, limits(0, 7)), [*mine, *others]))
    assert [one is None for one in full[20:]] == [True] * 7
    assert sum(one is None for one in full[:20]) == 7
    assert all(one.brake for one in full if one is not None)


def test_a_place_is_kept_by_its_message_and_free_again_after_an_hour(engine):
    first, second = plan(engine, 2)
    assert take(engine, first, limits(1)) is None
    assert take(engine, first, limits(1), NOW + MINUTE) is None
    assert "this address" in take(engine, second, limits(1), NOW + HOUR).why
    assert take(engine, second, limits(1), NOW + HOUR + 2 * MINUTE) is None
    with engine.begin() as conn:
        store.set_write(conn, second, WriteState.SKIPPED)
    assert take(engine, first, limits(1), NOW + 2 * HOUR) is None, "what was not said gives its place back"


def test_places_that_a_wrong_clock_took_do_not_count(engine):
    first, second = plan(engine, 2)
    assert take(engine, first, limits(1), NOW + 700 * DAY) is None
    assert take(engine, second, limits(1)) is None


def busy(engine, days, per_hour):
    with engine.begin() as conn:
        for day in range(1, days + 1):
            at = NOW - day * DAY - HOUR
            conn.execute(
                insert(tickets),
                [
                    {
                        "desk": "support",
                        "ticket_id": f"{day}-{n}",
                        "first_seen_at": NOW - MINUTE,
                        "created_at": at,
                    }
                    for n in range(per_hour)
                ],
            )


@pytest.mark.parametrize(("days", "usual"), [(2, 0), (3, 40), (20, 40)])
def test_the_usual_volume_is_that_of_several_days(engine, days, usual):
    busy(engine, days, 40)
    with engine.begin() as conn:
        assert caps.usual(conn, "support", NOW) == usual
        assert caps.usual(conn, "second", NOW) == 0


def test_the_cap_follows_the_desks_own_volume_and_is_looked_up_once_a_day(engine, monkeypatch):
    monkeypatch.setattr(caps, "LEAST", 20)
    busy(engine, 5, 10)
    keys = [plan(engine, 1, address=f"c{n}@x.example")[0] for n in range(40)]
    allowed = limits(0, None)
    assert [take(engine, key, allowed) is None for key in keys] == [True] * 30 + [False] * 10
    with engine.begin() as conn:
        conn.execute(update(tickets).values(desk="moved"))
    assert take(engine, keys[-1], allowed).why.startswith("30 automatic messages")
    with engine.begin() as conn:
        (kept,) = conn.execute(select(meta.c.name)).scalars()
    assert kept == "volume:support"
    assert take(engine, keys[-1], allowed, NOW + 2 * DAY) is None
