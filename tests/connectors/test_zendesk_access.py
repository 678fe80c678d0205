"""Tokens, rights, and what doctor sees of them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from pydantic import ValidationError

from connectors.zendesk.install.connect import authorize_url, exchange
from connectors.zendesk.settings import Settings
from connectors.zendesk.vendor import VENDOR
from core import errors
from tests.connectors.conftest import NOON, Tokens
from tests.connectors.zendesk_account import API, BASE, ME, desk


def test_a_bad_credential_that_is_greeted_with_200_is_not_believed(zendesk):
    zendesk.replace(
        responses.GET,
        f"{API}/users/me.json",
        json={"user": {"id": None, "name": "Anonymous user", "role": "end-user"}},
    )
    with pytest.raises(errors.NotAllowed, match="Anonymous"):
        desk().whoami()
    assert [f.code for f in desk(webhook_secret="s").check([]) if f.level == "fail"] == ["ZD02"]


def test_a_token_is_minted_once_for_all_processes(zendesk):
    store = Tokens()
    desk(store).whoami()
    desk(store).whoami()
    minted = [json.loads(c.request.body) for c in zendesk.calls if c.request.url.endswith("/oauth/tokens")]
    assert minted == [
        {
            "grant_type": "client_credentials",
            "client_id": "c",
            "client_secret": "s",
            "scope": "read write",
            "expires_in": 86400,
        }
    ]
    assert zendesk.calls[-1].request.headers["Authorization"] == "Bearer t"


def test_a_scope_that_was_not_granted_is_noticed_before_everything_is_forbidden(zendesk):
    with pytest.raises(errors.NotAllowed, match="scope"):
        desk(scope="read wirte").whoami()


def test_a_stored_refresh_token_is_used_and_a_revoked_one_says_what_to_do(zendesk):
    from core.ports import Token

    store = Tokens()
    store.kept["support"] = Token("old", NOON - timedelta(hours=1), refresh="r")
    desk(store).whoami()
    assert json.loads(zendesk.calls[0].request.body)["grant_type"] == "refresh_token"
    zendesk.replace(responses.POST, f"{BASE}/oauth/tokens", status=400, json={"error": "invalid_grant"})
    store.kept["support"] = Token("old", NOON - timedelta(hours=1), refresh="r")
    with pytest.raises(errors.NotAllowed, match="connect the desk again"):
        desk(store).whoami()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, errors.NotAllowed), (500, errors.TryLater), (429, errors.TryLater), (302, errors.Refused)],
)
def test_a_token_that_is_not_given_says_why(zendesk, status, error):
    zendesk.replace(responses.POST, f"{BASE}/oauth/tokens", status=status, json={})
    with pytest.raises(error):
        desk().whoami()


def test_the_old_api_token_still_works_and_warns_of_its_end(zendesk):
    zendesk.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": []})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": []})
    ours = desk(email="bot@acme.example", api_token="abc")
    ours.whoami()
    expected = "Basic " + base64.b64encode(b"bot@acme.example/token:abc").decode()
    assert zendesk.calls[-1].request.headers["Authorization"] == expected
    (warning,) = [f for f in ours.check([]) if f.level == "warn"]
    assert warning.code == "ZD04"
    assert "30 April 2027" in warning.what


def test_a_marketplace_app_names_itself(zendesk):
    desk(marketplace_name="Backstop", marketplace_organization_id="1", marketplace_app_id="2").whoami()
    headers = zendesk.calls[-1].request.headers
    assert headers["X-Zendesk-Marketplace-Name"] == "Backstop"
    assert headers["X-Zendesk-Marketplace-App-Id"] == "2"


@pytest.mark.parametrize(
    ("me", "code"),
    [
        ({"only_private_comments": True}, "ZD10"),
        ({"ticket_restriction": "groups"}, "ZD11"),
        ({"role": "agent"}, "ZD12"),
        ({"default_group_id": None}, "ZD13"),
        ({"suspended": True}, "ZD14"),
    ],
)
def test_a_right_that_is_missing_is_a_finding(zendesk, me, code):
    zendesk.replace(responses.GET, f"{API}/users/me.json", json={"user": {**ME, **me}})
    zendesk.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": []})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": []})
    findings = [f for f in desk(webhook_secret="s").check([]) if f.level != "ok"]
    assert [f.code for f in findings] == [code]
    assert findings[0].remedy


def test_everything_else_that_can_be_seen_is_a_finding(zendesk):
    zendesk.get(f"{API}/incremental/tickets/cursor.json", status=403, json={})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": [{"cause": "Detected as spam"}]})
    zendesk.get(f"{API}/ticket_fields/31.json", status=404, json={})
    zendesk.get(
        f"{API}/ticket_fields/33.json", json={"ticket_field": {"id": 33, "type": "text", "active": True}}
    )
    findings = desk(client_secret="s", intent_field="31", outcome_field="33").check(["Nowhere"])
    assert [f.code for f in findings if f.level != "ok"] == ["ZD06", "ZD20", "ZD21", "ZD22", "ZD15", "ZD30"]
    assert "ZD06" in [f.code for f in desk(webhook_secret="").check([])]
    assert "ZD05" in [f.code for f in desk(client_id="").check([])]


@pytest.mark.parametrize(
    ("value", "active", "codes"),
    [("88", True, ["ZD31"]), ("88", False, []), ("current_user", True, []), ("", True, []), (None, True, [])],
)
def test_a_trigger_that_assigns_tickets_to_an_agent_is_a_finding(zendesk, value, active, codes):
    action = {"field": "assignee_id", "value": value}
    trigger = {
        "title": "round robin",
        "active": active,
        "actions": [{"field": "status", "value": "1"}, action],
    }
    zendesk.replace(
        responses.GET, f"{API}/triggers", json={"triggers": [trigger], "meta": {"has_more": False}}
    )
    zendesk.get(f"{API}/incremental/tickets/cursor.json", json={})
    zendesk.get(f"{API}/suspended_tickets.json", json={"suspended_tickets": []})
    found = [one for one in desk(webhook_secret="s").check([]) if one.level != "ok"]
    assert [one.code for one in found] == codes
    assert all("round robin" in one.what for one in found)


def test_a_connection_made_in_the_browser_is_kept_and_renewed(world):
    w = world("zendesk")
    settings = Settings(**w.fake.settings(w.url))
    back = "https://backstop.example.com/connect/support"
    page = authorize_url(settings, redirect_uri=back, state="s1", verifier="v" * 43)
    answer = requests.get(page, allow_redirects=False, timeout=5)
    came = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert came["state"] == ["s1"]
    with pytest.raises(errors.NotAllowed, match="connect the desk again"):
        exchange(settings, code=came["code"][0], redirect_uri=back, verifier="another", now=w.now)
    came = parse_qs(urlsplit(requests.get(page, allow_redirects=False, timeout=5).headers["Location"]).query)
    token = exchange(settings, code=came["code"][0], redirect_uri=back, verifier="v" * 43, now=w.now)
    w.tokens.save("support", token)
    assert w.ours.whoami().role == "admin"
    w.later(days=3)
    w.ours.whoami()
    renewed = w.tokens.load("support")
    assert renewed.access != token.access
    assert renewed.refresh != token.refresh, "each is good for one renewal"
    assert renewed.refresh_expires_at == w.now + timedelta(seconds=7_775_999)


@pytest.mark.parametrize("seconds", [300, 172_800])
def test_a_life_that_zendesk_would_refuse_is_refused_in_the_file(seconds):
    with pytest.raises(ValidationError, match="token_lifetime"):
        Settings(vendor="zendesk", token_lifetime=seconds)


@pytest.mark.parametrize("told", ["soon", [], 1e400, -5, {}, None])
def test_a_life_that_is_rubbish_is_the_usual_one(zendesk, told):
    answer = {"access_token": "t", "refresh_token": "r", "expires_in": told, "refresh_token_expires_in": told}
    zendesk.replace(responses.POST, f"{BASE}/oauth/tokens", body=json.dumps(answer))
    store = Tokens()
    desk(store).whoami()
    kept = store.kept["support"]
    assert kept.expires_at == NOON + timedelta(minutes=24)
    assert kept.refresh_expires_at == NOON + timedelta(seconds=7_775_999)


def test_a_zendesk_that_is_down_is_distinguished_from_one_that_refuses_us(world):
    w = world("zendesk")
    settings = Settings(**w.fake.settings(w.url))
    assert [f.code for f in w.ours.check([]) if f.level == "ok"][:1] == ["ZD01"]
    gone = VENDOR.make(
        "support",
        settings.model_copy(update={"base_url": "http://127.0.0.1:9"}),
        tokens=Tokens(),
        clock=lambda: w.now,
        on_call=lambda *_: None,
    )
    assert [f.code for f in gone.check([]) if f.level == "fail"] == ["ZD03"]
