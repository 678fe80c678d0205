"""Single sentences of a message."""

from __future__ import annotations

from core.classify.sentences import MOST, sentences, suspects
from core.model import NO_INTENT, Guess, Prediction


def test_sentences_are_found_across_line_breaks_and_in_lists_without_full_stops() -> None:
    text = "My parcel has not\narrived yet. It is late!\n\n- the lamp is broken\n- my card was charged twice"
    found = sentences(text)
    assert "My parcel has not arrived yet" in found
    assert "It is late!" in found
    assert any("my card was charged twice" in one and "lamp" not in one for one in found)


def test_sentences_of_scripts_without_spaces_are_found() -> None:
    assert len(sentences("私のカードが不正に使われました。荷物はまだ届いていません。")) == 2


def test_a_very_long_text_is_looked_at_from_both_ends() -> None:
    found = sentences(" ".join(f"This is sentence number {n}." for n in range(5_000)))
    assert len(found) == MOST
    assert "This is sentence number 0" in found
    assert "This is sentence number 4999" in found


def test_the_surest_sentence_of_each_intent_counts_and_faint_guesses_do_not() -> None:
    guesses = {
        "My card was charged twice last night": Prediction("billing_dispute", 0.5),
        "My card was charged again this morning": Prediction("billing_dispute", 0.8),
        "The lamp is nice": Prediction("complaint", 0.5),
        "It rains a lot here": Prediction(NO_INTENT, 0.9),
    }
    text = ". ".join(guesses) + "."
    assert suspects(lambda asked: [guesses[one] for one in asked], text) == (Guess("billing_dispute", 0.8),)
