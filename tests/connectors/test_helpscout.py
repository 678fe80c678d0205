"""Help Scout's quirks, one promise a test: webhooks, tokens, what doctor sees."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from responses import matchers

from connectors.helpscout.connector import make_session
from connectors.helpscout.install.connect import authorize_url, exchange
from connectors.helpscout.settings import Settings
from connectors.kit.signing import hmac_base64
from core import errors
from core.model import EventKind, WebhookRequest
from core.ports import Token
from tests.connectors.conftest import Tokens
from tests.connectors.helpscout_account import (
    API,
    CONVERSATION,
    FIELDS,
    FIRST,
    ME,
    NOW,
    SECRET,
    account,
    desk,
    listed,
    said,
)


@pytest.fixture
def web():
    with account() as mock:
        yield mock


# --- webhooks -------------------------------------------------------------------------------


def request(body: bytes, event: str = "convo.customer.reply.created") -> WebhookRequest:
    headers = {"x-helpscout-signature": hmac_base64(SECRET, body, "sha1")}
    return WebhookRequest(headers | ({"x-helpscout-event": event} if event else {}), body)


def test_the_signature_is_the_vendors_own_example():
    heard = WebhookRequest({"x-helpscout-signature": "7S2+kN8bZsrdAEADJ+yYfWWsf/4="}, b'{"id":123}')
    desk(webhook_secret="asdfasdf").verify(heard, NOW)
    with pytest.raises(errors.BadSignature):
        desk(webhook_secret="asdfasdg").verify(heard, NOW)


def test_two_replies_that_say_nothing_of_themselves_are_two_facts():
    ours, bare = desk(), request(b'{"id":5}')
    assert ours.parse(bare, NOW)[0].key != ours.parse(bare, NOW + timedelta(seconds=1))[0].key


def test_one_delivery_repeated_hours_later_is_the_same_fact():
    body = json.dumps({**CONVERSATION, "threads": 4}).encode()
    ours = desk()
    assert ours.parse(request(body), NOW)[0].key == ours.parse(request(body), NOW + timedelta(hours=3))[0].key


def test_a_reply_seen_whole_has_the_same_key_as_in_the_sweep(web):
    threads = [FIRST, said(60, "anybody?")]
    body = {**CONVERSATION, "threads": 2, "_embedded": {"threads": threads[::-1]}}
    web.get(f"{API}/conversations", json=listed("conversations", [body]))
    keys = {e.key for e in desk().changed_since("", NOW - timedelta(days=1), NOW).changed_tickets[0].events}
    assert desk().parse(request(json.dumps(body).encode()), NOW)[0].key in keys


def test_a_reply_of_which_only_older_threads_came_along_is_a_look(web):
    threads = [FIRST, said(60, "anybody?")]
    body = {**CONVERSATION, "threads": 3, "_embedded": {"threads": threads[::-1]}}
    (event,) = desk().parse(request(json.dumps(body).encode()), NOW)
    assert event.kind is EventKind.LOOK


@given(
    st.binary(max_size=400),
    st.sampled_from(["convo.created", "convo.status", "convo.assigned", "nonsense", ""]),
)
def test_no_body_whatever_breaks_parsing(body, event):
    try:
        events = desk().parse(request(body, event), NOW)
    except errors.BadPayload:
        return
    assert all(e.ticket_id.isdigit() and isinstance(e.kind, EventKind) for e in events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "threads", "status", "assignee", "_embedded", "type", "createdBy", "createdAt"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_json_whatever_breaks_parsing(value):
    for event in ("convo.customer.reply.created", "convo.assigned", "convo.status"):
        try:
            desk().parse(request(json.dumps(value).encode(), event), NOW)
        except errors.BadPayload:
            continue


def test_a_body_nested_a_hundred_thousand_deep_is_refused_like_any_other():
    with pytest.raises(errors.BadPayload):
        desk().parse(request(b"[" * 100_000), NOW)


def test_without_a_configured_secret_no_webhook_is_accepted():
    with pytest.raises(errors.BadSignature):
        desk(webhook_secret="").verify(request(b"{}"), NOW)


# --- tokens ---------------------------------------------------------------------------------


def form(**fields: str):
    return [matchers.urlencoded_params_matcher({"client_id": "app", "client_secret": "shh", **fields})]


def test_the_apps_own_token_is_requested_as_a_form_and_kept(web):
    web.post(
        f"{API}/oauth2/token",
        json={"access_token": "new", "expires_in": 172800},
        match=form(grant_type="client_credentials"),
    )
    tokens = Tokens()
    desk(tokens).whoami()
    assert web.calls[-1].request.headers["Authorization"] == "Bearer new"
    assert tokens.kept["support"].expires_at == NOW + timedelta(seconds=172800 * 0.8)


def test_each_refresh_token_is_used_once_and_its_successor_is_kept(web):
    answers = [("first", "second"), ("second", "third")]
    for old, new in answers:
        web.post(
            f"{API}/oauth2/token",
            json={"access_token": f"a-{new}", "refresh_token": new, "expires_in": 172800},
            match=form(grant_type="refresh_token", refresh_token=old),
        )
    tokens, now = Tokens(), [NOW]
    tokens.kept["support"] = Token("old", NOW, "first")
    ours = desk(tokens, clock=lambda: now[0], grant="authorization_code")
    ours.whoami()
    now[0] += timedelta(days=2)
    ours.whoami()
    assert tokens.kept["support"].refresh == "third"


def test_a_token_that_died_early_is_exchanged_once_and_the_call_repeated():
    with responses.RequestsMock() as web:
        web.get(f"{API}/users/me", status=401, json={"error": "invalid_token"})
        web.post(f"{API}/oauth2/token", json={"access_token": "new"})
        web.get(f"{API}/users/me", json=ME)
        assert desk().whoami().id == "77"


def test_two_accounts_at_the_one_origin_never_share_a_token(web):
    for app in ("app", "other"):
        web.post(
            f"{API}/oauth2/token",
            json={"access_token": f"of-{app}"},
            match=[
                matchers.urlencoded_params_matcher(
                    {"grant_type": "client_credentials", "client_id": app, "client_secret": "shh"}
                )
            ],
        )
    tokens = Tokens()
    for app in ("app", "other", "app"):
        settings = Settings(vendor="helpscout", client_id=app, client_secret="shh")
        make_session(settings, tokens, lambda: NOW).get("/v2/users/me")
        assert web.calls[-1].request.headers["Authorization"] == f"Bearer of-{app}"


def test_an_owner_who_was_deactivated_is_named_as_the_cause():
    with responses.RequestsMock() as web:
        web.post(f"{API}/oauth2/token", status=401, json={"error": "invalid_client"})
        with pytest.raises(errors.NotAllowed, match="owner is an active user"):
            desk(Tokens()).whoami()


def test_a_desk_that_was_never_connected_says_so():
    with pytest.raises(errors.NotAllowed, match="connect the desk"):
        desk(Tokens(), grant="authorization_code").whoami()


def test_a_code_is_exchanged_for_the_first_token_and_the_link_carries_our_state(web):
    web.post(
        f"{API}/oauth2/token",
        json={"access_token": "a", "refresh_token": "r", "expires_in": 172800},
        match=form(grant_type="authorization_code", code="c0de"),
    )
    app = Settings(vendor="helpscout", client_id="app", client_secret="shh")
    back = {"redirect_uri": "https://backstop.acme.example/", "verifier": "v"}
    assert exchange(app, code="c0de", now=NOW, **back).refresh == "r"
    assert authorize_url(app, state="a b&c", **back).endswith("?client_id=app&state=a+b%26c")


def test_an_answer_that_is_no_token_says_what_to_check():
    with responses.RequestsMock() as web:
        web.post(f"{API}/oauth2/token", body="<html>")
        with pytest.raises(errors.Refused, match="base_url"):
            desk(Tokens()).whoami()


# --- doctor ---------------------------------------------------------------------------------


def codes(ours, *queues: str) -> dict[str, str]:
    worst = {"ok": 0, "warn": 1, "fail": 2}
    return {f.code: f.level for f in sorted(ours.check(queues), key=lambda f: worst[f.level])}


def test_a_good_account_has_no_complaint(web):
    assert set(codes(desk(), "Billing", "Shop").values()) == {"ok"}


def test_a_dead_credential_is_hs01_and_ends_the_visit():
    with responses.RequestsMock() as web:
        web.post(f"{API}/oauth2/token", status=401, json={"error": "invalid_client"})
        assert codes(desk(Tokens()))["HS01"] == "fail"


def test_a_silent_vendor_is_hs02():
    with responses.RequestsMock() as web:
        web.get(f"{API}/users/me", status=503, headers={"Retry-After": "5"})
        assert codes(desk())["HS02"] == "fail"


def test_another_origin_is_hs03(web):
    web.get("https://proxy.acme.example/v2/users/me", json=ME)
    assert codes(desk(base_url="https://proxy.acme.example"))["HS03"] == "warn"


@pytest.mark.parametrize(
    ("secret", "level"), [("", "fail"), ("short", "warn"), ("x" * 41, "fail"), ("x" * 40, "ok")]
)
def test_a_secret_that_helpscout_does_not_take_is_hs04(web, secret, level):
    assert codes(desk(webhook_secret=secret))["HS04"] == level


def test_a_light_user_is_hs05(web):
    web.replace("GET", f"{API}/users/me", json={**ME, "role": "light_user"})
    assert codes(desk())["HS05"] == "fail"


def test_an_unknown_queue_is_hs06(web):
    assert codes(desk(), "Nowhere")["HS06"] == "fail"


def test_a_field_that_an_inbox_lacks_is_hs07(web):
    web.get(f"{API}/mailboxes/40/fields", json=listed("fields", FIELDS))
    web.get(f"{API}/mailboxes/41/fields", json=listed("fields", []))
    assert codes(desk(intent_field="AI intent"))["HS07"] == "warn"


def test_a_burst_above_helpscouts_own_is_hs08(web):
    assert codes(desk(write_burst=50))["HS08"] == "warn"
