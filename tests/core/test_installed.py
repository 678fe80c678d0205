"""Installed objects are read from the ledger rarely, and again after an installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from core.ledger import db, store
from core.ledger.installed import Installed

pytestmark = pytest.mark.usefixtures("engine")


class Read:
    """Counts how often a manifest was read."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, manifest: Any) -> Mapping[str, str]:
        self.times += 1
        return {"webhook_secret": manifest.get("account:hook", {}).get("secret", "")}


def put(engine: Engine, secret: str) -> None:
    with engine.begin() as conn:
        store.put_desk(conn, "support", manifest={"account:hook": {"secret": secret}})


def test_is_read_once_in_some_seconds(engine: Engine) -> None:
    now, read = [0.0], Read()
    kept = Installed(engine, "support", read, lambda: now[0])
    assert kept() == {"webhook_secret": ""}  # a desk that nothing was installed in
    put(engine, "first")
    assert (kept(), read.times) == ({"webhook_secret": ""}, 1)
    now[0] = Installed.SECONDS
    assert (kept(), read.times) == ({"webhook_secret": "first"}, 2)
    put(engine, "second")
    kept.again()
    assert (kept(), read.times) == ({"webhook_secret": "second"}, 3)


def test_a_ledger_that_does_not_answer_takes_nothing_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(engine, "first")
    kept = Installed(engine, "support", Read())
    assert kept() == {"webhook_secret": "first"}

    def fails(_: Engine) -> None:
        raise OperationalError("SELECT", {}, Exception("down"))

    monkeypatch.setattr(db, "reading", fails)
    kept.again()
    assert kept() == {"webhook_secret": "first"}
