"""Who may look, and who may change."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert, select

from core.errors import ConfigError
from core.ledger.schema import changes, desks, events, login_links, meta, users
from core.model import Receipt
from core.settings import Settings
from core.web.access import check_open
from core.web.users import add_user, disable_user, find, log_in, login_link, use_link
from tests.console.world import NOW, form, make_app

HTML = {"Accept": "text/html"}
WORD = "correct horse battery"


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


def test_a_login_link_is_mailed_to_the_users_own_address_and_the_answer_tells_nothing(team):
    sent = []

    def send(dispatch, now):
        sent.append(dispatch)
        return Receipt()

    client = browser(team)
    client.application.extensions["backstop"].channels["email:x"] = SimpleNamespace(kind="email", send=send)
    answers = []
    for name in ("agent", "nobody"):
        answer = client.post("/login/ask", data=form(client, name=name))
        answers.append(re.sub(r'value="[^"]+"', "", answer.text))
    assert [one.to for one in sent] == [("agent@example.com",)]
    assert "/login/link/" in sent[0].text
    assert answers[0] == answers[1]


def test_log_in_leads_back_to_a_page_of_ours_and_nowhere_else(team):
    for where, expected in [
        ("/week", "/week"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ]:
        client = browser(team)
        fields = form(client, name="admin", password=WORD, next=where)
        assert client.post("/login", data=fields).headers["Location"] == expected


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


def test_logging_out_ends_the_session(team):
    client = browser(team, "agent")
    client.post("/logout", data={"csrf_token": token(client.get("/").text)})
    assert client.get("/", headers=HTML).status_code == 302


def test_the_token_opens_pages_and_actions_to_programs(engine):
    client = browser(engine, token="s3cret-token")
    good = {"Authorization": "Bearer s3cret-token"}
    assert client.get("/week/2026-W10.json", headers=good).json["week"] == "2026-W10"
    assert (
        client.post("/health/pause", data={"desk": "support", "hold": "yes"}, headers=good).status_code == 303
    )
    for wrong in ({"Authorization": "Bearer other"}, {"Authorization": "Bearer "}, {}):
        assert client.get("/week/2026-W10.json", headers=wrong).status_code == 401
    with engine.connect() as db:
        assert db.scalar(select(changes.c.who)) == "token"


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
    from core.engine import worker

    tried = []
    monkeypatch.setattr(worker, "retry", lambda app, key: tried.append(key) or key != "gone")
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
    assert "under which address" in client.get("/tickets/support/4711").text
