"""What the form of a mail shows of who wrote it: a machine's table, number or report, and never a person who lacks something."""

from __future__ import annotations

import pytest

from core.mail.machine import evidence

PERSON = "mia@example.com"
FORMS = [
    ("Re: lamp [#4471]", "Filed under 4471 with the evening shift. Please allow two days."),
    ("AW: Lampe [#4471]", "Wir führen Ihre Zeilen unter 4471. Rückmeldung binnen zwei Tagen."),
    ("RE: lampe", "Référence : 4471\nÉtat : nouveau\nDélai : 48 h"),
    ("Ynt: lamba", "Durum: yeni\nSüre: 2 gün\nKayıt: 4471"),
    ("Folder", "Ann Lee shared a folder with you.\nOpen"),
    ("Re: offer", "Our studio is closed until 6 May. Ann Lee is looking after my projects."),
    ("RE: Angebot", "Ich bin in Elternzeit bis Oktober. Jan Weil kümmert sich um meine Aufgaben."),
    ("RE: offerta", "Il negozio resta chiuso per inventario fino al 6 maggio."),
    ("SV: offert", "Verkstaden håller semesterstängt vecka 30."),
    ("RE: предложение", "Я в отпуске до 6 мая, меня замещает Анна Лисина."),
    ("RE: 見積", "5月6日まで休業いたします。"),
]
PEOPLE = [
    ("Ticket 4471", "You closed 4471 and the tap still drips."),
    ("[#4471]", "My lamp 4471 is broken."),
    ("Order", "Name: Ann Lee\nOrder: 4471\nProblem: the lamp that you sent me blinks and smells of smoke"),
    ("", "Your office was closed when I came for the lamp, but the page said it was open."),
    ("", "The parcel was handed to the courier, but nothing has come."),
    ("", "We are back from our trip and the tap drips."),
    ("RE: Termin", "Wir sind bis Freitag im Urlaub, der Monteur steht vor der Tür."),
    ("RE: rdv", "Je suis en vacances et l'alarme sonne chez moi."),
    ("", "Jeg er på ferie, og alarmen ringer."),
    ("Bestellung [#4471]", "4471 kam kaputt an"),
    ("", "Ich bin krankgeschrieben und brauche die Rechnung."),
    ("", "Je suis en arrêt maladie et j'ai besoin de la facture."),
]
LACKING = [
    "My colleague is covering for me. She has no access.",
    "I am on leave until Monday and my deputy cannot log in.",
    "Mein Kollege vertritt mich. Er hat keinen Zugang.",
    "Ma collègue me remplace. Elle n'a pas d'accès.",
    "Mi compañera me sustituye. No tiene acceso.",
    "Il collega mi sostituisce. Non ha accesso.",
    "Min kollega vikarierar för mig. Hon kommer inte in.",
    "Min kollega dækker ind for mig. Hun har ikke adgang.",
    "Ik ben op vakantie. Mijn collega kan er niet in.",
]


@pytest.mark.parametrize(("subject", "text"), FORMS)
def test_a_machine_is_seen_by_its_form_and_people_are_still_notified(subject, text):
    found = evidence(subject, text, PERSON)
    assert found is not None
    assert not found.whole or found.reason.startswith("it reads like")


@pytest.mark.parametrize(("subject", "text"), PEOPLE)
def test_who_complains_or_needs_something_is_a_person(subject, text):
    assert evidence(subject, text, PERSON) is None


@pytest.mark.parametrize("text", LACKING)
def test_who_is_away_and_says_what_somebody_else_lacks_is_a_person(text):
    assert evidence("", text, PERSON) is None


def test_a_person_away_who_asks_is_heard():
    found = evidence("", "I'm away until the 20th, can I have a few more days to return the jacket", PERSON)
    assert found is None or not found.whole
