from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.classify.cache import load
from core.classify.evaluate import Example
from core.classify.linear import fit
from core.classify.plain import plain_training
from core.classify.starter import starter
from core.classify.train import _outside, run_train, time_split, train
from core.model import NO_INTENT, Prediction

START = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = ("order_status", "refund_request", "login_problem", "cancellation")


def history(names: tuple[str, ...] = KEPT) -> list[Example]:
    table = starter().examples
    texts = [(text, name) for i in range(40) for name in names for text in table[name][i : i + 1]]
    return [Example(text, name, START + timedelta(hours=i)) for i, (text, name) in enumerate(texts)]


class Wrong:
    model = "wrong"

    def predict(self, text: str) -> Prediction:
        return Prediction("cancellation", 0.5, (), self.model)


class Oracle:
    """A current model that cannot be beaten."""

    model = "oracle"

    def __init__(self, rows: list[Example]) -> None:
        self.known = {row.text: row.intent for row in rows}

    def predict(self, text: str) -> Prediction:
        return Prediction(self.known[text], 0.99, (), self.model)


def test_a_better_candidate_replaces_the_current_model() -> None:
    result = train(history(), Wrong(), background=starter().background)
    assert result.report["verdict"] == "replaced"
    assert result.report["candidate"]["right"] > result.report["current"]["right"]
    assert result.candidate is not None
    assert result.candidate.predict("I want a refund").intent == "refund_request"


def test_a_candidate_that_is_no_better_is_not_used() -> None:
    rows = history()
    result = train(rows, Oracle(rows), background=starter().background)
    assert result.report["verdict"] == "kept"
    assert result.candidate is None


def test_it_is_used_all_the_same_when_forced() -> None:
    rows = history()
    result = train(rows, Oracle(rows), background=starter().background, force=True)
    assert result.candidate is not None
    assert result.report["reason"].startswith("forced, although")


def test_an_intent_with_too_few_examples_is_refused_by_name() -> None:
    rows = [*history(), Example("do you sell gift wrap", "gift_wrap", START)]
    result = train(rows, None, background=starter().background)
    assert result.report["refused"] == [
        {"intent": "gift_wrap", "rows": 1, "reason": "1 examples, 10 are needed"}
    ]
    assert result.candidate is not None
    assert "gift_wrap" not in result.candidate.intents
    assert "gift_wrap" in plain_training(result.report)


def test_examples_from_the_configuration_count_towards_enough() -> None:
    rows = [*history(), Example("do you sell gift wrap", "gift_wrap", START)]
    base = {"gift_wrap": [f"wrap it as a gift please {i}" for i in range(12)]}
    result = train(rows, None, base=base, background=starter().background)
    assert result.report["refused"] == []


def test_nothing_to_learn_from_says_what_to_do() -> None:
    result = train([Example("hello", "greeting", START)])
    assert result.candidate is None
    assert "label more tickets" in result.report["reason"]
    assert train([]).candidate is None


def test_too_few_newer_tickets_prove_nothing() -> None:
    rows = history()[:40]
    result = train(rows, None, fewest=5, background=starter().background)
    assert (result.report["verdict"], result.candidate) == ("kept", None)
    assert "are needed" in result.report["reason"]


def test_the_comparison_uses_only_tickets_newer_than_all_that_was_learned() -> None:
    older, newer = time_split(history())
    assert older
    assert newer
    assert max(row.at for row in older if row.at) < min(row.at for row in newer if row.at)


def test_a_text_that_came_again_is_tested_and_not_learned() -> None:
    rows = [Example(f"text {chr(97 + i)} {chr(97 + i)}", "a", START + timedelta(days=i)) for i in range(10)]
    older, newer = time_split([*rows, Example("TEXT a a", "a", START + timedelta(days=99))])
    assert newer[-1].text == "TEXT a a"
    assert "text a a" not in {row.text for row in older}


def test_the_newest_label_of_a_text_wins() -> None:
    rows = history()
    text = rows[0].text
    relabelled = [*rows, Example(text, "refund_request", START + timedelta(days=400))]
    assert train(relabelled, None, background=starter().background).report["used"] == len(rows)


def test_the_command_writes_the_model_only_when_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "trained.npz"
    rows = history()
    kept = run_train(rows, Oracle(rows), path, background=starter().background)
    assert (kept["verdict"], path.exists()) == ("kept", False)
    report = run_train(
        rows, fit({"cancellation": ["cancel"], "x": ["y"]}), path, background=starter().background
    )
    json.dumps(report)
    assert load(path).model == report["model"]


@pytest.mark.parametrize(
    ("strangers", "others", "share"),
    [(0, 0, 0.6), (0, 200, 0.6), (4, 196, 0.6), (9, 191, 0.117), (20, 30, 0.475), (160, 40, 0.774)],
)
def test_the_share_of_no_intent_follows_the_labels_and_never_falls_without_labels(
    strangers: int, others: int, share: float
) -> None:
    rows = [Example(f"none {n}", NO_INTENT) for n in range(strangers)]
    rows += [Example(f"some {n}", "order_status") for n in range(others)]
    assert _outside(rows) == pytest.approx(share, abs=0.001)
