from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.classify import cache, linear
from core.classify.cache import load, load_or_fit, save
from core.classify.linear import LinearClassifier, fit
from core.classify.starter import starter
from core.model import NO_INTENT

SMALL = {
    "order": [
        "where is my order",
        "when does my parcel arrive",
        "my delivery is late",
        "track my order",
        "order not here",
    ],
    "login": [
        "I cannot log in",
        "forgot my password",
        "reset my password",
        "login fails",
        "account locked out",
    ],
    "refund": [
        "I want my money back",
        "refund please",
        "please refund me",
        "when comes my refund",
        "give the money back",
    ],
    "hours": [
        "when are you open",
        "opening hours",
        "are you open on sunday",
        "when do you close",
        "open on monday?",
    ],
}
NOISE = [
    "hello",
    "tell me a joke",
    "my cat is black",
    "happy birthday",
    "buy cheap watches",
    "the weather is fine",
]


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(), max_size=300))
def test_any_text_gets_an_answer_with_a_confidence_between_0_and_1(
    embedded: LinearClassifier, text: str
) -> None:
    found = embedded.predict(text)
    assert 0 <= found.confidence <= 1
    assert all(0 <= guess.confidence <= 1 for guess in found.alternatives)
    assert found.intent not in {guess.intent for guess in found.alternatives}


def test_alternatives_come_best_first_and_never_above_the_guess(embedded: LinearClassifier) -> None:
    for text in (
        "I paid twice and want a refund",
        "cannot log in to see my order",
        "broken parcel, send it back",
    ):
        found = embedded.predict(text)
        shares = [guess.confidence for guess in found.alternatives]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 3
        if found.intent != NO_INTENT:
            assert shares[0] <= found.confidence


@pytest.mark.parametrize("text", ["", " ", "zzqx vrrk", "😀", "\ud800"])
def test_a_message_without_a_known_word_is_no_intent_and_no_guess_is_above_zero(
    embedded: LinearClassifier, text: str
) -> None:
    found = embedded.predict(text)
    assert found.intent == NO_INTENT
    assert found.alternatives[0].confidence == 0


def test_the_evidence_is_made_of_the_customers_own_words(embedded: LinearClassifier) -> None:
    found = embedded.predict("Please refund my last payment")
    assert "refund" in " ".join(found.evidence)
    assert all(word in "please refund my last payment" for word in found.evidence)


def test_the_same_data_makes_the_same_model_and_the_same_answers() -> None:
    first, second = fit(SMALL, NOISE), fit(dict(reversed(SMALL.items())), NOISE)
    assert first.model == second.model
    assert first.predict("where is my refund") == second.predict("where is my refund")
    assert fit({**SMALL, "new": ["something else"]}, NOISE).model != first.model


