"""A wish that is negated, past, hypothetical or another's stays below the automatic band; so does a number or a single word."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from core.classify.build import classifier_of
from core.classify.starter import URGENT
from core.language import LANGUAGES
from core.model import NO_INTENT
from core.settings import Settings

DATA = Path(__file__).parents[3] / "bench" / "data"
SETS = ("negation.toml", *(f"mail_blind/negation{one}.toml" for one in ("", "_second", "_third")))
TEXTS = [tomllib.loads((DATA / name).read_text("utf-8")) for name in SETS]
LATER = [
    tomllib.loads((DATA / "mail_blind" / f"{one}_fourth.toml").read_text("utf-8"))
    for one in ("negation", "told")
]
AUTO, ROUTE = 0.85, 0.6


@pytest.fixture(scope="module")
def classifier(classifier_cache: Path):
    return classifier_of(Settings(path=Path("backstop.toml"), classifier={"cache": str(classifier_cache)}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wish_turned_round_is_not_answered_as_that_wish(classifier, language):
    sure = [
        text
        for texts in TEXTS
        for text in texts[language]
        if (found := classifier.predict(text)).intent != NO_INTENT and found.confidence >= AUTO
    ]
    assert sure == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wish_of_the_later_sets_may_be_answered(classifier, language):
    found = [(text, classifier.predict(text)) for texts in LATER for text in texts[language]]
    sure = [text for text, one in found if one.confidence >= AUTO and one.intent not in {NO_INTENT, *URGENT}]
    assert sure == []


def test_what_is_no_longer_needed_is_given_up_only_where_examples_say_so(classifier):
    invoice = classifier.predict("I no longer need the invoice, I have found it")
    assert invoice.intent == NO_INTENT or invoice.confidence < ROUTE
    plan = classifier.predict("Please terminate our subscription, we no longer need it")
    assert (plan.intent, plan.confidence >= ROUTE) == ("cancellation", True)


@pytest.mark.parametrize(
    "text",
    [
        "I do not want to cancel my plan",
        "There is no refund needed",
        "Under no circumstances should my subscription be cancelled",
        "Ich will kein Geld zurück, sondern das fehlende Teil",
        "Je ne souhaite pas résilier mon abonnement",
        "No quiero cancelar mi suscripción",
        "Non chiedo il rimborso",
        "Não quero cancelar a minha assinatura",
        "Ik wil mijn abonnement niet opzeggen",
        "Nie chcę rezygnować z subskrypcji",
        "Jag vill inte säga upp min prenumeration",
        "Jeg vil ikke opsige mit abonnement",
        "Jeg ønsker ikke å si opp abonnementet mitt",
        "Aboneliğimi iptal etmek istemiyorum",
    ],
)
def test_a_wish_that_is_negated_is_not_named_to_a_specialist(classifier, text):
    found = classifier.predict(text)
    assert found.intent == NO_INTENT or found.confidence < ROUTE


@pytest.mark.parametrize(
    "text",
    [
        "The page says that I asked for my money back. I did not.",
        "Somebody wrote that I want to cancel my plan, but I haven't.",
        "Cancel my subscription? Certainly not!",
        "Sie schreiben, ich wolle eine Rückerstattung. Das stimmt so nicht!",
        "Vous dites que je veux un remboursement. Ce n'est pas vrai.",
        "Dicen que quiero cancelar mi suscripción. No es verdad.",
        "Dite che voglio un rimborso. Non l'ho mai chiesto.",
        "Dizem que quero cancelar a assinatura. Isso não é verdade.",
        "U zegt dat ik mijn geld terug wil. Dat is niet zo.",
        "Piszecie, że chcę anulować subskrypcję. Nie, to nieprawda.",
        "Ni säger att jag vill ha pengarna tillbaka. Det vill jag inte.",
        "I siger, at jeg vil have pengene tilbage. Det har jeg aldrig sagt.",
        "Dere sier at jeg vil si opp abonnementet. Det er ikke riktig.",
        "Paramı geri istediğimi söylüyorsunuz. Hayır, istemedim.",
    ],
)
def test_a_denial_in_a_sentence_of_its_own_is_recognised(classifier, text):
    found = classifier.predict(text)
    assert found.intent == NO_INTENT or found.confidence < ROUTE


@pytest.mark.parametrize(
    "text", ["Where is my order? It has not arrived.", "I can't log in. It does not accept my password."]
)
def test_a_complaint_in_a_sentence_of_its_own_is_no_denial(classifier, text):
    assert classifier.predict(text).confidence >= AUTO


def test_what_is_given_up_is_a_wish(classifier):
    found = classifier.predict("I do not want this subscription any more, please cancel it")
    assert (found.intent, found.confidence >= ROUTE) == ("cancellation", True)


def test_why_it_is_held_back_is_said(classifier):
    assert "may mean the opposite" in classifier.predict("Please don't close my account").unread


@pytest.mark.parametrize(
    "text", ["4711", "#12345", "A-4711 9981", "refund", "cancel 4711", "Rechnung", "me@example.com"]
)
def test_a_number_or_a_single_word_is_not_answered(classifier, text):
    found = classifier.predict(text)
    assert found.confidence < AUTO or found.intent == NO_INTENT
    assert "only a number or a single word" in found.unread


def test_an_intent_with_numbers_for_examples_is_not_answered_on_a_number(tmp_path):
    numbers = {
        "order_number": {
            "examples": ["4711", "my order is 4712", "order number 9981", "no. 5512", "it is 99812"]
        }
    }
    made = classifier_of(
        Settings(path=tmp_path / "b.toml", classifier={"cache": str(tmp_path)}, intents=numbers)
    )
    found = made.predict("4713")
    assert found.confidence < AUTO or found.intent == NO_INTENT


def test_a_complaint_that_is_usually_worded_with_not_is_not_held_back(classifier):
    found = classifier.predict("I can't log in, my password is not accepted")
    assert (found.intent, found.unread) == ("login_problem", "")
