from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.classify.plain import plain_whatif
from core.classify.whatif import Handling, Past, at_night, curve, outcome_of, run_whatif
from core.model import NO_INTENT, Priority

DAY, NIGHT = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 5, 23, tzinfo=UTC)
HANDLING = Handling(
    answerable={"order", "billing"},
    priorities={"order": Priority.LOW, "billing": Priority.URGENT, "other": Priority.NORMAL},
    queues={"order": "Orders", "other": "Support"},
    own_auto={"careful": 0.95},
)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (Past(DAY, "order", 0.9), "answered"),
        (Past(DAY, "order", 0.85), "answered"),
        (Past(DAY, "order", 0.84), "routed"),
        (Past(DAY, "order", 0.6), "routed"),
        (Past(DAY, "order", 0.59), "general"),
        (Past(DAY, "order", 0.9, automatic=False), "routed"),
        (Past(DAY, "billing", 0.99), "routed"),
        (Past(DAY, "other", 0.99), "routed"),
        (Past(DAY, NO_INTENT, 0.99), "general"),
    ],
)
def test_each_ticket_goes_where_the_bands_send_it(row: Past, outcome: str) -> None:
    assert outcome_of(row, 0.85, 0.6, HANDLING) == outcome


def test_an_intents_own_threshold_counts() -> None:
    handling = Handling({"careful"}, {}, {}, {"careful": 0.95})
    assert outcome_of(Past(DAY, "careful", 0.94), 0.85, 0.6, handling) == "routed"
    assert outcome_of(Past(DAY, "careful", 0.95), 0.85, 0.6, handling) == "answered"


def test_two_settings_are_compared_side_by_side_with_pages_and_disagreements(tmp_path: Path) -> None:
    rows = [
        Past(DAY, "order", 0.9, "order"),
        Past(DAY, "order", 0.75, "refund"),
        Past(NIGHT, "billing", 0.7, "billing"),
        Past(DAY, "billing", 0.7),
        Past(DAY, "other", 0.7, human_queue="Sales"),
        Past(DAY, "other", 0.2, "order"),
    ]
    found = run_whatif(rows, HANDLING, now=(0.85, 0.6), then=(0.7, 0.5), plot=tmp_path / "c.png")
    json.dumps(found)
    now = {
        "answered": 1,
        "routed": 4,
        "general": 1,
        "paged": 2,
        "paged_at_night": 1,
        "wrong_answers": 0,
        "disagreements": 2,
    }
    assert {key: found["now"][key] for key in now} == now
    assert (found["then"]["answered"], found["then"]["wrong_answers"]) == (2, 1)
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert "wrong answers" in plain_whatif(found)


def test_precision_is_drawn_against_coverage_over_labelled_tickets_only() -> None:
    rows = [Past(DAY, "a", 0.9, "a"), Past(DAY, "a", 0.7, "b"), Past(DAY, "a", 0.95)]
    points = {point["auto"]: point for point in curve(rows)}
    assert (points[0.9]["coverage"], points[0.9]["precision"]) == (0.5, 1.0)
    assert (points[0.6]["coverage"], points[0.6]["precision"]) == (1.0, 0.5)
    assert points[0.99]["precision"] is None


def test_night_is_the_desks_night() -> None:
    berlin = Handling((), {}, {}, {}, timezone="Europe/Berlin")
    assert at_night(datetime(2026, 7, 1, 20, 30, tzinfo=UTC), berlin)
    assert not at_night(datetime(2026, 7, 1, 5, 30, tzinfo=UTC), berlin)
    assert not at_night(datetime(2026, 7, 1, 20, 30, tzinfo=UTC), HANDLING)
