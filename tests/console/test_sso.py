"""Single sign-on against an issuer of our own on this machine: real tokens, really verified."""

from __future__ import annotations

import functools
import html
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select

from core.ledger.schema import changes
from core.web.users import add_user, disable_user, find
from tests.console.world import NOW, make_app

HTML = {"Accept": "text/html"}


@functools.cache
def own_key() -> RSAKey:
    """The providers' key: to make one takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": "k1"})


class Issuer:
    """A company's identity provider that signs in the user in `claims`."""

    def __init__(self, serve) -> None:
        self.key, self.signed_by = own_key(), None
        self.claims: dict[str, object] = {"email": "ada@example.com", "email_verified": True}
        self.asked: dict[str, str] = {}
        self.userinfo: dict[str, object] | None = None  # None: the provider has none
        self.nonce = ""
        app = Flask("issuer")
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.about)
        app.add_url_rule("/keys", view_func=lambda: jsonify(keys=[self.key.as_dict(private=False)]))
        app.add_url_rule("/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/userinfo", view_func=self.who)
        self.url = serve(app)

    def about(self):
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
        names |= {"userinfo_endpoint": "/userinfo"} if self.userinfo is not None else {}
        made = {name: self.url + path for name, path in names.items()}
        return jsonify(made | {"issuer": self.url, "id_token_signing_alg_values_supported": ["RS256"]})

    def who(self):
        assert request.headers["Authorization"] == "Bearer a"
        return jsonify(self.userinfo)

    def token(self):
        self.asked = request.form.to_dict()
        moment = int(time.time())
        claims = {"iss": self.url, "aud": "backstop", "sub": "1", "iat": moment, "exp": moment + 60}
        signed = jwt.encode(
            {"alg": "RS256", "kid": "k1"},
            claims | {"nonce": self.nonce} | self.claims,
            self.signed_by or self.key,
        )
        return jsonify(access_token="a", token_type="Bearer", id_token=signed)


@pytest.fixture
def engine(small):
    """A ledger without history, which these tests do not read."""
    return small


@pytest.fixture
def issuer(serve):
    return Issuer(serve)


@pytest.fixture
def client(engine, issuer):
    web = {"oidc_issuer": issuer.url, "oidc_client_id": "backstop", "oidc_client_secret": "s"}
    return make_app(engine, oidc_admins="boss@example.com", **web).test_client()


def come_back(client, issuer, where="/login/sso"):
    sent = parse_qs(urlsplit(client.get(where).headers["Location"]).query)
    assert sent["redirect_uri"] == ["http://localhost/login/sso/back"]
    assert sent["code_challenge_method"] == ["S256"]
    issuer.nonce = sent["nonce"][0]
    return client.get("/login/sso/back", query_string={"code": "c", "state": sent["state"][0]}, headers=HTML)


def test_with_single_sign_on_the_console_is_not_open(client):
    assert client.get("/", headers=HTML).status_code == 302
    assert "Log in with your company" in client.get("/login").text


def test_a_verified_address_of_a_user_lets_in_with_that_users_role(client, engine, issuer):
    add_user(engine, "ada", now=NOW, role="agent", email="Ada@example.com")
    assert come_back(client, issuer).status_code == 302
    assert issuer.asked["code_verifier"]
    assert client.get("/").status_code == 200
    assert client.get("/changes", headers=HTML).status_code == 403


def test_an_address_on_the_list_of_admins_becomes_an_admin(client, engine, issuer):
    issuer.claims["email"] = "boss@example.com"
    assert come_back(client, issuer).status_code == 302
    assert client.get("/changes").status_code == 200
    assert find(engine, "boss@example.com").role == "admin"
    with engine.connect() as db:
        assert "single sign-on" in db.scalars(select(changes.c.who)).all()


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "stranger@example.com"},
        {"email_verified": False},
        {"email_verified": "false"},
        {"email_verified": None},
        {"email_verified": 1},
        {"email_verified": "yes"},
        {"email": ""},
        {"aud": "other"},
        {"nonce": "x"},
    ],
)
def test_strangers_unverified_addresses_and_foreign_tokens_are_refused(client, engine, issuer, claims):
    add_user(engine, "ada", now=NOW, role="admin", email="ada@example.com")
    issuer.claims |= claims
    assert come_back(client, issuer).status_code == 403
    assert client.get("/", headers=HTML).status_code == 302


