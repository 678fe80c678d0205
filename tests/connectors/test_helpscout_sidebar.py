"""Help Scout's sidebar asks: only a genuine question is answered, in the shapes of both of its app frameworks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.helpscout import sidebar
from connectors.helpscout.settings import Settings
from connectors.kit.signing import hmac_base64
from core.errors import BadPayload, BadSignature
from core.model import SidebarRequest, WebhookRequest

SECRET = "0f" * 20
SETTINGS = Settings(vendor="helpscout", webhook_secret=[SecretStr("the next one"), SecretStr(SECRET)])
SAMPLES = Path(__file__).parent / "helpscout_sidebar"


def posted(body: bytes, signature: str | None = None):
    given = {"x-helpscout-signature": hmac_base64(SECRET, body, "sha1") if signature is None else signature}
    return sidebar.asked(SETTINGS, WebhookRequest(given, body), "")


def opened(query: str):
    return sidebar.asked(SETTINGS, WebhookRequest({}, b""), query)


@pytest.mark.parametrize("name", ["conversation", "numbers_as_text", "draft", "nothing_but_a_mailbox"])
def test_a_legacy_app_s_question_names_conversation_and_agent(name):
    body = (SAMPLES / f"{name}.body.json").read_bytes()
    assert posted(body) == SidebarRequest(**json.loads((SAMPLES / f"{name}.viewing.json").read_text()))


@pytest.mark.parametrize("name", ["frame", "frame_of_a_draft"])
def test_a_frame_s_query_names_conversation_and_agent(name):
    """Whole queries with their signatures, so that order, slashes and other people's letters are tried."""
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    assert opened(sample["query"]) == SidebarRequest(**sample["viewing"])


@pytest.mark.parametrize("signature", ["", "AAAA", "é"])
def test_an_unsigned_or_forged_question_is_refused(signature):
    with pytest.raises(BadSignature):
        posted(b'{"ticket":{"id":5}}', signature)


def test_one_changed_byte_of_the_question_is_noticed():
    good = (SAMPLES / "conversation.body.json").read_bytes()
    with pytest.raises(BadSignature):
        posted(good + b" ", hmac_base64(SECRET, good, "sha1"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conversation-id=3382", "conversation-id=3383"),
        ("X-HelpScout-Signature", "X-Other"),
        ("&user-id", "&user"),
    ],
)
def test_a_changed_query_is_refused(old, new):
    query = json.loads((SAMPLES / "frame.json").read_text())["query"]
    assert old in query
    with pytest.raises(BadSignature):
        opened(query.replace(old, new))


def test_an_empty_request_proves_nothing():
    with pytest.raises(BadSignature):
        opened("")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"ticket":{"id":"../5"}}', b'{"ticket":{"id":5},"user":{"id":"x"}}']
)
def test_a_genuine_question_that_cannot_be_read_is_said_to_be_so(body):
    with pytest.raises(BadPayload):
        posted(body)


def test_doctor_s_own_question_is_genuine_in_both_shapes():
    request, query = sidebar.probe(SECRET)
    assert sidebar.asked(SETTINGS, request, "") == opened(query) == SidebarRequest("")
