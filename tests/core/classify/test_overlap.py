"""A starter intent that says the same as one of the file's own steps back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.classify.build import cache_dir, embedded_of, learned_from
from core.classify.overlap import stepping_back
from core.settings import Settings

OWN = [
    "I forgot my password",
    "how do I reset my password",
    "please send me a link for a new password",
    "the password reset mail does not arrive",
    "my password does not work any more",
    "I need a new password",
]
OTHER = ["Can you wrap it as a present?", "gift wrapping please", "I'd like a bow and a card with it"]


@pytest.fixture
def made(classifier_cache: Path) -> Callable[..., Settings]:
    def settings(**intents: list[str]) -> Settings:
        named = {name: {"examples": lines} for name, lines in intents.items()}
        return Settings(
            path=Path("backstop.toml"), classifier={"cache": str(classifier_cache)}, intents=named
        )

    return settings


def test_the_files_own_intent_goes_first(made: Callable[..., Settings]) -> None:
    own = made(password_reset=OWN)
    assert stepping_back(own, cache_dir(own)) == {"login_problem": "password_reset"}
    found = embedded_of(own).predict("Hello, I have forgotten my password. What can I do?")
    assert found.intent == "password_reset"
    assert found.confidence > 0.6


def test_one_that_the_file_names_stays_and_so_does_one_unlike_any(made: Callable[..., Settings]) -> None:
    both = made(password_reset=OWN, login_problem=[])
    assert stepping_back(both, cache_dir(both)) == {}
    assert {"password_reset", "login_problem"} <= learned_from(both).keys()
    unlike = made(gift_wrap=OTHER)
    assert stepping_back(unlike, cache_dir(unlike)) == {}


def test_an_urgent_one_never_does(made: Callable[..., Settings]) -> None:
    hacked = made(stolen_account=["my account was hacked", "someone is in my account", "I have been hacked"])
    assert stepping_back(hacked, cache_dir(hacked)) == {}
