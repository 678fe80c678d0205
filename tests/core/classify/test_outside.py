"""Outside classifiers as the configuration names them: counted, and trusted only as far as they were measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Shell
from serving import GOOD, Service, chat_answer
from sqlalchemy import create_engine

from core.classify import trust
from core.classify.build import classifier_of
from core.classify.evaluate import Judged
from core.classify.trust import Trust
from core.errors import ConfigError
from core.ledger.schema import metadata
from core.model import NO_INTENT
from core.settings import Settings, load
from core.telemetry.counters import Counters

AUTO = 0.85
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def claims(right: int, wrong: int, confidence: float = 0.97) -> list[Judged]:
    hits = [Judged("order_status", "order_status", confidence)] * right
    return hits + [Judged("refund_request", "order_status", confidence)] * wrong


@pytest.fixture
def home(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def configured(home: Shell, service: Service, kind: str = "http", more: str = "") -> Settings:
    where = {"http": f'url = "{service.url}"', "openai": f'base_url = "{service.url}"\nmodel = "small"'}[kind]
    text = home.file.read_text()
    section = f'[classifier]\nkind = "{kind}"\n{where}\n{more}'
    assert "[classifier]\n" in text
    home.file.write_text(text.replace("[classifier]\n", section + "\n", 1))
    return load(str(home.file))


def test_a_boaster_is_believed_as_often_as_it_was_right() -> None:
    found, report = trust.learn(claims(140, 60), [])
    assert found is not None
    assert found(0.97) == pytest.approx(0.7, abs=0.02)
    assert report["ece_claimed"] == pytest.approx(0.27, abs=0.01)
    assert report["ece"] < 0.05


def test_lines_that_are_no_intent_lower_the_trust_in_a_service_that_guesses_at_them() -> None:
    background = claims(0, 60, 0.97)
    careful, _ = trust.learn(claims(200, 0), [Judged(NO_INTENT, NO_INTENT, 0.9)] * 60)
    careless, _ = trust.learn(claims(200, 0), background)
    assert careful is not None
    assert careless is not None
    assert careless(0.97) == pytest.approx(0.8, abs=0.03)
    assert careful(0.97) > 0.95


def test_a_handful_of_messages_says_nothing() -> None:
    found, report = trust.learn(claims(99, 0), [])
    assert found is None
    assert report["verdict"] == "kept"
    assert "99 guesses" in report["reason"]


@pytest.mark.parametrize("thresholds", [[0.85], [0.85, 0.7], [0.0]])
def test_an_unmeasured_service_stays_below_every_automatic_threshold(thresholds: list[float]) -> None:
    unknown = trust.untried(thresholds)
    assert unknown(1.0) < min(thresholds) or thresholds == [0.0]
    assert unknown(0.5) == min(0.5, unknown.most)


def test_more_confidence_never_counts_for_less() -> None:
    draw = np.random.default_rng(3)
    rows = [
        row
        for c in draw.uniform(0.3, 1, 400)
        for row in claims(int(draw.random() < c), int(draw.random() >= c), float(c))
    ]
    found, _ = trust.learn(rows, [])
    assert found is not None
    worth = [found(c) for c in np.linspace(0, 1, 50)]
    assert worth == sorted(worth)


def test_what_was_learned_is_kept_and_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    found, _ = trust.learn(claims(140, 60), [])
    assert found is not None
    path = tmp_path / "deep" / "outside.json"
    assert trust.load(path) is None
    trust.save(found, path)
    kept = trust.load(path)
    assert kept is not None
    assert kept(0.97) == found(0.97)
    path.write_text('{"centre": [1]}')
    with pytest.raises(ValueError, match="train --calibrate"):
        trust.load(path)
    with pytest.raises(ValueError, match="nothing was learned"):
        trust.save(Trust(), path)


@pytest.mark.parametrize("kind", ["http", "openai"])
def test_out_of_the_box_no_outside_guess_is_answered_automatically(
    home: Shell, service: Service, kind: str
) -> None:
    sure = {**GOOD, "confidence": 1.0}
    service.answer = (lambda _: (200, json.dumps(sure).encode())) if kind == "http" else chat_answer(sure)
    found = classifier_of(configured(home, service, kind)).predict("where is my order")
    assert found.model in {"http", "openai:small"}
    assert 0.8 < found.confidence < AUTO


def test_a_threshold_of_one_intent_holds_the_cap_down(home: Shell, service: Service) -> None:
    settings = configured(home, service)
    settings.intents["order_status"].auto = 0.7
    assert classifier_of(settings).predict("x").confidence < 0.7


def test_every_question_is_counted_with_its_time_tokens_and_cost(home: Shell, service: Service) -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 50}
    service.answer = chat_answer(GOOD, usage=usage)
    settings = configured(home, service, "openai", "price_in = 0.25\nprice_out = 2.0")
    engine = create_engine(f"sqlite:///{home.home}/counted.db")
    metadata.create_all(engine)
    counters = Counters(engine)
    mind = classifier_of(settings, counters)
    mind.predict("where is it")
    service.answer = lambda _: (503, b"")
    for _ in range(6):  # five failures, then it is left in peace; the embedded one answers each
        assert mind.predict("where is my order").intent == "order_status"
    counters.close()
    told = counters.render(engine, NOW).decode()
    for line in (
        'backstop_external_classifier_calls_total{model="openai:small",outcome="ok"} 1.0',
        'backstop_external_classifier_tokens_total{direction="sent",model="openai:small"} 2000.0',
        'backstop_external_classifier_cost_total{model="openai:small"} 0.6',
        'backstop_external_classifier_seconds_count{model="openai:small"} 6.0',
        'backstop_mind_calls_total{model="openai:small",outcome="ok"} 1.0',
        'backstop_mind_calls_total{model="openai:small",outcome="failed"} 5.0',
        'backstop_mind_calls_total{model="openai:small",outcome="resting"} 1.0',
        'backstop_mind_tokens_total{direction="sent",model="openai:small"} 2000.0',
        'backstop_mind_tokens_total{direction="received",model="openai:small"} 50.0',
        'backstop_mind_cost_total{model="openai:small"} 0.6',
        'backstop_mind_seconds_count{model="openai:small"} 6.0',
    ):
        assert line in told


def messages(path: Path, right: int, wrong: int) -> str:
    rows = [(f"where is order {n}", "order_status") for n in range(right)]
    rows += [(f"strange thing {n}", "refund_request") for n in range(wrong)]
    path.write_text("\n".join(json.dumps({"text": t, "intent": i}) for t, i in rows), "utf-8")
    return str(path)


def knows_orders(body: Any) -> tuple[int, bytes]:
    about = "order" in body["text"] or "strange" in body["text"]
    return 200, json.dumps({"intent": "order_status" if about else None, "confidence": 0.99}).encode()


def test_calibrated_on_known_messages_it_may_answer(home: Shell, service: Service, tmp_path: Path) -> None:
    settings = configured(home, service)
    service.answer = knows_orders
    report = home.json("train", messages(tmp_path / "m.jsonl", 240, 2), "--calibrate")
    assert (report["verdict"], report["rows"], report["right"]) == ("replaced", 242, 240)
    assert report["asked"] == len(service.asked) > 290  # background lines, too
    assert classifier_of(settings).predict("where is my order").confidence > AUTO


def test_calibrated_a_service_that_is_often_wrong_may_not(
    home: Shell, service: Service, tmp_path: Path
) -> None:
    settings = configured(home, service)
    service.answer = knows_orders
    home.json("train", messages(tmp_path / "m.jsonl", 150, 50), "--calibrate")
    assert classifier_of(settings).predict("where is my order").confidence < AUTO


def test_another_address_is_another_service_and_is_not_trusted_unseen(
    home: Shell, service: Service, tmp_path: Path
) -> None:
    settings = configured(home, service)
    service.answer = knows_orders
    home.json("train", messages(tmp_path / "m.jsonl", 240, 0), "--calibrate")
    settings.classifier.url = service.url + "/v2"
    assert classifier_of(settings).predict("where is my order").confidence < AUTO


def test_too_few_messages_are_refused_before_anything_is_spent(
    home: Shell, service: Service, tmp_path: Path
) -> None:
    configured(home, service)
    found = home.run("train", messages(tmp_path / "m.jsonl", 40, 0), "--calibrate")
    assert found.exit_code == 2
    assert "40 messages of known intent, 100 are needed" in found.output
    assert service.asked == []


def test_a_service_that_is_down_ends_the_calibration_soon(
    home: Shell, service: Service, tmp_path: Path
) -> None:
    configured(home, service)
    service.answer = lambda _: (503, b"")
    found = home.run("train", messages(tmp_path / "m.jsonl", 200, 0), "--calibrate")
    assert found.exit_code == 1
    assert "did not answer" in found.output
    assert len(service.asked) == 5


def test_the_embedded_classifier_needs_no_calibration(home: Shell, tmp_path: Path) -> None:
    from core.learning.calibration import calibrate

    with pytest.raises(ConfigError, match="calibrates itself"):
        calibrate([], load(str(home.file)))
