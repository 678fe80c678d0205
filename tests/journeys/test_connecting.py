"""A desk connected in the browser: the token that comes of it is kept, and nothing else is believed."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from command import Shell
from sqlalchemy import update
from words import DISPUTE

from core.admin import connect, doctor
from core.app import wall
from core.errors import ConfigError
from core.ledger.schema import events, tokens
from core.ledger.tokens import StoredTokens


@pytest.fixture(params=["zendesk", "helpscout"])
def vendor(request):
    return request.param


@pytest.fixture
def shell(house, vendor):
    grant = {"options": {"grant": "authorization_code"}} if vendor == "helpscout" else {}
    h = house(**grant)
    made = Shell(h.home, database=h.app.settings.database_url)
    text = made.file.read_text().replace("http://127.0.0.1:9", h.url)
    made.file.write_text(text)
    table = {k: v for k, v in h.fake.settings(h.url).items() if k.startswith(("client", "webhook", "grant"))}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    text = text.replace('"zendesk"', f'"{vendor}"')
    made.file.write_text(text.replace("[desks.support]\n", f"[desks.support]\n{lines}"))
    made.house = h
    return made


def kept(shell):
    return StoredTokens(shell.house.app.engine, shell.house.app.clock).load("support")


def connected(shell, monkeypatch):
    """The command, and a person who confirms; the port is one that the app's redirect URL may name beforehand."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shell.house.fake.state.redirection_url = f"http://localhost:{port}/callback"
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda url: shown.append(url) or requests.get(url, timeout=5))
    found = shell.run("connect", "support", "--port", str(port))
    assert found.exit_code == 0, found.output
    assert "connected as" in found.output
    assert shown[0] in found.output  # for those whose browser does not open by itself
    return shown[0]


def test_a_click_in_the_browser_connects_the_desk(shell, monkeypatch, vendor):
    asked = parse_qs(urlsplit(connected(shell, monkeypatch)).query)
    assert kept(shell).refresh
    assert len(asked["state"][0]) >= 32
    # Help Scout documents no PKCE: there the state alone ties the answer to the question
    if vendor == "zendesk":
        assert asked["code_challenge_method"] == ["S256"]


def test_a_revoked_grant_is_noticed_events_are_kept_people_are_notified_and_one_command_repairs_it(
    shell, monkeypatch
):
    h = shell.house
    h.now = wall()  # the command is a process of its own, with the machine's clock
    connected(shell, monkeypatch)
    early = h.writes_in(DISPUTE)
    assert h.ticket(early).state == "escalated"
    h.fake.state.revoke()
    h.later(minutes=1)
    case = h.writes_in(DISPUTE, email="otto@example.com")
    h.later(minutes=10)
    waiting = {e.ticket_id: e.reason for e in h.rows(events) if e.state == "waiting"}
    assert "connect the desk again" in waiting[str(case.id)]
    assert any("does not let us in" in one.text for one in h.urgent.sent), "people are told"
    told = {one.code: one for one in doctor.examine(h.app, "support") if one.level == "fail"}
    assert any("connect the desk again" in one.what + one.remedy for one in told.values()), told
    connected(shell, monkeypatch)
    h.pass_once()
    assert h.ticket(case).state == "escalated"
    assert not h.unsettled()
    assert len(h.bot_says(case, public=True)) == 1
    assert not [one for one in doctor.examine(h.app, "support") if "connect the desk" in one.what]


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_people_are_warned_before_a_connection_ends(shell, monkeypatch):
    h = shell.house
    h.now = wall()
    connected(shell, monkeypatch)
    assert kept(shell).refresh_expires_at - h.now > timedelta(days=89), "the longest life was asked for"
    h.sweep()
    assert "DK04" not in {one.code for one in doctor.examine(h.app, "support")}
    end = h.now + timedelta(days=13)
    with h.app.engine.begin() as conn:  # it was not renewed for a long time
        conn.execute(update(tokens).values(refresh_expires_at=end, expires_at=end))
    warned = []
    for left in (13, 12, 2, 1):
        h.now = end - timedelta(days=left)
        h.sweep()
        h.pass_once()
        warned.append(sum("ends on" in one.text and "backstop connect" in one.text for one in h.urgent.sent))
    assert warned == [1, 1, 2, 3]
    assert ("DK04", "warn") in {(one.code, one.level) for one in doctor.examine(h.app, "support")}


def test_the_address_can_be_pasted_when_the_browser_is_on_another_machine(shell, monkeypatch):
    asked = []
    begin = connect.begin
    monkeypatch.setattr(connect, "begin", lambda *args: asked.append(begin(*args)) or asked[0])

    def prompt(*_args, **_kwargs):
        return requests.get(asked[0].url, timeout=5, allow_redirects=False).headers["Location"]

    monkeypatch.setattr("click.prompt", prompt)
    found = shell.run("connect", "support", "--paste")
    assert found.exit_code == 0, found.output
    assert asked[0].url in found.output
    assert kept(shell).refresh


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"code": "stolen", "state": "another's"}, "another attempt"),
        ({"code": "stolen"}, "another attempt"),
        ({"error": "access_denied", "error_description": "The admin said no"}, "The admin said no"),
    ],
)
def test_what_is_not_the_answer_to_our_question_is_refused(shell, given, words):
    app = shell.house.app
    asked = connect.begin(app, "support", "http://localhost:1/callback")
    before = kept(shell)
    with pytest.raises(ConfigError, match=words):
        connect.finish(app, "support", asked, given)
    assert kept(shell) == before


def test_a_state_without_a_code_asks_for_the_whole_address(shell):
    asked = connect.begin(shell.house.app, "support", "http://localhost:1/callback")
    with pytest.raises(ConfigError, match="whole address"):
        connect.finish(shell.house.app, "support", asked, {"state": asked.state})


def test_an_authorisation_that_is_never_confirmed_ends_with_a_message():
    with pytest.raises(ConfigError, match="--paste"):
        connect.waited(connect.Answer(), 0.0, lambda: None)


def test_a_port_that_is_taken_is_named(shell):
    with connect.listening(0) as (address, _):
        port = int(address.rpartition(":")[2].partition("/")[0])
        found = shell.run("connect", "support", "--port", str(port))
    assert (found.exit_code, f"port {port} is in use" in found.output) == (2, True)


def test_a_desk_with_a_key_needs_no_browser(tmp_path):
    shell = Shell(tmp_path)
    shell.file.write_text(shell.file.read_text().replace("zendesk", "freshdesk"))
    found = shell.run("connect", "support")
    assert (found.exit_code, "needs no browser" in found.output) == (2, True), found.output
