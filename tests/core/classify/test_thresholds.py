from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from core.classify.evaluate import Judged
from core.classify.plain import plain_thresholds
from core.classify.thresholds import OVERALL, lower_bound, recommend, rows_needed, run_thresholds
from core.model import NO_INTENT


def rows(n: int, right: int, confidence: float, intent: str = "a") -> list[Judged]:
    return [Judged(intent if i < right else "other", intent, confidence) for i in range(n)]


def test_the_bound_is_the_exact_one() -> None:
    assert lower_bound(59, 59) == pytest.approx(0.05 ** (1 / 59))
    assert lower_bound(58, 58) < 0.95 <= lower_bound(59, 59)
    assert lower_bound(91, 92) < 0.95 <= lower_bound(92, 93)
    assert lower_bound(0, 10) == 0
    assert rows_needed() == 59


def test_the_lowest_proven_threshold_is_recommended_with_its_evidence() -> None:
    found = recommend(rows(200, 200, 0.95) + rows(200, 198, 0.8) + rows(200, 100, 0.65), "a")
    assert (found.mode, found.threshold) == ("act", 0.66)
    assert (found.n, found.right) == (400, 398)
    assert found.bound is not None
    assert found.bound >= 0.95


def test_too_few_rows_stay_in_suggest() -> None:
    found = recommend(rows(58, 58, 0.99), "a")
    assert (found.mode, found.threshold) == ("suggest", None)
    assert "59" in found.reason


def test_an_imprecise_intent_stays_in_suggest_however_many_rows_there_are() -> None:
    found = recommend(rows(1000, 930, 0.99), "a")
    assert (found.mode, found.threshold) == ("suggest", None)
    assert "930 of 1000" in found.reason


def test_the_search_stops_at_the_first_failure_even_if_laxer_ones_would_pass() -> None:
    found = recommend(rows(200, 150, 0.97) + rows(5000, 5000, 0.7), "a")
    assert found.mode == "suggest"


def test_none_of_these_is_no_guess_and_lowers_no_precision() -> None:
    nothing = [Judged("a", NO_INTENT, 0.99)] * 500
    assert recommend(rows(100, 100, 0.95) + nothing, "a").n == 100


def test_overall_and_per_intent_are_reported_with_date_and_counts() -> None:
    data = rows(100, 100, 0.95, "good") + rows(20, 20, 0.95, "thin") + [Judged(NO_INTENT, NO_INTENT, 0.9)]
    found = run_thresholds(data, datetime(2026, 5, 1, tzinfo=UTC))
    json.dumps(found)
    modes = {row["intent"]: row["mode"] for row in found["intents"]}
    assert modes == {"good": "act", "thin": "suggest"}
    assert (found["overall"]["intent"], found["overall"]["n"], found["date"]) == (OVERALL, 120, "2026-05-01")
    assert "thin" in plain_thresholds(found)


def test_the_promise_holds_over_many_random_samples() -> None:
    """True precision falls with the score and crosses 95 % at 0.8: recommending below 0.8 is the mistake."""
    draw = np.random.default_rng(7)
    broken = recommended = 0
    for _ in range(300):
        scores = draw.uniform(0.6, 1.0, 500)
        truth = np.clip(0.90 + 0.5 * (scores - 0.7), 0, 0.999)
        data = [
            Judged("a" if hit else "b", "a", s)
            for s, hit in zip(scores, draw.random(500) < truth, strict=True)
        ]
        found = recommend(data, "a")
        if found.threshold is not None:
            recommended += 1
            middle = (found.threshold + 1) / 2
            broken += np.clip(0.90 + 0.5 * (middle - 0.7), 0, 0.999) < 0.95
    assert recommended > 150
    assert broken <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5
