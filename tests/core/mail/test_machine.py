"""Machines are known by where machines write; customers who use the same words are not taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail.machine import evidence

PERSON = "mia@example.com"


def reason(subject: str, text: str, address: str, headers: dict[str, str] | None = None) -> str:
    """Why a machine wrote it; "" when a person did."""
    found = evidence(subject, text, address, headers)
    return found.reason if found else ""


SUBJECTS = [
    "Automatic reply: Your ticket",
    "Re: Automatic Reply: Charge",
    "Out of Office Re: Your order",
    "Out of office",
    "OOO: back on Monday",
    "Auto-reply",
    "Automatische Antwort: Ihre Anfrage",
    "AW: Abwesenheitsnotiz",
    "Abwesend bis 3. Mai",
    "Réponse automatique : Votre demande",
    "Absence du bureau",
    "Respuesta automática: Su pedido",
    "Fuera de la oficina",
    "Automatisch antwoord: Uw bestelling",
    "Afwezigheidsbericht",
    "Risposta automatica: Il suo ordine",
    "Fuori ufficio",
    "Resposta automática: Seu pedido",
    "Fora do escritório",
    "Undeliverable: Your order",
    "Undelivered Mail Returned to Sender",
    "Mail delivery failed: returning message to sender",
    "Delivery Status Notification (Failure)",
    "failure notice",
    "Unzustellbar: Ihre Anfrage",
    "Non remis : Votre demande",
    "No se puede entregar: Su pedido",
    "Onbestelbaar: Uw bestelling",
    "Mancato recapito: Il suo ordine",
    "Não foi possível entregar: Seu pedido",
]
OPENINGS = [
    "I am currently out of the office with limited access to e-mail.",
    "Hello,\n\nI am out of office until Monday 3 May.",
    "Thank you for your email. I am on annual leave and will be back next week.",
    "This is an automated response. Please do not reply.",
    "Guten Tag,\n\nvielen Dank für Ihre Nachricht. Ich bin derzeit nicht im Büro.",
    "Ich bin bis zum 3. Mai nicht im Büro.",
    "Bonjour,\n\nje suis absente du bureau jusqu'au 3 mai.",
    "Hola,\n\nEstoy fuera de la oficina hasta el lunes.",
    "Beste,\n\nIk ben momenteel afwezig tot maandag.",
    "Buongiorno,\n\nsono fuori ufficio fino al 3 maggio.",
    "Olá,\n\nestou de férias até segunda-feira.",
    "This is the mail system at host mx.example.com.\n\nI'm sorry to have to inform you",
    "This message was created automatically by mail delivery software.",
    "Ihre Nachricht an info@example.com konnte nicht zugestellt werden.",
    "Votre message n'a pas pu être remis",
]
PEOPLE = [
    ("When will you be out of office?", "When will you be out of office over Christmas?"),
    ("Order", "Hello, could you tell me when your team will be out of office? I am waiting for a parcel."),
    ("Your automatic reply", "Your automatic reply said two hours, that was yesterday."),
    ("Delivery failed", "The courier says the delivery failed. Where is my parcel?"),
    ("My delivery has not arrived", "Delivery of order 77 is late"),
    ("Office chair", "I am out of ideas: the office chair wobbles until I sit still."),
    ("Automatic payments", "Please stop the automatic payments on my card."),
    ("Subscription", "I am on holiday and my card was charged twice!"),
    ("Holiday", "I am on vacation in Spain and the app does not work here. Can you help?"),
    ("Frage", "Ich bin bis jetzt sehr zufrieden, aber die Rechnung stimmt nicht."),
    ("Rechnung", "Ich bin im Urlaub und kann mich nicht anmelden. Können Sie helfen?"),
    ("Retour", "Je suis en vacances et je ne peux pas me connecter."),
    ("Pedido", "Estoy de vacaciones y no he recibido mi pedido."),
    ("Message undelivered in the chat", "The chat shows my message as not delivered."),
    ("Error en la entrega", "Error en la entrega de mi pedido."),
    ("No se pudo entregar mi pedido", "¿Dónde está?"),
    ("Échec de livraison", "Le livreur n'est jamais venu."),
    ("Falha na entrega", "O meu pedido não chegou."),
    ("Mancato recapito del pacco", "Dov'è il mio pacco?"),
    ("Unzustellbares Paket", "Mein Paket kam nie an."),
    ("Delayed: order 77", "It is late."),
    ("Absence of sound", "There is no sound in the app."),
    ("", ""),
    (
        "Reply",
        "The out of office reply of your colleague says I should write to you: please refund order 77.",
    ),
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_machines_subject_is_known(subject):
    assert reason(subject, "Hello", PERSON)


@pytest.mark.parametrize("text", OPENINGS)
def test_a_machines_opening_is_known(text):
    assert reason("Re: Your ticket", text, PERSON)


@pytest.mark.parametrize(("subject", "text"), PEOPLE)
def test_a_customer_who_uses_the_same_words_is_a_customer(subject, text):
    assert reason(subject, text, PERSON) == ""


@pytest.mark.parametrize(
    "address",
    [
        "no-reply@shop.example",
        "noreply@shop.example",
        "do_not_reply@shop.example",
        "donotreply+77@shop.example",
        "MAILER-DAEMON@mx.example",
        "bounces@news.example",
        "bounce-77_HTML-1@news.example",
        "orders-noreply@shop.example",
        "ne-pas-repondre@boutique.example",
    ],
)
def test_a_no_reply_address_is_a_machines(address):
    assert address in reason("Hello", "Hello", address)


@pytest.mark.parametrize(
    "address",
    [
        "mia@example.com",
        "reply@example.com",
        "bouncer@club.example",
        "noreen@example.com",
        "mail@noreply.example",
        "",
        "not an address",
    ],
)
def test_an_address_that_somebody_may_read_is_not(address):
    assert reason("Hello", "Hello", address) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; x=y"},
        {"Precedence": "Bulk"},
        {"X-Autoreply": "yes"},
        {"X-Auto-Response-Suppress": "OOF, AutoReply"},
        {"List-Id": "<news.example>"},
        {"Return-Path": "<>"},
        {"Content-Type": "multipart/report; report-type=delivery-status"},
        {"X-Failed-Recipients": "a@b.example"},
    ],
)
def test_a_machines_header_is_known(headers):
    assert reason("Hello", "Hello", PERSON, headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": ""},
        {"Precedence": "normal"},
        {"X-Auto-Response-Suppress": "All"},
        {"Return-Path": "<mia@example.com>"},
        {"Content-Type": "text/plain"},
    ],
)
def test_a_persons_header_is_not(headers):
    assert reason("Hello", "Hello", PERSON, headers) == ""


WISHES = [
    "Hi, I will be away on vacation from 2 to 9 March. Please freeze my plan for these days.",
    "I'm out of the office until Friday. Put the crate behind the shed.",
    "Ich bin bis Freitag im Urlaub. Stellt die Kiste hinter den Schuppen.",
    "Je suis en congés jusqu'au 9 mars. Posez la caisse derrière l'abri.",
    "Estoy de vacaciones hasta el 9 de marzo. Dejen la caja detrás del cobertizo.",
    "Ik ben tot 9 maart met vakantie. Zet de kist achter de schuur.",
    "Jag är på semester till den 9 mars. Ställ lådan bakom skjulet.",
    "3月9日まで休暇中です。荷箱は物置の裏に置いてください。",
]


@pytest.mark.parametrize("text", WISHES)
def test_who_is_away_and_asks_for_something_has_said_something(text):
    found = evidence("", text, PERSON)
    assert found is None or not found.whole


RECEIPTS = [
    ("Read: Your bill", "Your message\n\nTo: Kim\nSubject: Your bill\n\nwas read on Monday."),
    ("Letto: La fattura", "Il messaggio\n\nA: Pia\nOggetto: La fattura\n\nè stato letto lunedì 3 maggio."),
    ("Прочтено: Счёт", "Сообщение\n\nКому: Пётр\nТема: Счёт\nОтправлено: 3 мая\n\nпрочитано 3 мая."),
    ("Přečteno: Faktura", "Vaše zpráva\n\nKomu: Petr\nPředmět: Faktura\n\nbyla přečtena 3. května."),
    ("Gelesen: Rechnung", "Ihre Nachricht\n\nAn: Uta\nBetreff: Rechnung\n\nwurde am 3. Mai gelesen."),
]


@pytest.mark.parametrize(("subject", "text"), RECEIPTS)
def test_a_read_receipt_is_known_by_its_shape(subject, text):
    found = evidence(subject, text, PERSON)
    assert found is not None
    assert found.kind == "receipt"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Onbestelbaar: Rekening", "Uw bericht kon niet worden bezorgd bij kim@klant.example."),
        (
            "No se puede entregar: Factura",
            "No se ha podido entregar el mensaje a estos destinatarios: k@k.example",
        ),
        ("Nedoručitelné: Faktura", "Vaši zprávu se nepodařilo doručit na adresu k@k.example."),
        ("Teslim edilemedi: Fatura", "İletiniz k@k.example adresine teslim edilemedi."),
    ],
)
def test_what_a_delivery_report_says_of_delivery_is_no_customers_topic(subject, text):
    found = evidence(subject, text, PERSON)
    assert found is not None
    assert found.kind == "bounce"


@settings(deadline=None)  # the first text of a language compiles its patterns
@given(st.text(max_size=2000), st.text(max_size=5000), st.text(max_size=200))
def test_no_text_breaks_it(subject, text, address):
    assert isinstance(reason(subject, text, address), str)


def test_a_megabyte_of_text_is_judged_at_once():
    assert reason("a" * 1_000_000, "I am " * 200_000, "a-" * 100_000 + "@x") == ""


@pytest.mark.parametrize(
    "text",
    [
        "This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not be delivered "
        "to one or more recipients.\n\n<old@gone.example>: host mx.gone.example said: 550 5.1.1 User unknown",
        "Delivery has failed to these recipients or groups:\nann@gone.example\nThe server crashed while it was storing your message.",
    ],
)
def test_a_mail_servers_report_says_nothing_beside_it_in_whatever_words(text):
    found = evidence("Undelivered Mail Returned to Sender", text, "mailer-daemon@mx.example")
    assert found is not None
    assert found.whole, "no urgent intent is suspected in it"
