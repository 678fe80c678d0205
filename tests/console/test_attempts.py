"""Tries are counted exactly, however many threads of however many processes try at once, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.ledger import db
from core.ledger.schema import attempts as table
from core.web import attempts

NOW = datetime(2026, 3, 11, 14, 20, tzinfo=UTC)


@pytest.fixture
def url(store_kind, stores, tmp_path):
    with stores.fresh(store_kind, tmp_path) as found:
        yield found


@pytest.fixture
def engine(url):
    made = db.connect(url)
    yield made
    made.dispose()


def test_of_forty_at_once_five_succeed(engine, url):
    other = db.connect(url)  # as another process would
    with ThreadPoolExecutor(8) as pool:
        both = [engine, other] * 20
        taken = list(pool.map(lambda one: attempts.take(one, {"a": 5, "b": 100}, NOW), both))
    other.dispose()
    assert sum(taken) == 5
    with db.reading(engine) as connection:
        assert sorted(connection.scalars(select(table.c.number))) == [5, 5]  # a refused try counts nowhere


def test_crosswise_takers_do_not_wait_for_each_other(engine):
    with ThreadPoolExecutor(8) as pool:
        orders = [{"a": 100, "b": 100}, {"b": 100, "a": 100}] * 15
        assert all(pool.map(lambda one: attempts.take(engine, one, NOW), orders))


def test_a_quarter_of_an_hour_after_the_first_try_all_are_free_again(engine):
    for _ in range(3):
        assert attempts.take(engine, {"a": 3}, NOW)
    assert not attempts.take(engine, {"a": 3}, NOW + timedelta(minutes=14, seconds=59))
    later = NOW + attempts.WITHIN
    assert [attempts.take(engine, {"a": 3}, later) for _ in range(4)] == [True, True, True, False]


def test_what_is_given_back_or_cleared_does_not_count(engine):
    assert attempts.take(engine, {"a": 1}, NOW)
    attempts.give_back(engine, "a")
    assert attempts.take(engine, {"a": 1}, NOW)
    attempts.clear(engine, ["a", "b"])
    assert attempts.take(engine, {"a": 1}, NOW)
    attempts.give_back(engine, "never tried")


def test_nothing_that_was_typed_is_kept(engine):
    attempts.take(engine, {"login typed my secret password": 5}, NOW)
    with db.reading(engine) as connection:
        assert "secret" not in str(connection.execute(select(table)).all())
