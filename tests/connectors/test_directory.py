"""Lists of an account that stay usable while the account does not answer."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from connectors.kit.directory import KEPT_ADDRESSES, Lists, addresses_in
from core.errors import TryLater

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


class Account:
    """An account that lists its mailboxes, or says "try later"."""

    def __init__(self) -> None:
        self.now, self.answers, self.asked = NOW, True, 0
        self.lists = Lists(lambda: self.now)

    def addresses(self) -> frozenset[str]:
        return addresses_in(self.lists, self._ask)

    def _ask(self) -> dict[str, list[str]]:
        self.asked += 1
        if not self.answers:
            raise TryLater("503")
        return {"1": ["Help", "help@shop.example"]}


def test_the_addresses_listed_last_are_used_while_the_account_does_not_answer(caplog):
    account = Account()
    assert account.addresses() == {"help@shop.example"}
    account.now, account.answers = NOW + KEPT_ADDRESSES + timedelta(minutes=1), False
    with caplog.at_level(logging.WARNING):
        assert account.addresses() == {"help@shop.example"}
    assert "own addresses could not be listed" in caplog.text


def test_none_are_used_where_none_were_ever_listed_and_the_account_is_asked_again():
    account = Account()
    account.answers = False
    assert account.addresses() == frozenset()
    account.answers = True
    assert account.addresses() == {"help@shop.example"}
    assert account.asked == 2


def test_other_lists_say_that_they_could_not_be_read():
    account = Account()
    account.answers = False
    with pytest.raises(TryLater):
        account.lists.get("groups", account._ask)
