"""The proofs of a request."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.signing import check_fresh, check_signature, check_token, hmac_base64, same
from core.errors import BadSignature

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


def test_the_signature_is_that_of_the_published_vector():
    secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    assert hmac_base64(secret, b"2021-03-25T05:09:27Z{}") == "OhyuASlMysBOYZdC/6lrc3gA+Lv49zMKyTnxzdRguy4="


@given(st.text(min_size=1), st.binary())
def test_what_is_signed_with_any_of_the_secrets_is_genuine(secret, payload):
    digest = (
        hmac.new(secret.encode("utf-8", "surrogatepass"), payload, hashlib.sha1).digest()
        if secret.isascii()
        else b""
    )
    if digest:
        check_signature(["other", secret], payload, base64.b64encode(digest).decode(), algorithm="sha1")


@given(st.text(), st.binary())
def test_what_is_not_signed_is_refused_whatever_it_looks_like(given_, payload):
    with pytest.raises(BadSignature):
        check_signature(["secret"], payload, given_)


def test_without_a_secret_nothing_is_genuine():
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            check_signature(secrets, b"x", hmac_base64("", b"x"))
        assert not same(secrets, "")


def test_one_changed_byte_is_refused():
    with pytest.raises(BadSignature, match="secret"):
        check_signature(["s"], b"body ", hmac_base64("s", b"body"))


@pytest.mark.parametrize("minutes", [-9.9, 0, 9.9])
def test_a_stamp_within_the_window_is_fresh(minutes):
    check_fresh((NOW + timedelta(minutes=minutes)).isoformat(), NOW, WINDOW)


@pytest.mark.parametrize(
    "stamp",
    [
        None,
        "",
        "yesterday",
        "2026-11-24",
        "2026-11-24T12:00:00",
        "2026-11-24T11:49:59Z",
        "2026-11-24T12:10:01Z",
    ],
)
def test_a_stamp_outside_of_it_or_without_a_zone_is_refused(stamp):
    with pytest.raises(BadSignature):
        check_fresh(stamp, NOW, WINDOW)


@given(st.text())
def test_no_stamp_breaks_anything(stamp):
    with pytest.raises(BadSignature):
        check_fresh(stamp, NOW, WINDOW)


def test_a_token_may_come_in_its_header_or_as_the_password():
    check_token(["a", "b"], {"x-token": "b"}, "x-token")
    check_token(["a", "pass:word"], basic("pass:word"), "x-token")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-token": "c"},
        {"authorization": "Bearer a"},
        {"authorization": "Basic ???"},
        {"authorization": "Basic"},
    ],
)
def test_any_other_token_is_refused(headers):
    with pytest.raises(BadSignature):
        check_token(["a"], headers, "x-token")