def test_a_saved_model_answers_exactly_as_before(tmp_path: Path) -> None:
    fitted = fit(SMALL, NOISE)
    save(fitted, tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    for text in ("where is my order", "refund please", "hello", "", "are you open"):
        assert again.predict(text) == fitted.predict(text)


def test_the_file_holds_no_customers_words(tmp_path: Path) -> None:
    save(fit({**SMALL, "order": [*SMALL["order"], "parcel for Wilhelmine"]}, NOISE), tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        assert all("wilhelmine" not in arrays[name].tobytes().decode("latin-1").lower() for name in arrays)


def test_a_file_that_could_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "owned"),))

    path = tmp_path / "model.npz"
    np.savez(path, facts=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match="not a classifier of this version"):
        load(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a classifier of this version"):
        load(path)
    assert not (tmp_path / "owned").exists()


def test_the_cache_is_used_the_second_time_and_survives_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_or_fit(SMALL, NOISE, tmp_path)
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(cache, "fit", lambda *_, **__: pytest.fail("fitted although cached"))
    assert load_or_fit(SMALL, NOISE, tmp_path).model == first.model
    monkeypatch.undo()
    file.write_bytes(file.read_bytes()[:1000])
    assert load_or_fit(SMALL, NOISE, tmp_path).predict("refund please") == first.predict("refund please")
    assert load(file).model == first.model


def test_other_examples_get_a_cache_file_of_their_own(tmp_path: Path) -> None:
    load_or_fit(SMALL, NOISE, tmp_path)
    load_or_fit({**SMALL, "extra": ["a thing", "another thing"]}, NOISE, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_processes_that_start_together_leave_one_good_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_or_fit(SMALL, NOISE, tmp_path).model, range(4)))
    assert len(set(found)) == 1
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_a_folder_that_cannot_be_written_only_costs_the_cache(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert load_or_fit(SMALL, NOISE, blocked).predict("refund please").intent == "refund"


@pytest.mark.parametrize("intents", [1, 2, 3])
def test_very_few_intents_and_examples_are_enough_to_start(intents: int) -> None:
    few = {name: texts[:2] for name, texts in list(SMALL.items())[:intents]}
    assert fit(few, NOISE).predict("where is my order").confidence <= 0.995
    assert fit(few).predict("where is my order").intent in {*few, NO_INTENT}


def test_no_examples_at_all_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(ValueError, match="give at least one"):
        fit({"empty": []}, NOISE)


def test_large_intents_are_capped_first() -> None:
    many = {"big": [f"big thing number {i} alpha" for i in range(300)], "small": ["tiny one", "little one"]}
    assert fit(many, NOISE, max_rows=100).rows.shape[0] <= 100


def test_held_out_scores_are_those_of_a_model_fitted_without_the_row() -> None:
    from core.classify.features import counts, weights
    from core.classify.kernel import kernel, solve

    texts = [text for group in SMALL.values() for text in group] + NOISE
    labels = np.repeat(np.arange(5), [5, 5, 5, 5, len(NOISE)])
    blocks = counts(texts)
    rows = weights(blocks, 20).transform(blocks)
    held = solve(rows, labels, 5).alone.scores
    others = np.arange(len(texts)) != 7
    again = solve(rows[others], labels[others], 5)
    expected = kernel((rows[[7]] @ rows[others].T).toarray()) @ again.alpha
    assert np.allclose(held[7], expected[0], atol=1e-3)


def test_strangers_are_scored_by_a_model_that_never_knew_their_intent() -> None:
    from core.classify.features import counts, weights
    from core.classify.kernel import kernel, solve

    texts = [text for group in SMALL.values() for text in group] + NOISE
    labels = np.repeat(np.arange(5), [5, 5, 5, 5, len(NOISE)])
    blocks = counts(texts)
    rows = weights(blocks, 20).transform(blocks)
    solved = solve(rows, labels, 5)
    block = solved.stranger_blocks[0]
    others = np.setdiff1d(np.arange(len(texts)), block)
    again = solve(rows[others], labels[others], 5)
    expected = kernel((rows[block] @ rows[others].T).toarray()) @ again.alpha
    gone = set(labels[block])
    kept = [i for i in range(5) if i not in gone]
    assert (solved.strangers.scores[: len(block)][:, sorted(gone)] == -1).all()
    assert np.allclose(solved.strangers.scores[: len(block)][:, kept], expected[:, kept], atol=1e-3)


def test_more_evidence_never_means_less_confidence() -> None:
    from core.classify.calibrate import fit_calibrator

    draw = np.random.default_rng(0)
    evidence = draw.normal(size=(400, 3))
    right = draw.random(400) < 1 / (1 + np.exp(-evidence.sum(axis=1)))
    calibrated = fit_calibrator(evidence, right)
    for column in range(3):
        steps = np.zeros((50, 3))
        steps[:, column] = np.linspace(-3, 3, 50)
        assert (np.diff(calibrated(steps)) >= -1e-12).all()


def test_an_overconfident_outside_score_is_brought_down_to_what_it_is_worth() -> None:
    from core.classify.calibrate import fit_calibrator, score_evidence

    draw = np.random.default_rng(1)
    claimed = draw.uniform(0.5, 0.999, 4000)
    right = draw.random(4000) < claimed - 0.3
    calibrated = fit_calibrator(score_evidence(claimed), right)(score_evidence(np.array([0.6, 0.8, 0.95])))
    assert np.allclose(calibrated, [0.3, 0.5, 0.65], atol=0.08)


def test_the_starter_set_is_learned_with_one_equation(monkeypatch) -> None:
    """What each example is taken for without itself comes out of the same solution: nothing is fitted again in folds."""
    solved, solve = [], linear.solve

    def counted(rows, labels, classes, *more):
        solved.append(rows.shape[0])
        return solve(rows, labels, classes, *more)

    monkeypatch.setattr(linear, "solve", counted)
    found = starter()
    fit(found.examples, found.background)
    texts = sum(len(dict.fromkeys(one)) for one in found.examples.values()) + len(found.background)
    assert solved == [texts]
    assert texts < 4000, "the cost grows with the cube of it"


def test_a_second_request_in_the_same_message_takes_the_confidence_down(embedded: LinearClassifier) -> None:
    one = embedded.predict("I want to cancel my subscription.")
    two = embedded.predict("I want to cancel my subscription. Where is my order?")
    assert one.confidence >= 0.85
    assert two.confidence < 0.7


def test_an_alarming_part_of_a_long_message_shows_among_the_alternatives(embedded: LinearClassifier) -> None:
    text = (
        "Hello, I hope you are well and had a nice weekend. We have been your customers for many years. "
        "I think my account has been hacked. I also noticed that it rains a lot these days. Greetings from the seaside."
    )
    found = embedded.predict(text)
    odds = {found.intent: found.confidence} | {guess.intent: guess.confidence for guess in found.alternatives}
    assert odds["account_compromise"] >= 0.25


def test_a_wish_for_a_human_in_an_angry_message_shows(embedded: LinearClassifier) -> None:
    found = embedded.predict(
        "This is the second time I write. Nobody answered. I want to speak to a manager NOW."
    )
    odds = {found.intent: found.confidence} | {guess.intent: guess.confidence for guess in found.alternatives}
    assert odds["human_request"] >= 0.25


def test_a_few_of_our_own_lines_do_not_silence_an_intent_that_thousands_of_messages_speak_for() -> None:
    """Lines that our list calls nobody's business may be a desk's very business; its customers' words outweigh them."""
    draw = np.random.default_rng(2)
    fill = [
        "please",
        "hello",
        "today",
        "again",
        "thanks",
        "now",
        "kindly",
        "soon",
        "maybe",
        "team",
        "dear",
        "still",
        "really",
        "just",
        "could",
    ]

    def said(topic: str, n: int) -> list[str]:
        return [f"{topic} {' '.join(draw.choice(fill, 4))} {i}" for i in range(n)]

    examples = {
        topic: said(topic, 400)
        for topic in ("weather forecast", "train times", "song lyrics", "pasta recipe")
    }
    lines = [
        *said("weather forecast", 2),
        *said("train times", 2),
        *said("song lyrics", 2),
        *starter().background[:20],
    ]
    found = fit(examples, lines).predict_many(said("weather forecast", 40))
    assert np.mean([p.intent == "weather forecast" and p.confidence >= 0.85 for p in found]) > 0.8
