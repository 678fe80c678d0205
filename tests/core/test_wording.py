"""What customers and agents read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import BrokenTemplate
from core.hours import Hours
from core.language import language_of
from core.model import (
    AddNote,
    Author,
    Customer,
    Decision,
    Guess,
    Message,
    Outcome,
    Prediction,
    Reply,
    Status,
    Ticket,
)
from core.promise_text import say
from core.sandbox import HERE, environment, render
from core.wording import check, fill, first_name

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOURS = Hours.make("UTC", {"mon": "08:00-18:00", "tue": "08:00-18:00", "wed": "08:00-18:00"})
GUESS = Prediction(
    "billing_dispute", 0.729, (Guess("refund_request", 0.2),), "test-model", ("charge", "card")
)
TICKET = Ticket(
    "support",
    "7",
    "Charge",
    (Message("m1", Author.CUSTOMER, NOW, "x"),),
    Customer("c", "carla@example.com", "Carla Client"),
    Status.NEW,
    NOW,
    NOW,
)


def filled(action, words="There is a charge I did not make", dirs=(), guess=GUESS, on_broken=pytest.fail):
    decision = Decision(
        Outcome.ROUTED, "72% is between 60% and 85%", rule="intents.billing_dispute", rules_version="abc"
    )
    (done,) = fill(
        environment(list(dirs)),
        [action],
        decision,
        guess,
        TICKET,
        words=words,
        promise_at=NOW + timedelta(minutes=90),
        now=NOW,
        hours=HOURS,
        on_broken=on_broken,
    )
    return done.text


def test_the_note_names_no_guess_of_zero_per_cent():
    faint = (Guess("refund_request", 0.2), Guess("how_to", 0.0099))
    text = filled(AddNote("note"), guess=replace(GUESS, alternatives=faint))
    assert "Next guesses: refund_request 20%.\n" in text
    none = filled(AddNote("note"), guess=replace(GUESS, alternatives=faint[1:]))
    assert "Next guesses" not in none


def test_the_note_begins_exactly_as_the_contract_says_and_goes_on_with_the_reason():
    text = filled(AddNote("note"))
    assert text.startswith(
        "Likely intent: billing_dispute (72% confidence). Customer message: There is a charge I did not make"
    )
    assert "refund_request 20%" in text
    assert "intents.billing_dispute (rules version abc, model test-model)" in text
    assert "charge, card" in text


def test_a_long_message_is_shortened_to_one_line():
    first = filled(AddNote("note"), words="word\n" * 500).splitlines()[0]
    assert len(first) < 400
    assert first.endswith("…")


@pytest.mark.parametrize(
    ("words", "language", "has"),
    [
        ("My order did not arrive, please help me with it", "en", "by 10:30 today"),
        ("Meine Bestellung ist nicht angekommen, bitte helfen Sie mir", "de", "vielen Dank"),
        ("Ma commande n'est pas arrivée, pouvez-vous m'aider s'il vous plaît", "fr", "Merci"),
        ("Mi pedido no ha llegado todavía, por favor ayúdeme", "es", "Gracias"),
        ("Mijn bestelling is nog niet aangekomen, kunt u mij helpen", "nl", "Bedankt"),
        ("Il mio ordine non è ancora arrivato, potete aiutarmi", "it", "grazie"),
        ("A minha encomenda ainda não chegou, podem ajudar-me por favor", "pt", "Obrigado"),
    ],
)
def test_the_acknowledgment_is_in_the_customers_language_and_names_a_time(words, language, has):
    assert language_of(words) == language
    text = filled(Reply("acknowledgment", "acknowledgment"), words)
    assert has in text
    assert "Carla" in text
    assert "10:30" in text
    assert "{{" not in text


@pytest.mark.parametrize(
    ("language", "has"),
    [
        ("da", "senest i dag kl. 10:30"),
        ("nb", "senest i dag kl. 10:30"),
        ("sv", "senast i dag kl. 10:30"),
        ("pl", "dziś do godz. 10:30"),
        ("tr", "bugün saat 10:30 olmadan"),
    ],
)
def test_a_language_of_the_north_or_east_has_its_own_acknowledgment(language, has):
    facts = {"name": "Carla", "ticket_id": "7", "language": language}
    facts["promise"] = say(NOW + timedelta(minutes=90), NOW, HOURS, language)
    text = render(environment([]), "acknowledgment", facts, language)
    assert has in text
    assert "Carla" in text
    assert "(UTC)" in text
    assert text != render(environment([]), "acknowledgment", facts, "en")


def test_a_language_is_one_file(tmp_path):
    (tmp_path / "acknowledgment.fi.txt").write_text("Hei, vastaamme viimeistään {{ promise }}.")
    facts = {"name": "", "ticket_id": "7", "language": "fi"}
    facts["promise"] = say(NOW + timedelta(minutes=90), NOW, HOURS, "fi")
    text = render(environment([tmp_path]), "acknowledgment", facts, "fi")
    assert text == "Hei, vastaamme viimeistään tiistai 24. marraskuuta 2026 10.30 (UTC)."


def test_an_admins_template_comes_first_and_may_be_translated(tmp_path):
    (tmp_path / "hi.txt").write_text("Hi {{ name }}")
    (tmp_path / "hi.de.txt").write_text("Hallo {{ name }}")
    env = environment([tmp_path])
    assert render(env, "hi.txt", {"name": "A"}, "de") == "Hallo A"
    assert render(env, "hi.txt", {"name": "A"}, "fr") == "Hi A"


@pytest.mark.parametrize(
    "source", ["{{ missing }}", "{% if %}", "{{ ''.__class__.__mro__ }}", "{{ name.__init__.__globals__ }}"]
)
def test_a_broken_or_wicked_template_is_refused_by_name(tmp_path, source):
    (tmp_path / "bad.txt").write_text(source)
    with pytest.raises(BrokenTemplate, match=r"bad\.txt"):
        render(environment([tmp_path]), "bad.txt", {"name": "A"})


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Carla Client", "Carla"),
        ("José", "José"),
        ("O'Neil Pat", "O'Neil"),
        ("Win $$$ now", ""),
        ("http://evil.example", ""),
        ("carla@example.com", ""),
        ("<b>x</b>", ""),
        ("12345", ""),
        ("A" * 100, ""),
        ("CLICK http://evil.example NOW and win a very big prize", ""),
        ("", ""),
    ],
)
def test_only_a_plausible_first_name_is_greeted(name, greeted):
    assert first_name(name) == greeted


def test_our_own_texts_can_be_rendered_in_every_language_for_every_name(tmp_path):
    """A start renders the admin's texts only, so here ours stand where the admin's would."""
    for text in HERE.glob("*.txt"):
        (tmp_path / text.name).write_bytes(text.read_bytes())
    assert check(environment([tmp_path]), [], NOW, HOURS) == []
    (tmp_path / "second_word.da.txt").write_text("{{ nmae }}")
    ((language, fault),) = check(environment([tmp_path]), [], NOW, HOURS)
    assert (language, "nmae" in str(fault)) == ("da", True)
