"""Who may look, and who may change."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from connectors.kit.settings import DeskSettings
from core.errors import ConfigError
from core.ledger.schema import changes, desks, events, login_links, meta, users
from core.model import Receipt
from core.settings import Settings
from core.telemetry.counters import Counters
from core.web import access, login
from core.web import users as users_of
from core.web.access import PUBLIC, check_open
from core.web.users import add_user, disable_user, find, log_in, login_link, use_link
from tests.console.world import NOW, form, make_app
from webhook_app import metrics

HTML = {"Accept": "text/html"}
WORD = "correct horse battery"


@pytest.fixture
def engine(small):
    """A ledger without history, which these tests do not read."""
    return small


@pytest.fixture
def team(engine):
    for name in ("viewer", "agent", "admin"):
        add_user(engine, name, now=NOW, role=name, email=f"{name}@example.com", password=WORD)
    return engine


def token(text: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', text).group(1)


def enter(client, name: str, password: str = WORD):
    return client.post("/login", data=form(client, name=name, password=password))


def browser(engine, name: str = "", **web):
    client = make_app(engine, **web).test_client()
    if name:
        assert enter(client, name).status_code == 302
    return client


def test_without_users_the_console_is_open_on_this_machine_only(engine):
    client = browser(engine)
    assert client.get("/").status_code == 200
    assert client.get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}, headers=HTML).status_code == 302


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "Cf-Connecting-Ip"])
def test_a_tunnel_to_this_machine_does_not_make_strangers_local(engine, header):
    assert browser(engine).get("/", headers={header: "192.0.2.7", **HTML}).status_code == 302


@pytest.mark.parametrize(
    "told",
    [
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Real-IP",
        "Forwarded",
        "CF-Ray",
        "ngrok-skip",
        "Fly-Client-IP",
    ],
)
def test_whatever_a_proxy_says_of_itself_closes_the_console(engine, told):
    assert browser(engine).get("/", headers={told: "https", "Host": "127.0.0.1", **HTML}).status_code == 302


@pytest.mark.parametrize(
    ("headers", "public_url", "open_"),
    [
        ({}, "", True),
        ({"X-Forwarded-For": "192.0.2.7"}, "", False),
        ({"Host": "backstop.example"}, "", False),
        ({}, "https://b.example", False),
    ],
)
def test_the_figures_are_open_where_the_console_is(engine, headers, public_url, open_):
    flask = make_app(engine, public_url=public_url)
    flask.extensions["backstop"].counters = Counters()
    flask.add_url_rule("/metrics", view_func=metrics)
    answer = flask.test_client().get("/metrics", headers={"Host": "127.0.0.1", **headers})
    assert answer.status_code == (200 if open_ else 401)


def test_a_request_of_http_1_0_came_through_a_proxy(engine):
    assert (
        browser(engine).get("/", headers=HTML, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"}).status_code
        == 302
    )


@pytest.mark.parametrize(
    ("public_url", "open_"),
    [
        ("", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("https://b.example", False),
        ("http://192.168.1.7:8080", False),
        ("https://b.example:99999", False),
    ],
)
def test_where_a_public_address_leads_to_us_the_console_is_never_open(engine, public_url, open_):
    answer = browser(engine, public_url=public_url).get("/", headers={"Host": "127.0.0.1", **HTML})
    assert answer.status_code == (200 if open_ else 302)
    notice = check_open(Settings(public_url=public_url), engine)
    assert (notice == "") is open_
    assert ("backstop user add" in notice) is not open_


@pytest.mark.parametrize("host", ["[", "[::1", "a]b", "\xff"])
def test_a_host_that_is_none_is_a_stranger_not_a_fault(engine, host):
    assert browser(engine).get("/", headers={"Host": host, **HTML}).status_code in {302, 400}


def test_a_foreign_page_that_points_its_own_name_at_this_machine_sees_nothing(engine):
    assert browser(engine).get("/", headers={"Host": "evil.example", **HTML}).status_code == 302


def test_an_address_for_others_is_refused_until_somebody_can_log_in(engine):
    open_to_all = Settings(web={"host": "0.0.0.0"})
    with pytest.raises(ConfigError, match="backstop user add"):
        check_open(open_to_all, engine)
    check_open(Settings(web={"host": "0.0.0.0", "token": "t"}), engine)
    check_open(Settings(), engine)
    add_user(engine, "ada", now=NOW, password=WORD)
    check_open(open_to_all, engine)
    disable_user(engine, "ada", NOW)
    with pytest.raises(ConfigError):
        check_open(open_to_all, engine)


def test_a_password_lets_in_and_a_wrong_one_does_not(team):
    client = browser(team)
    assert client.get("/", headers=HTML).headers["Location"] == "/login?next=/"
    assert enter(client, "viewer", "wrong password").status_code == 401
    assert client.get("/", headers=HTML).status_code == 302
    assert enter(client, "viewer@example.com").status_code == 302
    assert client.get("/").status_code == 200


def test_after_five_wrong_passwords_the_right_one_waits_a_quarter_of_an_hour(team):
    for _ in range(5):
        assert log_in(team, "admin", "guess", NOW) is None
    assert log_in(team, "admin", WORD, NOW) is None
    assert log_in(team, "admin", WORD, NOW + timedelta(minutes=16)).name == "admin"


def test_a_user_has_five_tries_by_whatever_name_they_are_meant(team):
    for name in ("admin", "ADMIN@example.com", "admin@example.com", "admin", "Admin@example.com"):
        assert log_in(team, name, "guess", NOW) is None
    for name in ("admin", "admin@example.com"):
        assert log_in(team, name, WORD, NOW) is None
    assert log_in(team, "agent", WORD, NOW)


def test_a_source_has_twenty_tries_at_whomever_and_others_have_theirs(team):
    for number in range(20):
        assert log_in(team, f"somebody{number}", "guess", NOW, "192.0.2.1") is None
    assert log_in(team, "agent", WORD, NOW, "192.0.2.1") is None
    assert log_in(team, "agent", WORD, NOW, "192.0.2.2")


def test_who_logs_in_rightly_loses_no_tries(team):
    for _ in range(30):
        assert log_in(team, "agent", WORD, NOW, "192.0.2.1")


def test_of_many_guesses_at_once_no_more_are_tried_than_allowed(team, monkeypatch):
    tried = []
    monkeypatch.setattr(users_of, "_matches", lambda kept, password: tried.append(password) or False)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: log_in(team, "admin", f"guess {n}", NOW, f"192.0.2.{n}"), range(60)))
    assert len(tried) == 5


def test_a_flood_of_guesses_takes_one_core_and_no_more(monkeypatch):
    """Webhooks need the others."""
    at_once, lock, most = 0, threading.Lock(), []
    seen = threading.Event()

    class Slow:
        def verify(self, _kept: str, _password: str) -> bool:
            nonlocal at_once
            with lock:
                at_once += 1
                most.append(at_once)
            seen.wait(0.02)
            with lock:
                at_once -= 1
            return True

    monkeypatch.setattr(users_of, "_hasher", Slow)
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(lambda _: users_of._matches("kept", "guess"), range(12)))
    assert max(most) == 1


def test_a_stranger_costs_as_many_hashes_as_a_user_tried_too_often_or_not(team, monkeypatch):
    """The time of an answer is that of its hash; so all must come to the same number of them."""
    hashes = []
    monkeypatch.setattr(users_of, "_matches", lambda kept, password: hashes.append(kept) or False)
    add_user(team, "linkonly", now=NOW, email="link@example.com")
    for name in ("admin", "nobody", "linkonly", "admin@example.com", "nobody@example.com"):
        before = len(hashes)
        for _ in range(3):
            log_in(team, name, "guess", NOW, name)
        assert len(hashes) - before == 3, name
    assert all(one.startswith("$argon2id$") for one in hashes)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("1.2.3.4", "", "1.2.3.4"),
        ("1.2.3.4", "198.51.100.9", "1.2.3.4"),  # a stranger may claim what it likes
        ("127.0.0.1", "203.0.113.7, 198.51.100.9", "198.51.100.9"),  # what the proxy itself has added
        ("10.1.2.3", "198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("2a00:1:2:3:4::5", "", "2a00:1:2:3::/64"),
    ],
)
def test_guesses_are_counted_by_whom_they_come_from(engine, peer, forwarded, expected):
    with make_app(engine).test_request_context(
        headers={"X-Forwarded-For": forwarded}, environ_base={"REMOTE_ADDR": peer}
    ):
        assert access.source() == expected


def test_what_no_store_can_keep_is_refused_and_no_fault(team):
    client = browser(team, "agent")
    for fields in ({"name": "a\x00b", "password": "x"}, {"name": "a", "password": "x\x00"}):
        assert client.post("/login", data=form(client, **fields)).status_code == 400
    for path in (
        "/tickets?q=%00",
        "/tickets?%00=1",
        "/?after=%00",
        "/tickets/support/47%0011",
        "/week?week=%00",
    ):
        assert client.get(path).status_code == 400, path


def test_no_password_is_kept_in_clear_and_short_ones_are_refused(team):
    with team.connect() as db:
        assert db.scalar(select(users.c.password).where(users.c.name == "admin")).startswith("$argon2id$")
    with pytest.raises(ConfigError, match="at least 10"):
        add_user(team, "x", now=NOW, password="short")
    with pytest.raises(ConfigError, match="viewer, agent, admin"):
        add_user(team, "x", now=NOW, role="king")


def test_a_user_without_a_password_is_not_let_in_by_an_empty_one(engine):
    add_user(engine, "linkonly", now=NOW, email="l@example.com")
    assert log_in(engine, "linkonly", "", NOW) is None


def test_a_login_link_is_good_once_and_for_a_quarter_of_an_hour(team):
    link, late = login_link(team, "agent", NOW), login_link(team, "agent", NOW)
    assert use_link(team, late, NOW + timedelta(minutes=16)) is None
    client = browser(team)
    page = client.get(f"/login/link/{link}")  # a scanner that opens links uses nothing up
    assert client.get(f"/login/link/{link}").status_code == 200
    fields = {"csrf_token": token(page.text)}
    assert client.post(f"/login/link/{link}", data=fields).status_code == 302
    assert client.get("/").status_code == 200
    assert use_link(team, link, NOW) is None
    with team.connect() as db:
        assert link not in str(db.execute(select(login_links)).all())


def test_a_login_link_is_mailed_to_the_users_own_address_and_the_response_reveals_nothing(team):
    sent = []

    def send(outbound, now):
        sent.append(outbound)
        return Receipt()

    client = browser(team, public_url="https://b.example")
    client.application.extensions["backstop"].channels["email:x"] = SimpleNamespace(kind="email", send=send)
    answers, outside = [], {"base_url": "https://evil.example"}  # whatever Host is claimed
    for name in ("nobody", "agent"):
        fields = {"name": name, "csrf_token": token(client.get("/login", **outside).text)}
        answer = client.post("/login/ask", data=fields, **outside)
        assert answer.status_code == 200
        answers.append(re.sub(r'value="[^"]+"', "", answer.text))
    assert answers[0] == answers[1]
    eventually(lambda: sent)
    assert [one.to for one in sent] == [("agent@example.com",)]
    assert "https://b.example/login/link/" in sent[0].text


def eventually(found) -> None:
    """What another thread does is awaited, not a clock of ours."""
    until = time.monotonic() + 20
    while not found() and time.monotonic() < until:
        time.sleep(0.01)
    assert found()


def test_without_a_public_url_no_link_is_offered_or_sent(team):
    client = browser(team)
    client.application.extensions["backstop"].channels["email:x"] = SimpleNamespace(kind="email", send=None)
    assert "one-time link" not in client.get("/login").text
    assert client.post("/login/ask", data=form(client, name="agent")).status_code == 404


def test_login_links_are_limited_per_user_however_the_name_is_spelled(team):
    sent = []
    app = make_app(team, public_url="https://b.example")
    mail = SimpleNamespace(kind="email", send=lambda outbound, now: sent.append(outbound))
    parts = app.extensions["backstop"]
    parts.channels["email:x"] = mail
    for name in ("agent", "agent@example.com", "AGENT@example.com", "agent ", "Agent@Example.com"):
        login.send_link(parts, name)
    assert len(sent) == login.LINKS


def test_one_source_asks_for_so_many_links_and_no_more(team, monkeypatch):
    asked = []
    monkeypatch.setattr(login._post, "put", lambda app, name: asked.append(name))
    client = browser(team, public_url="https://b.example")
    for number in range(15):
        assert client.post("/login/ask", data=form(client, name=f"n{number}")).status_code == 200
    assert len(asked) == login.LINKS_OF_A_SOURCE


def test_log_in_leads_back_to_a_page_of_ours_and_nowhere_else(team):
    for where, expected in [
        ("/week", "/week"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
        ("/\t/evil.example", "/"),
        ("/week\r\nX-Evil: 1", "/"),
        ("/week\x00", "/"),
        ("/tickets?q=gr\u00f6\u00dfe", "/tickets?q=gr%C3%B6%C3%9Fe"),
        ("week", "/"),
    ]:
        client = browser(team)
        fields = form(client, name="admin", password=WORD, next=where)
        answer = client.post("/login", data=fields)
        if "\x00" in where:
            assert answer.status_code == 400
            continue
        assert answer.headers["Location"] == expected


@pytest.mark.parametrize(
    ("role", "path", "code"),
    [
        ("viewer", "/tickets/support/4711/claim", 403),
        ("viewer", "/tickets/support/4711/check", 403),
        ("viewer", "/health/pause", 403),
        ("agent", "/health/pause", 403),
        ("agent", "/health/retry", 403),
        ("admin", "/health/pause", 303),
    ],
)
def test_each_role_may_do_what_it_may(team, role, path, code):
    client = browser(team, role)
    fields = form(client, desk="support", hold="yes")
    assert client.post(path, data=fields).status_code == code


def test_only_admins_read_the_log_of_changes(team):
    assert browser(team, "agent").get("/changes", headers=HTML).status_code == 403
    assert "logged in" in browser(team, "admin").get("/changes").text


def test_a_form_from_another_page_changes_nothing(team):
    client = browser(team, "admin")
    assert client.post("/health/pause", data={"desk": "support", "hold": "yes"}).status_code == 400
    with team.connect() as db:
        assert db.scalar(select(desks.c.paused_at)) is None


def test_a_disabled_user_is_out_with_the_next_page(team):
    client = browser(team, "agent")
    disable_user(team, "agent", NOW)
    assert client.get("/", headers=HTML).status_code == 302
    assert find(team, "agent") is None


def test_logging_out_ends_all_sessions_of_that_user_only(team):
    client, other, stranger = browser(team, "agent"), browser(team, "agent"), browser(team, "viewer")
    copied = make_app(team).test_client()
    copied.set_cookie("backstop", client.get_cookie("backstop").value)
    assert copied.get("/").status_code == 200
    client.post("/logout", data={"csrf_token": token(client.get("/").text)})
    for one in (client, other, copied):
        assert one.get("/", headers=HTML).status_code == 302
    assert stranger.get("/").status_code == 200


def test_a_new_password_ends_all_sessions_and_a_new_role_does_not(team):
    client = browser(team, "agent")
    add_user(team, "agent", now=NOW, role="admin")
    assert client.get("/changes").status_code == 200
    add_user(team, "agent", now=NOW, role="agent", password="another long word")
    assert client.get("/", headers=HTML).status_code == 302
    assert log_in(team, "agent", WORD, NOW) is None
    assert log_in(team, "agent", "another long word", NOW)


def test_a_session_of_before_is_not_good_again_when_the_user_is(team):
    client = browser(team, "agent")
    disable_user(team, "agent", NOW)
    add_user(team, "agent", now=NOW, role="agent")
    assert client.get("/", headers=HTML).status_code == 302


def test_logging_out_ends_the_session(team):
    client = browser(team, "agent")
    client.post("/logout", data={"csrf_token": token(client.get("/").text)})
    assert client.get("/", headers=HTML).status_code == 302


def test_the_token_opens_pages_and_actions_to_programs(engine):
    client = browser(engine, token="s3cret-token", token_role="admin")
    good = {"Authorization": "Bearer s3cret-token"}
    assert client.get("/week/2026-W10.json", headers=good).json["week"] == "2026-W10"
    assert (
        client.post("/health/pause", data={"desk": "support", "hold": "yes"}, headers=good).status_code == 303
    )
    for wrong in ({"Authorization": "Bearer other"}, {"Authorization": "Bearer "}, {}):
        assert client.get("/week/2026-W10.json", headers=wrong).status_code == 401
    with engine.connect() as db:
        assert db.scalar(select(changes.c.who)) == "token"


@pytest.mark.parametrize(("role", "code"), [("", 403), ("viewer", 403), ("agent", 403), ("admin", 303)])
def test_a_token_may_write_only_where_the_file_says_so(engine, role, code):
    client = browser(engine, token="t0ken", **{"token_role": role} if role else {})
    good = {"Authorization": "bearer t0ken"}
    assert client.get("/tickets", headers=good).status_code == 200
    assert (
        client.post("/health/pause", data={"desk": "support", "hold": "yes"}, headers=good).status_code
        == code
    )
    assert client.get("/changes", headers=good).status_code == (200 if code == 303 else 403)


def test_the_token_of_a_sidebar_opens_its_own_desks_tickets_for_reading_and_nothing_else(engine):
    app = make_app(engine, token="console")
    tokens = {"support": ["old-one", "new-one"], "other": ["theirs"], "none": []}
    app.extensions["backstop"].desk_settings |= {
        desk: DeskSettings(vendor="x", sidebar_token=values) for desk, values in tokens.items()
    }
    client = app.test_client()

    def code(path, token, method="GET"):
        return client.open(path, method=method, headers={"Authorization": f"Bearer {token}"}).status_code

    assert code("/api/tickets/support/4711", "old-one") == code("/api/tickets/support/4711", "new-one") == 200
    assert code("/api/tickets/support/none", "new-one") == 404
    for token in ("theirs", "", "None", "new-one,old-one"):
        assert code("/api/tickets/support/4711", token) == 401
    assert code("/api/tickets/none/1", "") == code("/api/tickets/nowhere/1", "new-one") == 401
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PUBLIC | {"console.api_ticket", "static"}:
            path = str(rule).replace("<desk>", "support").replace("<ticket_id>", "4711")
            path = path.replace("<name>.<any(json, csv, txt, html, png, pdf):kind>", "2026-W10.json")
            for method in rule.methods - {"OPTIONS", "HEAD"}:
                assert code(path, "new-one", method) == 401, (method, path)


def test_an_empty_token_opens_nothing(engine):
    client = browser(engine, token="")
    strange = {"Authorization": "Bearer ", "X-Forwarded-For": "192.0.2.1"}
    assert client.get("/", headers=strange).status_code == 401


def test_sessions_outlive_a_restart_and_are_shared_by_all_processes(team):
    one, other = browser(team, "agent"), make_app(team).test_client()
    cookie = one.get_cookie("backstop")
    other.set_cookie("backstop", cookie.value)
    assert other.get("/").status_code == 200
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    with team.connect() as db:
        assert db.scalar(select(meta.c.value).where(meta.c.name == "session_secret"))


def test_a_forged_session_is_worth_nothing(team):
    client = browser(team)
    client.set_cookie("backstop", "eyJ1c2VyIjoiYWRtaW4ifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/", headers=HTML).status_code == 302


def test_behind_a_tls_proxy_the_cookie_is_secure_and_forms_work_whatever_host_the_proxy_names(team):
    app = make_app(team)
    app.config["SESSION_COOKIE_SECURE"] = True  # what an https public_url sets
    client = app.test_client()
    outside = {"base_url": "https://b.example"}
    page = client.get("/login", **outside)
    assert "Secure" in page.headers["Set-Cookie"]
    fields = {"name": "admin", "password": WORD, "csrf_token": token(page.text)}
    assert client.post("/login", data=fields, **outside).status_code == 302
    assert client.get("/changes", **outside).status_code == 200
    assert "Secure" not in app.test_client().get("/login").headers["Set-Cookie"]  # http://localhost


def test_only_dead_letters_are_tried_again_and_each_is_written_down(team, monkeypatch):
    from core.web import actions

    tried = []
    monkeypatch.setattr(actions, "again", lambda app, key: tried.append(key) or key != "gone")
    with team.begin() as db:
        states = {"a": "dead", "b": "dead", "gone": "dead", "c": "settled"}
        db.execute(
            insert(events), [{"key": key, "desk": "support", "state": state} for key, state in states.items()]
        )
    client = browser(team, "admin")
    client.post("/health/retry", data=form(client, key="c"))
    assert tried == []
    client.post("/health/retry", data=form(client, key="all"))
    assert sorted(tried) == ["a", "b", "gone"]
    with team.connect() as db:
        log = db.execute(
            select(changes.c.who, changes.c.what).where(changes.c.what.startswith("retry"))
        ).all()
    assert [tuple(line) for line in log] == [("admin", "retry a"), ("admin", "retry b")]


def test_a_claim_that_the_desk_refuses_is_said_and_written_down(team, monkeypatch):
    from core.pipeline import claims

    monkeypatch.setattr(
        claims,
        "claim_by_person",
        lambda *args, name="": claims.Outcome(False, "Ticket 4711 is taken already, by Bo."),
    )
    client = browser(team, "agent")
    client.post("/tickets/support/4711/claim", data=form(client))
    assert "taken already, by Bo" in client.get("/tickets/support/4711").text
    with team.connect() as db:
        last = db.execute(select(changes.c.what, changes.c.new).order_by(changes.c.id.desc()).limit(1)).one()
    assert tuple(last) == ("claim support:4711", "agent@example.com: refused")


def test_a_claim_needs_an_address_at_the_desk(engine):
    client = browser(engine)
    client.post("/tickets/support/4711/claim", data=form(client, email=""))
    assert "Enter the e-mail address" in client.get("/tickets/support/4711").text
