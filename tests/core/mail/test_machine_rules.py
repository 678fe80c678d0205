"""The rules by which a machine's words are read, and that no person of the collected mail is taken to say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.mail.machine import evidence
from core.mail.phrases import fold, likely_languages
from core.mail.signature import is_sent_from
from core.mail.thanks import is_thanks

SETS = sorted((Path(__file__).parents[3] / "bench" / "data").glob("mail*/*.jsonl"))
LINES = [json.loads(line) for path in SETS for line in path.read_text("utf-8").splitlines()]
PERSON = "mia@example.com"


def test_no_person_is_taken_to_say_nothing():
    people = [(line[1], line[2]) for line in LINES if line[0] == "person"]
    silenced = [one for one in people if (found := evidence(*one, PERSON)) and found.whole]
    assert len(people) > 250
    assert silenced == []


def test_thanks_with_something_behind_them_are_no_thanks():
    more = [line[2] for line in LINES if line[0] == "but"]
    assert len(more) > 150
    assert [one for one in more if is_thanks(one)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, parcel now",
        "Thanks. Order today",
        "Thank you, the order",
        "Merci, le colis",
        "Danke, Paket",
        "Gracias, mi pedido",
    ],
)
def test_what_is_only_named_is_asked_for(text):
    assert not is_thanks(text)


def test_thanks_for_what_has_arrived_are_thanks():
    assert is_thanks("Thanks, the parcel has arrived.")
    assert is_thanks("Merci, j'ai bien reçu le colis.")


def test_thanks_and_machines_are_seen_by_their_words_alone():
    thanks = [is_thanks(line[2]) for line in LINES if line[0] == "thanks"]
    machines = [
        evidence(line[1], line[2], PERSON) for line in LINES if line[0] not in {"person", "thanks", "but"}
    ]
    assert sum(thanks) >= 0.93 * len(thanks)
    assert sum(one is not None for one in machines) >= 0.97 * len(machines)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: proposal", "I don't work on Fridays. I'll get back to you on Monday."),  # no complaint
        ("Cancelado: Revisión", "Esta reunión ha sido cancelada."),  # no demand to cancel
        ("Re: письмо", "Ваше сообщение поступило к нам. Служба поддержки ответит как можно быстрее."),
        ("RE: Bestellung", "Unsere Büros sind geschlossen. Wir melden uns nach den Feiertagen."),
        ("RE: commande", "Nos locaux sont fermés. Nous reviendrons vers vous à la réouverture."),
    ],
)
def test_words_of_a_machine_are_no_wish(subject, text):
    assert evidence(subject, text, PERSON) is not None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Accepted", "You accepted the claim but I have not seen a penny of it."),
        ("Abgelehnt", "Sie haben den Antrag abgelehnt, das nehme ich so nicht hin."),
        ("AW: Vertrag", "Ich bin ab Dienstag wieder im Büro, bitte rufen Sie mich wegen der Nebenkosten an."),
        ("Re: contract", "I am back in the office on Tuesday, then call me about the small print."),
        ("RE: contrat", "Je suis de retour au bureau mardi, appelez-moi au sujet des frais."),
    ],
)
def test_who_wants_to_be_called_or_objects_has_said_something(subject, text):
    found = evidence(subject, text, PERSON)
    assert found is None or not found.whole


def test_one_word_in_common_makes_no_second_language():
    codes = [one.code for one in likely_languages(fold("This event has been moved to the first of June."))]
    assert codes[0] == "en"
    assert "es" not in codes


@pytest.mark.parametrize("line", ["Отправлено из Яндекс Почты", "Gesendet mit der Telekom Mail App"])
def test_a_mail_programs_line_is_known(line):
    assert is_sent_from(line)


def test_a_sentence_about_a_phone_is_no_mail_programs_line():
    assert not is_sent_from("The case sent from my mobile shop never came.")
