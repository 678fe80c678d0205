"""A message's language chooses what it is compared with; what is urgent is seen in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import settings
from core.classify import multilingual
from core.classify.build import embedded_of
from core.classify.multilingual import Multilingual, alarms, surest
from core.classify.recall import by_language, interval
from core.classify.starter import URGENT, held_out, starter
from core.language import LANGUAGES
from core.model import NO_INTENT, Guess, Prediction, Priority

FILE = """
database_url = "sqlite:///x.db"
[classifier]
cache = "{cache}"
starter = {starter}
[desks.support]
vendor = "sandbox"
base_url = "http://127.0.0.1:1"
general_queue = "Support"
"""
TAUGHT = {
    "order_status": [
        "kdy přijde moje zásilka, objednal jsem ji minulý týden",
        "můžete mi prosím říct, kde je moje objednávka",
        "ještě jsem nedostal žádný balík, kdy dorazí",
        "jaký je stav mé objednávky číslo 4711",
        "sledování zásilky mi vůbec nefunguje",
        "zboží mělo přijít už včera a pořád nic",
    ]
}
CZECH = "Dobrý den, chtěl bych vědět, kde je moje zásilka, objednal jsem ji před týdnem"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, classifier_cache: Path) -> Callable[..., Multilingual]:
    def make(extra: str = "", starter: str = "true") -> Multilingual:
        file = tmp_path_factory.mktemp("config") / "backstop.toml"
        file.write_text(FILE.format(cache=classifier_cache, starter=starter) + extra, "utf-8")
        return embedded_of(settings.load(str(file)))

    return make


@pytest.fixture(scope="module")
def out_of_the_box(built: Callable[..., Multilingual]) -> Multilingual:
    return built()


@pytest.fixture(scope="module")
def figures(out_of_the_box: Multilingual) -> list[dict[str, Any]]:
    return by_language(out_of_the_box, 0.25)


def intents(table: dict[str, list[str]]) -> str:
    return "".join(f"\n[intents.{name}]\nexamples = {texts!r}\n" for name, texts in table.items())


def test_every_language_has_lines_enough_and_shares_none_with_what_it_is_measured_by() -> None:
    for language in LANGUAGES:
        examples, held = starter(language).examples, held_out(language)
        assert {len(set(examples[kind])) >= 15 for kind in URGENT} == {True}
        assert min(len(set(lines)) for lines in examples.values()) >= 8
        assert len(set(starter(language).background)) >= 30
        assert min(len(set(held[kind])) for kind in URGENT) >= 8
        assert sum(len(lines) for kind, lines in held.items() if kind not in URGENT) >= 25
        learned = {*starter(language).background, *(line for lines in examples.values() for line in lines)}
        assert not learned & {line for lines in held.values() for line in lines}


def test_urgent_messages_are_seen_in_every_language(figures: list[dict[str, Any]]) -> None:
    seen = {one["language"]: one["urgent"]["right"] / one["urgent"]["of"] for one in figures}
    assert min(seen.values()) >= 0.92, seen
    assert sum(seen.values()) / len(seen) >= 0.97
    assert all(one["known"] for one in figures)


def test_few_ordinary_messages_are_taken_for_urgent_and_most_are_ranked_right(
    figures: list[dict[str, Any]],
) -> None:
    false = sum(one["falsely_urgent"]["right"] for one in figures)
    assert false / sum(one["falsely_urgent"]["of"] for one in figures) <= 0.04
    ranked = {one["language"]: one["ranked_right"]["right"] / one["ranked_right"]["of"] for one in figures}
    assert min(ranked.values()) >= 0.85, ranked


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mein Konto wurde gehackt", "account_compromise"),
        ("je veux parler à un humain", "human_request"),
        ("hesabim hacklendi", "account_compromise"),
        ("ktoś się włamał na moje konto", "account_compromise"),
        ("me han cobrado dos veces", "billing_dispute"),
        ("tutto il sito è giù", "critical_bug"),
        ("ring mig", "human_request"),
        ("jeg vil snakke med et menneske", "human_request"),
        ("o site caiu, ninguém consegue comprar", "critical_bug"),
        ("er is twee keer geld van mijn rekening gehaald", "billing_dispute"),
        ("någon annan är inne på mitt konto", "account_compromise"),
        ("stolen password, locked out, please help quickly", "account_compromise"),
    ],
)
def test_what_is_urgent_alarms_with_and_without_marks_over_its_letters(
    out_of_the_box: Multilingual, text: str, kind: str
) -> None:
    assert kind in alarms(out_of_the_box.predict(text))


def test_an_alarm_may_only_bring_an_english_message_to_a_person(out_of_the_box: Multilingual) -> None:
    for lines in held_out("en").values():
        for text in lines:
            plain, found = out_of_the_box.main.predict(text), out_of_the_box.predict(text)
            assert found.intent == plain.intent
            assert found.confidence == plain.confidence or found.intent == NO_INTENT  # told below `route`
            assert {g.intent for g in plain.alternatives} <= {g.intent for g in found.alternatives}


def test_an_untrained_language_is_named(out_of_the_box: Multilingual) -> None:
    assert out_of_the_box.predict(CZECH).blind == "cs"
    assert out_of_the_box.predict("Где мой заказ? Жду уже две недели, это слишком долго").blind == "ru"
    assert out_of_the_box.predict("Wo bleibt meine Bestellung denn?").blind == ""
    assert out_of_the_box.predict("AB-4711").blind == ""


def test_a_language_below_the_target_counts_as_untrained(
    built: Callable[..., Multilingual], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multilingual, "TARGET", 1.01)
    low = built()
    assert low.predict("Wo bleibt meine Bestellung denn?").blind == "de"
    assert low.predict("Where is my order?").blind == ""


def test_examples_of_the_configuration_teach_a_language_of_their_own(
    built: Callable[..., Multilingual],
) -> None:
    found = built(intents(TAUGHT)).predict(CZECH)
    assert (found.intent, found.blind) == ("order_status", "")


def test_examples_of_the_configuration_go_before_the_starters_in_their_language_alone(
    built: Callable[..., Multilingual],
) -> None:
    own = {
        "gift_wrap": [
            "Können Sie die Bestellung bitte als Geschenk einpacken?",
            "Ich hätte gern Geschenkpapier um das Paket",
            "als geschenk verpacken bitte",
            "Bieten Sie eine Geschenkverpackung an?",
            "Bitte mit Schleife und Karte einpacken",
        ],
        "billing_dispute": ["there is a charge on my card that I did not make", "I was billed twice"],
    }
    made = built(intents(own))
    assert (
        made.predict("Können Sie mein Paket als Geschenk einpacken und eine Karte dazulegen?").intent
        == "gift_wrap"
    )
    assert made.predict("Mir wurde der Betrag doppelt vom Konto abgebucht").intent == "billing_dispute"
    assert "gift_wrap" not in made.of("da").intents


def test_without_the_starter_only_what_the_file_names_is_known(built: Callable[..., Multilingual]) -> None:
    table = {"hours": ["when do you open", "opening hours please", "are you open today"], "order_status": []}
    made = built(intents(table), starter="false")
    assert made.intents == ("hours", "order_status")
    assert made.of("de").intents == ("order_status",)
    assert alarms(made.predict("my account has been hacked")) == {}
    assert made.known("de")


@pytest.mark.parametrize("language", ["de", "en", "tr"])
def test_a_classifier_is_found_again_as_it_was(built: Callable[..., Multilingual], language: str) -> None:
    texts = [text for lines in held_out(language).values() for text in lines][:20]
    assert built().predict_many(texts) == built().predict_many(texts)


def test_two_languages_that_mean_different_things_share_their_confidence() -> None:
    one = Prediction("a", 0.9, (Guess("b", 0.1),), "en")
    other = Prediction("b", 0.6, (Guess("a", 0.2),), "da")
    assert surest([one]) == one
    assert surest([Prediction(NO_INTENT, 0.9), other]).intent == "b"
    both = surest([one, other])
    assert (both.intent, both.confidence) == ("a", pytest.approx(0.6))
    assert both.alternatives == (Guess("b", pytest.approx(0.4)),)
    assert surest([one, Prediction("a", 0.7)]).confidence == 0.9


def test_the_interval_is_exact() -> None:
    assert interval(40, 40) == (pytest.approx(0.912, abs=1e-3), 1.0)
    assert interval(0, 10) == (0.0, pytest.approx(0.308, abs=1e-3))


def test_messages_for_a_human_do_not_reach_the_automatic_band_in_any_language(
    out_of_the_box: Multilingual,
) -> None:
    by_rule = {i.name for i in starter().intents if i.priority in {Priority.URGENT, Priority.HIGH}} | {
        NO_INTENT
    }
    for language in LANGUAGES:
        held = held_out(language)
        for text in (*held[NO_INTENT], *(line for kind in URGENT for line in held[kind])):
            found = out_of_the_box.predict(text)
            answered = found.confidence >= 0.85 and found.intent not in by_rule
            assert not answered or alarms(found), (language, text, found)
