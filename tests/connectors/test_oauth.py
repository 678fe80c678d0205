"""Tokens: minted once, kept, renewed by one at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connectors.kit.oauth import Bearer, life
from core.errors import TryLater
from core.ports import Token
from tests.connectors.conftest import Tokens

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Vendor:
    """Mints numbered tokens that are due after an hour."""

    def __init__(self) -> None:
        self.now, self.asked = NOON, []

    def mint(self, old: Token | None) -> Token:
        self.asked.append(old)
        return Token(f"t{len(self.asked)}", self.now + timedelta(hours=1), refresh=f"r{len(self.asked)}")

    def bearer(self, store: Tokens) -> Bearer:
        return Bearer("support", store, self.mint, lambda: self.now)


def test_a_token_is_minted_once_and_kept_for_every_process():
    vendor, store = Vendor(), Tokens()
    assert [vendor.bearer(store)() for _ in range(3)] == ["Bearer t1"] * 3
    assert len(vendor.asked) == 1


def test_a_token_that_is_due_is_renewed_with_the_old_one_in_hand():
    vendor, store = Vendor(), Tokens()
    bearer = vendor.bearer(store)
    bearer()
    vendor.now += timedelta(hours=2)
    assert bearer() == "Bearer t2"
    assert vendor.asked[1].refresh == "r1"


def test_a_refused_token_is_renewed_before_its_time():
    vendor = Vendor()
    bearer = vendor.bearer(Tokens())
    bearer()
    bearer.renew()
    assert bearer() == "Bearer t2"


def test_a_token_that_another_process_renewed_is_taken_from_the_store():
    vendor, store = Vendor(), Tokens()
    one, two = vendor.bearer(store), vendor.bearer(store)
    one()
    two()
    one.renew()
    two.renew()
    assert (one(), two(), len(vendor.asked)) == ("Bearer t2", "Bearer t2", 2)


def test_many_threads_whose_token_is_refused_mint_one_new_one():
    vendor, store = Vendor(), Tokens()
    bearer = vendor.bearer(store)
    start, renewed = threading.Barrier(8), threading.Barrier(8)

    def call() -> None:
        bearer()
        start.wait()  # all have used the old token
        bearer.renew()
        renewed.wait()
        bearer()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vendor.asked) == 2


def test_a_renewal_that_fails_leaves_the_kept_token_alone():
    vendor, store = Vendor(), Tokens()
    bearer = vendor.bearer(store)
    bearer()

    def down(_old: Token | None) -> Token:
        raise TryLater("down")

    failing = Bearer("support", store, down, lambda: vendor.now)
    failing()
    with pytest.raises(TryLater):
        failing.renew()
    assert store.load("support").access == "t1"


def test_a_token_is_due_at_four_fifths_of_its_life():
    assert life(1800, NOON) == NOON + timedelta(minutes=24)
