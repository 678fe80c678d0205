"""Where the automatic band begins follows the share of messages of no intent, as the desk's own tickets show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert

from core.classify import build
from core.classify.linear import LinearClassifier
from core.classify.multilingual import FEWEST, Multilingual
from core.classify.newest import AGAIN, MOST, hourly, newest
from core.classify.share import BEGINNING, MARGIN, SHARES, UNKNOWN, expected
from core.classify.starter import held_out, starter
from core.ledger.schema import decisions, labels, metadata
from core.model import NO_INTENT, Outcome
from core.settings import Settings

NOW = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
ORDERS = [text for name, texts in held_out("en").items() if name != NO_INTENT for text in texts]
STRANGERS = starter().background


def traffic(share: float, many: int = 200) -> list[str]:
    """That many messages, of which this share is of no intent."""
    none = round(many * share)
    return [*np.resize(STRANGERS, none), *np.resize(ORDERS, many - none)]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_share_is_read_off_tickets_that_nobody_labelled(embedded: LinearClassifier, share: float) -> None:
    sure = embedded.sure(traffic(share))
    found = embedded.shares.estimate(sure, [None] * len(sure)) - MARGIN
    assert found == pytest.approx(share, abs=0.1)


def test_labels_count_for_what_they_say(embedded: LinearClassifier) -> None:
    sure = embedded.sure(traffic(0.5))
    none = embedded.shares.estimate(sure, [True] * len(sure))
    some = embedded.shares.estimate(sure, [False] * len(sure))
    assert some < 0.15
    assert none > 0.85


def test_without_tickets_the_share_is_the_expected_one(embedded: LinearClassifier) -> None:
    assert embedded.shares.estimate(np.empty(0), []) == embedded.shares.start == expected(1.0)
    assert (expected(0.0), expected(1.0)) == (UNKNOWN, BEGINNING)


def test_the_band_never_begins_earlier_where_more_messages_are_of_no_intent(
    embedded: LinearClassifier,
) -> None:
    floors = [embedded.shares.floor(share) for share in SHARES]
    assert floors == sorted(floors)
    assert floors[0] < floors[-1]
    assert embedded.shares.floor(0.61) == embedded.shares.floor(0.7)


def test_the_band_follows_the_tickets_and_other_desks_keep_theirs(embedded: LinearClassifier) -> None:
    tickets = [(text, None) for text in traffic(0.9)]
    following, alone = Multilingual(embedded, tickets=lambda: tickets), Multilingual(embedded)
    before = [one.confidence for one in alone.predict_many(ORDERS)]
    after = [one.confidence for one in following.predict_many(ORDERS)]
    assert all(new <= old for new, old in zip(after, before, strict=True))
    assert sum(one >= 0.85 for one in after) < sum(one >= 0.85 for one in before)
    assert following.share is not None
    assert following.share > 0.7
    assert [one.confidence for one in alone.predict_many(ORDERS)] == before


def test_a_handful_of_tickets_moves_nothing(embedded: LinearClassifier) -> None:
    tickets = [(text, None) for text in traffic(1.0, FEWEST - 1)]
    following = Multilingual(embedded, tickets=lambda: tickets)
    assert following.predict(ORDERS[0]) == Multilingual(embedded).predict(ORDERS[0])
    assert following.share is None


def test_tickets_are_the_first_messages_of_customers_with_what_people_called_them(engine: Engine) -> None:
    metadata.create_all(engine)
    with engine.begin() as conn:
        for n, (ticket, kind, words, outcome) in enumerate(
            [
                ("1", "created", "where is it", Outcome.ROUTED),
                ("1", "message:2", "thanks", Outcome.ROUTED),
                ("2", "created", "an offer for you", Outcome.GENERAL_QUEUE),
                ("3", "created", "out of office", Outcome.LEFT_ALONE),
                ("4", "created", "", Outcome.ROUTED),
                ("5", "created", "refund me", Outcome.ROUTED),
            ]
        ):
            row = {
                "key": f"main:{ticket}:{kind}",
                "desk": "main",
                "ticket_id": ticket,
                "at": NOW + timedelta(minutes=n),
            }
            conn.execute(insert(decisions).values(**row, words=words, outcome=outcome))
        for ticket, intent in (("2", NO_INTENT), ("5", "refund_request")):
            conn.execute(insert(labels).values(desk="main", ticket_id=ticket, intent=intent))
    assert newest(engine) == (("refund me", False), ("an offer for you", True), ("where is it", None))
    assert MOST >= FEWEST


def test_the_tickets_are_read_anew_after_an_hour(engine: Engine) -> None:
    metadata.create_all(engine)
    now = [NOW]
    read = hourly(engine, lambda: now[0])
    row = {"key": "main:1:created", "desk": "main", "ticket_id": "1", "words": "x", "at": NOW}
    assert read() == ()
    with engine.begin() as conn:
        conn.execute(insert(decisions).values(**row, outcome=Outcome.ROUTED))
    assert read() == ()
    now[0] += AGAIN
    assert read() == (("x", None),)
    metadata.drop_all(engine)
    now[0] += AGAIN
    assert read() == (("x", None),)


def test_what_a_first_message_needs_is_made_before_it_comes(
    embedded: LinearClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(*args: Any, language: str = "", **more: Any) -> LinearClassifier:
        made.append(language)
        return embedded

    monkeypatch.setattr(build, "load_or_fit", counted)
    own = Settings(path=tmp_path / "backstop.toml", classifier={"cache": str(tmp_path)})
    ready = build.classifier_of(own, tickets=lambda: ())
    assert made == ["", "en"]
    ready.predict("Where is my order?")
    assert made == ["", "en"]
