"""The JSON API: what programs are answered, who may change what, and how they are refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from core.errors import ConfigError
from core.ledger.schema import changes, tickets
from core.pipeline import claims
from core.settings import Settings, load
from core.web import queries
from tests.console.world import NOW, make_app, waiting

READ = {"Authorization": "Bearer read"}
TAKE = {"Authorization": "Bearer take"}
RULE = {"Authorization": "Bearer rule"}
TOKENS = {
    "dashboard": {"role": "viewer", "secret": "read"},
    "bot": {"role": "agent", "secret": "old,take"},
    "ops": {"role": "admin", "secret": ["rule"]},
}
CLAIM = "/api/v1/tickets/support/4711/claim"


@pytest.fixture
def program(small):
    """A client with nothing but what it sends."""
    flask = make_app(small, tokens=TOKENS)
    flask.extensions["backstop"].desks = {"support": SimpleNamespace(vendor="x")}
    return flask.test_client()


def pages(program, path: str, **asked) -> list[str]:
    """The tickets of all pages."""
    found, cursor = [], None
    while True:
        answer = program.get(
            path, query_string={**asked, **({"cursor": cursor} if cursor else {})}, headers=READ
        )
        assert answer.status_code == 200, answer.text
        found += [one["ticket_id"] for one in answer.json["tickets"]]
        cursor = answer.json["next"]
        if cursor is None:
            return found


def test_the_pages_of_a_list_hold_each_ticket_once_in_the_consoles_order(program, small):
    with small.begin() as connection:
        connection.execute(tickets.insert(), [waiting(f"9{n}", 30 + n % 3) for n in range(7)])
    every = pages(program, "/api/v1/tickets", limit=3)
    assert every == pages(program, "/api/v1/tickets", limit=200)
    assert sorted(every) == sorted(["4711", "4716", "4720", *(f"9{n}" for n in range(7))])
    worst = pages(program, "/api/v1/escalations", limit=2)
    assert sorted(worst) == sorted(every)
    assert worst[0] == "4711", "high and over its promise"
    assert pages(program, "/api/v1/escalations", priority="urgent") == ["4716"]
    assert pages(program, "/api/v1/tickets", q="larger model") == ["4720"]


def test_the_api_and_the_console_ask_the_ledger_by_the_same_functions(program, small):
    with small.connect() as connection:
        asked = queries.waiting_summary(connection, NOW)
    said = program.get("/api/v1/escalations", headers=READ).json
    assert (said["waiting"], said["over_promise"]) == (asked["total"], asked["broken"])
    assert list(said["by_priority"].items()) == asked["by_priority"]


def test_a_ticket_is_the_same_document_at_both_addresses(program):
    one = program.get("/api/v1/tickets/support/4711", headers=READ)
    other = program.get("/api/tickets/support/4711", headers=READ)
    assert one.json == other.json
    assert set(one.json) == {"ticket", "decisions", "story"}


def test_the_week_may_be_requested_by_name(program):
    last = program.get("/api/v1/weeks/last", headers=READ).json
    assert last["week"] == "2026-W10"
    assert last == program.get("/week/2026-W10.json", headers=READ).json
    assert program.get("/api/v1/weeks/current", headers=READ).json["week"] == "2026-W11"


def test_health_says_what_the_console_says(program, small):
    found = program.get("/api/v1/health", headers=READ).json
    assert found["ok"]
    assert found["desks"][0]["audit"]["in_desk"] == 1204
    assert program.post("/api/v1/desks/support/pause", headers=RULE).json["changed"]
    found = program.get("/api/v1/health", headers=READ).json
    assert found["troubles"] == ["support is paused."]
    assert not found["ok"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (CLAIM, {"take", "rule"}),
        ("/api/v1/desks/support/pause", {"rule"}),
        ("/api/v1/desks/support/resume", {"rule"}),
    ],
)
def test_a_token_may_do_what_its_role_may(program, monkeypatch, path, allowed):
    monkeypatch.setattr(claims, "claim_by_person", lambda *_, **__: claims.Outcome(True, "It is yours."))
    for secret in ("read", "old", "take", "rule"):
        token = {"Authorization": f"Bearer {secret}"}
        answer = program.post(path, json={"email": "ann@desk.example"}, headers=token)
        may = {"old": "take"}.get(secret, secret) in allowed
        assert answer.status_code == (200 if may else 403), (secret, answer.text)
    assert program.post(path, headers={"Authorization": "Bearer other"}).status_code == 401


def test_the_log_of_changes_names_the_token(program, small, monkeypatch):
    monkeypatch.setattr(claims, "claim_by_person", lambda *_, **__: claims.Outcome(True, "It is yours."))
    program.post(CLAIM, json={"email": "ann@desk.example"}, headers=TAKE)
    program.post("/api/v1/desks/support/pause", headers=RULE)
    with small.connect() as connection:
        log = [
            tuple(row)
            for row in connection.execute(select(changes.c.who, changes.c.what).order_by(changes.c.id))
        ]
    assert log == [("token bot", "claim support:4711"), ("token ops", "desk support")]


def test_a_claim_that_the_desk_refuses_is_a_conflict_with_its_words(program, monkeypatch):
    refused = claims.Outcome(False, "Ticket 4711 is taken already, by Bo.")
    monkeypatch.setattr(claims, "claim_by_person", lambda *_, **__: refused)
    answer = program.post(CLAIM, json={"email": "ann@desk.example"}, headers=TAKE)
    assert answer.status_code == 409
    assert "taken already, by Bo" in answer.json["why"]


REFUSED = [
    ("GET", "/api/v1/tickets?limit=0", {}, 400),
    ("GET", "/api/v1/tickets?limit=²", {}, 400),
    ("GET", "/api/v1/tickets?state=lost", {}, 400),
    ("GET", "/api/v1/tickets?q=%00", {}, 400),
    ("GET", "/api/v1/tickets?cursor=x", {}, 400),
    ("GET", "/api/v1/escalations?cursor=2026-03-11T14:20:00Z|a|b", {}, 400),
    ("GET", "/api/v1/weeks/2026-W99", {}, 404),
    ("GET", "/api/v1/tickets/support/nobody", {}, 404),
    ("GET", "/api/v1/nothing", {}, 404),
    ("POST", "/api/v1/tickets", {}, 405),
    ("POST", "/api/v1/desks/nowhere/pause", {}, 404),
    ("POST", "/api/v1/tickets/support/nobody/claim", {"json": {"email": "a@b.example"}}, 404),
    ("POST", CLAIM, {"json": {"email": "nobody"}}, 400),
    ("POST", CLAIM, {"json": {"email": 7}}, 400),
    ("POST", CLAIM, {"json": []}, 400),
    ("POST", CLAIM, {"data": "{"}, 400),
    ("POST", CLAIM, {"data": b"\xff"}, 400),
    ("POST", CLAIM, {}, 400),
]


def test_every_refusal_has_one_shape_and_names_the_remedy(small, subtests):
    from webhook_app import unexpected

    flask = make_app(small, tokens=TOKENS)
    flask.register_error_handler(Exception, unexpected)
    flask.extensions["backstop"].desks = {"support": SimpleNamespace(vendor="x")}
    client = flask.test_client()
    for method, path, more, status in REFUSED:
        with subtests.test(method=method, path=path, **more):
            answer = client.open(path, method=method, headers=RULE, **more)
            assert answer.status_code == status, answer.text
            assert set(answer.json) == {"error", "why", "remedy"}
            assert all(answer.json.values())


def test_a_stranger_is_refused_and_sent_to_no_page(program):
    answer = program.get("/api/v1/tickets", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "BACKSTOP_WEB__TOKEN" in answer.json["remedy"]


def test_a_browsers_session_changes_nothing_without_the_pages_token(small):
    flask = make_app(small)
    flask.extensions["backstop"].desks = {"support": SimpleNamespace(vendor="x")}
    client = flask.test_client()
    assert client.get("/api/v1/health").status_code == 200, "open to this machine alone"
    answer = client.post("/api/v1/desks/support/pause")
    assert answer.status_code == 400
    assert "CSRF" in answer.json["why"]


def test_no_link_of_an_answer_runs_a_script(program, small):
    with small.begin() as connection:
        connection.execute(update(tickets).values(url="javascript:alert(1)"))
    answer = program.get("/api/v1/tickets", headers=READ)
    assert [one["url"] for one in answer.json["tickets"]] == ["", "", ""]


def test_times_are_iso_in_utc(program):
    text = json.dumps(program.get("/api/v1/escalations", headers=READ).json)
    assert '"waiting_since": "2026-03-11T12:22:00+00:00"' in text


def test_a_table_of_a_token_must_name_role_and_secret(tmp_path, monkeypatch):
    file = tmp_path / "backstop.toml"
    file.write_text('[web.tokens.bot]\nrole = "agent"\n')
    with pytest.raises(ConfigError, match="BACKSTOP_WEB__TOKENS__<NAME>__SECRET"):
        load(file)
    monkeypatch.setenv("BACKSTOP_WEB__TOKENS__BOT__SECRET", "one,two")
    loaded: Settings = load(file)
    assert [one.get_secret_value() for one in loaded.web.tokens["bot"].secret] == ["one", "two"]
    file.write_text("[web.tokens.bot]\n")
    with pytest.raises(ConfigError, match=r"web\.tokens\.bot\.role"):
        load(file)
