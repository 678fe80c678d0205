"""Addresses that an admin types are used with care, and an answer is understood."""

from __future__ import annotations

import pytest

from connectors.channels.posting import checked_url, inner, post, resolve_outside
from core.errors import NotAllowed, Refused, TryLater, UnknownOutcome
from tests.connectors.channels.fakes import Web, reply, serving


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/x",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://100.100.100.200/",
        "http://[::ffff:169.254.169.254]/",
        "http://METADATA.google.internal./",
    ],
)
def test_addresses_where_clouds_keep_their_secrets_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="keep their secrets"):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://x.example/", "gopher://x.example", "slack.com/services", "https://", ""],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be an http"):
        checked_url(url)


def test_own_networks_are_allowed_since_pagers_live_there() -> None:
    assert checked_url("http://10.0.0.5:8081/api")
    assert not inner("127.0.0.1")


def test_a_name_that_leads_to_such_an_address_is_refused_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("169.254.169.254", 80))])
    with pytest.raises(Refused, match="keep their secrets"):
        resolve_outside("http://innocent.example/hook")


def test_a_name_that_cannot_be_found_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_a: object, **_k: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", lost)
    with pytest.raises(TryLater, match="cannot be found"):
        resolve_outside("http://nowhere.example/hook")


ANSWERS = [
    (reply(429, "slow", Retry_After="7"), TryLater),
    (reply(503, ""), TryLater),
    (reply(500, ""), UnknownOutcome),
    (reply(502, ""), UnknownOutcome),
    (reply(408, ""), UnknownOutcome),
    (None, UnknownOutcome),
    (reply(400, "no"), Refused),
    (reply(404, "no"), Refused),
    (reply(401, ""), NotAllowed),
    (reply(302, "", Location="http://169.254.169.254/"), Refused),
]


@pytest.mark.parametrize(
    ("answer", "error"), ANSWERS, ids=[str(a.status_code if a else "hang up") for a, _ in ANSWERS]
)
def test_every_answer_is_one_of_ours(answer, error) -> None:
    calls: list[tuple[str, str]] = []
    with serving(Web(next=[answer])) as web, pytest.raises(error) as caught:
        post(f"{web.base}/x", on_call=lambda *c: calls.append(c), operation="x", json={})
    assert type(caught.value) is error
    assert calls == [("x", error.__name__.lower())]
    if getattr(answer, "status_code", 0) == 429:
        assert caught.value.wait.total_seconds() == 7


def test_a_closed_door_is_tried_later_for_nothing_was_sent() -> None:
    with serving(Web()) as web:
        base = web.base
    with pytest.raises(TryLater):
        post(f"{base}/x", on_call=lambda *_: None, operation="x", json={})
