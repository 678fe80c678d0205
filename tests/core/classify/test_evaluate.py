from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.classify.evaluate import (
    Example,
    Judged,
    bands,
    confusions,
    ece,
    evaluate,
    per_intent,
    read_examples,
    reliability,
    run_evaluate,
)
from core.classify.linear import LinearClassifier
from core.classify.plain import plain_evaluation
from core.model import NO_INTENT

ROWS = [
    Judged("a", "a", 0.95),
    Judged("a", "a", 0.9),
    Judged("a", "b", 0.88),
    Judged("b", "b", 0.7),
    Judged("b", "a", 0.3),
    Judged(NO_INTENT, "b", 0.9),
    Judged(NO_INTENT, NO_INTENT, 0.97),
]


def test_precision_and_recall_are_counted_per_intent() -> None:
    table = per_intent(ROWS)
    assert table["a"] == {
        "rows": 3,
        "guessed": 3,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
    }
    assert table["b"] == {"rows": 2, "guessed": 3, "precision": pytest.approx(1 / 3), "recall": 0.5}


def test_each_band_shows_coverage_precision_and_what_came_from_outside() -> None:
    table = bands(ROWS, 0.85, 0.6)
    assert table["auto"] == {"rows": 4, "precision": 0.5, "coverage": 0.6, "outside_share": 0.5}
    assert table["route"]["rows"] == 1
    assert table["general"]["outside_share"] == 0.5


def test_a_sure_none_of_these_is_never_in_the_automatic_band() -> None:
    assert bands([Judged("a", NO_INTENT, 0.99)], 0.85, 0.6)["general"]["rows"] == 1


def test_calibration_error_is_the_gap_between_claim_and_truth() -> None:
    rows = [Judged("a", "a", 0.75)] * 5 + [Judged("a", "b", 0.75)] * 5
    assert ece(rows) == pytest.approx(0.25)
    (only,) = reliability(rows)
    assert (only["rows"], only["right"]) == (10, 0.5)
    assert ece([]) is None


def test_confusions_come_most_frequent_first() -> None:
    rows = [Judged("x", "y", 0.5)] * 3 + [Judged("x", "z", 0.5)] + [Judged("x", "x", 0.5)] * 9
    assert confusions(rows) == [
        {"intent": "x", "guess": "y", "rows": 3},
        {"intent": "x", "guess": "z", "rows": 1},
    ]


def test_without_rows_the_report_is_empty() -> None:
    found = evaluate([])
    assert (found["rows"], found["accuracy"], found["ece"]) == (0, None, None)


def test_the_command_prints_json_and_a_table_and_writes_a_picture(
    embedded: LinearClassifier, tmp_path: Path
) -> None:
    examples = [Example("I want a refund", "refund_request"), Example("tell me a joke", NO_INTENT)]
    found = run_evaluate(examples, embedded, auto=0.85, route=0.6, plot=tmp_path / "r.png")
    json.dumps(found)
    assert found["accuracy"] == 1.0
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    assert "refund_request" in plain_evaluation(found)


def test_csv_and_jsonl_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'text,intent,at\n"where, is it",order,2026-03-01T10:00:00Z\nhello,,\n', "utf-8-sig"
    )
    lines = [
        {"text": "where, is it", "label": "order", "at": "2026-03-01T10:00:00Z"},
        {"text": "hello", "intent": None},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n", "utf-8")
    expected = [
        Example("where, is it", "order", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        Example("hello", NO_INTENT),
    ]
    assert read_examples(tmp_path / "a.csv") == expected
    assert read_examples(tmp_path / "a.jsonl") == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "message,intent\nx,y\n", "must name the columns text and intent"),
        ("a.csv", "", "must name the columns"),
        ("a.jsonl", '{"text": "x", "intent": "y"}\n{oops', "a.jsonl:2: each line must be one JSON object"),
        ("a.jsonl", "[1]", "a.jsonl:1: each line must be an object"),
        ("a.jsonl", '{"text": 5, "intent": "y"}', "a.jsonl:1: text and intent must both be text"),
        ("a.jsonl", '{"text": "x", "intent": "y", "at": "soon"}', "must be a time like"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=message):
        read_examples(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_examples(tmp_path / "gone.csv")
