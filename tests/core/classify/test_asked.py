"""Whether a message asks: what is told, imagined or only stated is not what somebody wants now."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from core.classify.asked import read_speech, stated
from core.classify.build import classifier_of
from core.classify.starter import URGENT
from core.language import LANGUAGES
from core.model import NO_INTENT
from core.settings import Settings

DATA = Path(__file__).parents[3] / "bench" / "data" / "mail_blind"
WISHES = tomllib.loads((DATA / "wishes_sixth.toml").read_text("utf-8"))
AUTO = 0.85


@pytest.fixture(scope="module")
def classifier(classifier_cache: Path):
    return classifier_of(Settings(path=Path("backstop.toml"), classifier={"cache": str(classifier_cache)}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wish_that_is_none_is_not_answered(classifier, language):
    found = [(text, classifier.predict(text)) for texts in WISHES[language].values() for text in texts]
    sure = [text for text, one in found if one.confidence >= AUTO and one.intent not in {NO_INTENT, *URGENT}]
    assert sure == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "A lady in our choir returned her teapot to you and was thrilled."),
        ("de", "Eine Dame aus unserem Chor hat ihre Teekanne bei Ihnen zurückgegeben."),
        ("fr", "Une dame de notre chorale vous a renvoyé sa théière et en était ravie."),
        ("sv", "En dam i vår kör lämnade tillbaka sin tekanna till er och var förtjust."),
        ("tr", "Korodan bir hanım çaydanlığını size iade etmiş ve çok memnun kalmış."),
    ],
)
def test_what_is_told_of_others_asks_for_nothing(language, text):
    assert not read_speech(text, language)[1].asks


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Should the parcel ever get lost, would you send another one?"),
        ("de", "Ginge das Paket einmal verloren, bekäme ich dann ein neues?"),
        ("es", "Si el paquete llegara a perderse, ¿me mandarían otro?"),
        ("pl", "Gdyby paczka kiedyś zaginęła, wysłalibyście drugą?"),
        ("tr", "Paket bir gün kaybolacak olsa yenisini yollar mıydınız?"),
    ],
)
def test_what_is_imagined_asks_for_nothing_now(language, text):
    said = read_speech(text, language)[1]
    assert (said.imagines, said.asks) == (True, False)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "If you could send me the invoice, that would be great."),
        ("en", "I would like to know if I can return the lamp"),
        ("en", "cancel my subscription and send the confirmation to my office"),
        ("en", "Password reset for order 4711"),
        ("de", "Wenn Sie mir die Rechnung schicken könnten, wäre ich dankbar."),
        ("fr", "Si vous pouviez m'envoyer la facture, ce serait gentil."),
        ("it", "Il pacco risulta consegnato ma non è mai arrivato, dove si trova"),
        ("nl", "Kunnen jullie de factuur van maart nog een keer sturen"),
    ],
)
def test_a_request_asks_however_polite(language, text):
    assert read_speech(text, language)[1].asks


def test_a_request_beside_a_story_is_a_request():
    text = "A lady in our choir returned her teapot to you. Where is my own parcel?"
    assert read_speech(text, "en")[1].asks


def test_in_a_language_without_words_everything_asks():
    assert read_speech("Kuorosta eräs nainen palautti teekannunsa teille ja oli hyvin ihastunut siihen")[
        1
    ].asks


def test_what_its_own_examples_state_may_be_stated():
    examples = {
        "chipped": ["two of the plates are chipped on the rim", "the handle of the cup came off in my hand"],
        "copy": ["please send me a copy of the invoice", "can I get the receipt for my last order again?"],
    }
    assert stated(examples, "en") == ("chipped",)