def test_without_a_verified_address_from_the_provider_login_is_refused(client, engine, issuer):
    add_user(engine, "ada", now=NOW, role="admin", email="ada@example.com")
    del issuer.claims["email_verified"]
    answer = come_back(client, issuer)
    assert answer.status_code == 403
    assert "email_verified" in answer.text


ADA = {"sub": "1", "email": "ada@example.com", "email_verified": True}


@pytest.mark.parametrize("in_token", [{}, {"email": "ada@example.com"}, {"email_verified": True}])
@pytest.mark.parametrize(
    ("userinfo", "code"),
    [
        (ADA, 302),
        (ADA | {"email_verified": "true"}, 302),
        (ADA | {"sub": "2"}, 403),
        ({"email": "ada@example.com", "email_verified": True}, 403),
        (ADA | {"email_verified": "false"}, 403),
        (ADA | {"email": "stranger@example.com"}, 403),
        ({"sub": "1"}, 403),
    ],
)
def test_claims_missing_from_the_token_are_read_from_userinfo_of_the_same_person(
    client, engine, issuer, in_token, userinfo, code
):
    add_user(engine, "ada", now=NOW, role="agent", email="ada@example.com")
    issuer.claims, issuer.userinfo = in_token, userinfo
    assert come_back(client, issuer).status_code == code
    assert client.get("/", headers=HTML).status_code == (200 if code == 302 else 302)


@pytest.mark.parametrize(("next_", "leads"), [("/week", "/week"), ("https://evil.example", "/"), ("", "/")])
def test_single_sign_on_leads_to_where_the_person_was_going(client, engine, issuer, next_, leads):
    add_user(engine, "ada", now=NOW, role="agent", email="ada@example.com")
    page = client.get("/login", query_string={"next": next_}).text
    (there,) = re.findall(r'href="(/login/sso[^"]*)"', page)
    assert come_back(client, issuer, html.unescape(there)).headers["Location"] == leads


@pytest.mark.parametrize("name", ["boss", "boss@example.com"])
def test_who_was_shut_out_stays_out_though_single_sign_on_knows_them(client, engine, issuer, name):
    add_user(engine, name, now=NOW, role="admin", email="Boss@example.com")
    disable_user(engine, name, NOW)
    issuer.claims["email"] = "boss@example.com"
    answer = come_back(client, issuer)
    assert answer.status_code == 403
    assert "shut out" in answer.text
    assert find(engine, "boss@example.com") is None


def test_without_a_public_url_a_visitor_does_not_choose_where_the_provider_sends_people(client):
    assert client.get("/login/sso", headers={"Host": "evil.example", **HTML}).status_code == 404


def test_a_token_signed_by_another_key_is_refused(client, engine, issuer):
    add_user(engine, "ada", now=NOW, role="admin", email="ada@example.com")
    issuer.signed_by = RSAKey.generate_key(2048, {"kid": "k1"})
    assert come_back(client, issuer).status_code == 403
    assert client.get("/", headers=HTML).status_code == 302


def test_an_unrequested_answer_is_refused(client):
    answer = client.get("/login/sso/back", query_string={"code": "c", "state": "forged"}, headers=HTML)
    assert answer.status_code == 403


def test_an_issuer_that_does_not_answer_is_said_not_shown_as_a_fault(engine):
    web = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "b", "oidc_client_secret": "s"}
    answer = make_app(engine, **web).test_client().get("/login/sso", headers=HTML)
    assert answer.status_code == 503
    assert "does not answer" in answer.text
