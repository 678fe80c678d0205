"""Set-up in the browser, without one: from the one-time link to the first ticket that is watched; left, torn and contested."""

from __future__ import annotations

import html
import os
import re
import stat
import tomllib
from contextlib import ExitStack

import pytest
import requests

from connectors.sandbox.server import serving
from core import settings
from core.admin.setup.files import drafts
from core.admin.setup.kept import Kept
from core.errors import ConfigError
from core.ledger import store
from core.web.users import any_user
from tests.setup_world import PAST, SECRET, Newcomer, prefilled

ONE = pytest.mark.parametrize("vendor", ["freshdesk"])


@pytest.fixture
def new(vendor, tmp_path, classifier_cache, monkeypatch):
    for name in [name for name in os.environ if name.startswith("BACKSTOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKSTOP_CLASSIFIER__CACHE", os.environ.get("CACHE", str(classifier_cache)))
    with ExitStack() as stack:
        made = Newcomer(vendor, tmp_path, stack)
        made.stack = stack
        yield made
        for name in [name for name in os.environ if name.startswith("BACKSTOP_")]:
            os.environ.pop(name)


def test_from_the_link_to_the_first_ticket_that_is_watched(new, vendor):
    new.lives()
    before = {id_: (case.status, list(case.tags), len(case.entries)) for id_, case in new.desk.cases.items()}
    new.goes_to("over")
    assert new.setup.finished.is_set()
    assert not (new.home / ".backstop-setup").exists(), "its notes are gone"
    assert stat.S_IMODE((new.home / ".env").stat().st_mode) == 0o600
    after = {id_: (case.status, list(case.tags), len(case.entries)) for id_, case in new.desk.cases.items()}
    assert after == before, "no ticket was touched"

    app, case = new.first_ticket(new.stack)
    assert any_user(app.engine)
    with app.engine.begin() as conn:
        row = store.ticket(conn, "support", str(case.id))
    assert row.intent == "billing_dispute"
    assert len(new.desk.cases[case.id].entries) == 1, "observe: nothing is written"
    assert app.rules["support"].intents["billing_dispute"].queue == "Billing"
    assert app.rules["support"].intents["order_status"].queue == "Orders"


# --- left, torn, contested ------------------------------------------------------------------


@ONE
def test_a_set_up_that_was_left_goes_on_where_it_was(new):
    new.lives()
    new.goes_to("intents")
    new.start()  # the process ended, and was started again
    assert new.enters().headers["Location"] == "/"
    assert new.client.get("/").headers["Location"] == "/setup/intents"
    assert "Order status" in new.page("intents")
    assert new.client.get("/setup/review").headers["Location"] == "/setup/intents", "no step is skipped"
    state = new.home / ".backstop-setup" / "state.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700


SAUNA = tuple(
    f"Can we rent the sauna tent {what}?"
    for what in (
        "for our wedding on Saturday",
        "for a birthday next weekend",
        "for twelve guests, anna@customer.example pays",
        "for a staff party at the lake",
        "with the stove for one evening",
        "and the benches for a long weekend",
    )
)


@ONE
def test_what_many_tickets_ask_and_no_common_wish_takes_is_proposed_and_taken_only_when_ticked(new):
    new.lives([*PAST, *((words, "Orders") for words in SAUNA)])
    new.goes_to("intents")
    page = new.page("intents")
    assert "Found in your own tickets" in page
    assert "take-rent_sauna" not in prefilled(page)
    assert "purple" not in page, "one ticket is no wish of many"
    new.answers("intents", **{"take-rent_sauna": "1"})
    chosen = {one["name"]: one for one in new.setup.state.of("intents")["chosen"]}
    assert (chosen["rent_sauna"]["queue"], chosen["rent_sauna"]["reply"]) == ("Orders", "")
    found = tomllib.loads(next(d.new for d in drafts(new.setup) if d.name == "backstop.toml"))
    examples = found["intents"]["rent_sauna"]["examples"]
    assert len(examples) == len(SAUNA)
    assert not [line for line in examples if "@" in line]
    with new.setup.program() as app:
        assert app.rules["support"].intents["rent_sauna"].queue == "Orders"


@ONE
def test_notes_that_cannot_be_read_any_more_are_put_aside(new):
    new.goes_to("part")
    (new.home / ".backstop-setup" / "state.json").write_text('{"answers": {')
    new.start()
    new.enters()
    assert new.client.get("/").headers["Location"] == "/setup/desk"
    assert (new.home / ".backstop-setup" / "state.broken").exists()


@ONE
def test_the_second_person_is_informed(new):
    new.enters()
    second = new.app.test_client()
    assert second.get("/setup/desk").status_code == 403
    told = second.get(f"/enter?key={new.guard.key}")
    assert (told.status_code, "Somebody has been in this set-up since" in told.text) == (409, True)
    assert new.client.get("/setup/desk").status_code == 200, "who came first goes on"
    assert second.get("/enter?key=guessed").status_code == 403
    with (
        new.setup.kept.alone(),
        pytest.raises(ConfigError, match="is in this set-up already"),
        Kept(new.file).alone(),
    ):
        pass


@ONE
def test_two_windows_do_not_undo_each_others_answers(new):
    new.enters()
    old = prefilled(new.page("desk"))
    new.answers("desk", vendor="freshdesk", public_url="https://one.example.com")
    late = new.client.post("/setup/desk", data={**old, "vendor": "zendesk"})
    assert (late.status_code, "in another window" in late.text) == (409, True)
    assert new.setup.state.of("desk")["vendor"] == "freshdesk"


@ONE
def test_no_other_page_of_the_browser_gets_in(new):
    new.enters()
    # no form token
    assert new.client.post("/setup/desk", data={"vendor": "freshdesk", "revision": "0"}).status_code == 400
    assert new.client.get("/setup/desk", headers={"Host": "evil.example"}).status_code == 403
    assert "default-src 'none'" in new.client.get("/setup/desk").headers["Content-Security-Policy"]


@pytest.mark.parametrize("vendor", ["zendesk", "helpscout"])
def test_a_connection_is_allowed_in_the_browser_and_no_other_answer_is_believed(new, vendor):
    new.fake.state.redirection_url = f"{new.setup.address}/callback"
    if vendor == "helpscout":
        new.fake.state.grant = "authorization_code"
    new.enters()
    new.answers("desk", vendor=vendor)
    new.answers("connect", **new.credentials(), browser="1")
    for query, words in (
        ("code=stolen&state=another", "another attempt"),
        ("error=access_denied&error_description=The+admin+said+no", "The admin said no"),
    ):
        new.page("connect")
        refused = new.client.get(f"/callback?{query}")
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
        assert not new.setup.state.found.get("who")
    link = html.unescape(re.search(r'class="button" href="(http[^"]+)"', new.page("connect"))[1])
    back = requests.get(link, allow_redirects=False, timeout=5).headers["Location"]
    allowed = new.client.get(back.removeprefix(new.setup.address))
    assert allowed.headers["Location"] == "/setup/part"
    assert new.setup.state.found["who"]
    assert "Support" in new.page("part"), "the account is read with the new token"


def test_a_wrong_credential_is_reported_with_its_remedy_and_shown_on_no_page(new, vendor):
    new.enters()
    new.answers("desk", vendor=vendor)
    given = new.credentials() | {SECRET[vendor]: "wrong-and-secret"}
    assert new.answers("connect", **given).headers["Location"] == "/setup/connect"
    page = new.page("connect")
    assert "Problem" in page
    assert "wrong-and-secret" not in page
    assert new.client.get("/setup/part").headers["Location"] == "/setup/connect"
    assert new.answers("connect", **new.credentials()).headers["Location"] == "/setup/part"


@ONE
def test_an_address_where_nothing_answers_is_said(new):
    new.enters()
    new.answers("desk", vendor="freshdesk")
    new.answers("connect", **new.credentials() | {"base_url": "http://127.0.0.1:9"})
    assert "does not answer" in new.page("connect")
    wrong = new.answers("connect", **new.credentials() | {"base_url": "acme.freshdesk.com/a"})
    assert (wrong.status_code, "https://host, without a path" in wrong.text) == (422, True)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_a_key_that_may_only_read_goes_as_far_as_watching(new):
    new.lives()

    def plan(call):
        return "status_before:403" if call.method in {"POST", "PUT"} and "oauth" not in call.path else ""

    new.api.plan = plan
    new.goes_to("start")
    page = new.page("start")
    assert "Zendesk refused it" in page
    assert "run install again" in page
    new.api.plan = lambda _call: ""
    new.answers("start", do="again")
    assert "Zendesk refused it" not in new.page("start")
    assert new.fake.state.webhooks
    assert new.file.exists()


@ONE
def test_the_vendors_limit_amid_reading_loses_nothing_that_was_read(new, monkeypatch):
    new.lives()
    monkeypatch.setattr("core.patience.PATIENCE", 0)
    read = []

    def plan(call):
        if re.search(r"/tickets/\d+", call.path):
            read.append(call.path)
            return "status_before:429" if len(read) > 4 else ""
        return ""

    new.api.plan = plan
    new.goes_to("tickets")
    page = new.page("tickets")
    assert "The tickets read so far are kept" in page
    assert "Continue reading" in page
    new.api.plan = lambda call: read.append(call.path) or ""  # type: ignore[func-returns-value]
    new.answers("tickets", do="again")
    new.waits("read")
    assert f"<b>{len(PAST)}</b> tickets were read" in new.page("tickets")
    assert sum("/tickets/" in path for path in read) < len(PAST) + 6, (
        "those that were read are not asked for again"
    )


@ONE
def test_a_desk_with_300_groups_in_five_languages(new):
    for number in range(300):
        new.desk.add_queue(f"Team {number:03}")
    new.lives()
    new.goes_to("intents")
    tickets, page = new.page("tickets"), new.page("intents")
    for language in ("English", "German", "French", "Spanish", "Italian"):
        assert language in tickets
    assert len(page) < 100_000
    assert page.count("<datalist") == 1
    wrong = new.answers("intents", **{"queue-order_status": "Team 4"})
    assert wrong.status_code == 422
    assert "has no" in wrong.text
    assert "Team 040" in wrong.text
    right = new.answers("intents", **{"queue-order_status": "team 042"})
    assert right.status_code == 303
    assert new.setup.state.of("intents")["chosen"][0]["queue"] == "Team 042"


# --- the files ------------------------------------------------------------------------------


@ONE
def test_what_was_there_is_shown_as_a_difference_kept_and_carried_over(new):
    new.file.write_text(
        '[desks.other]\nvendor = "zendesk"\nbase_url = "https://b.example"\ngeneral_queue = "S"\n'
    )
    (new.home / ".env").write_text("BACKSTOP_DESKS__OTHER__CLIENT_SECRET='very-secret'\n")
    new.goes_to("review")
    page = new.page("review")
    assert "very-secret" not in page
    assert new.credentials()["api_key"] not in page
    assert "BACKSTOP_DESKS__SUPPORT__API_KEY=••••••" in page
    assert new.answers("review").status_code == 303
    assert "https://b.example" in new.file.read_text()
    assert "very-secret" in (new.home / ".env").read_text()
    kept = [one for one in new.home.iterdir() if ".before-" in one.name]
    assert {one.name.partition(".before-")[0] for one in kept} == {"backstop.toml", ".env"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in kept if one.name.startswith(".env")} == {0o600}
    loaded = settings.load(new.file)
    assert set(loaded.desks) == {"support", "other"}


@ONE
def test_a_file_that_changed_on_disk_meanwhile_is_shown_again_and_not_lost(new):
    new.goes_to("review")
    form = prefilled(new.page("review"))
    new.file.write_text('[sweep]\nevery = "5m"\n')
    late = new.client.post("/setup/review", data=form)
    assert late.status_code == 409
    assert "changed on disk" in late.text
    assert new.file.read_text() == '[sweep]\nevery = "5m"\n'
    assert not (new.home / ".env").exists(), "nothing was written"
    assert new.answers("review").status_code == 303
    assert 'every = "5m"' in new.file.read_text()


@ONE
def test_without_a_public_address_it_watches_by_looking(new):
    new.goes_to("start", desk={"vendor": "freshdesk", "public_url": ""})
    assert settings.load(new.file).public_url == ""
    assert not [call for call in new.api.calls if call.method in {"POST", "PUT"}]


# --- people ---------------------------------------------------------------------------------


@ONE
def test_a_test_message_goes_out_and_what_came_of_it_is_said(new):
    heard = []

    def slack(environ, start_response):
        heard.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    new.goes_to("people")
    url = f"{new.stack.enter_context(serving(slack))}/services/T/B/secret-part"
    new.answers("people", slack_url=url, do="test")
    assert len(heard) == 1
    assert b"test message" in heard[0]
    page = new.page("people")
    assert "Sent" in page
    assert "secret-part" not in page
    new.answers("people", slack_url="http://127.0.0.1:9/secret-part", do="test")
    assert "Not sent" in new.page("people")
    assert "secret-part" not in new.page("people")
    wrong = new.answers("people", manager="nobody", sms_to="12")
    assert wrong.status_code == 422
    assert "no number for an SMS" in wrong.text


@ONE
def test_other_answers_to_an_earlier_step_take_away_what_rested_on_them(new):
    new.lives()
    new.goes_to("review")
    new.answers("intents", **{"priority-order_status": "normal"})
    assert "backtest" not in new.setup.state.found
    assert new.setup.state.found["proposals"], "the tickets are not read again"
    calls = len(new.api.calls)
    new.answers("backtest", do="again")
    new.waits("backtest")
    assert "backtest" in new.setup.state.found
    assert not [one for one in new.api.calls[calls:] if re.search(r"/tickets/\d+", one.path)]
    new.answers("desk", vendor="zendesk")
    assert "proposals" not in new.setup.state.found
    assert new.client.get("/").headers["Location"] == "/setup/connect"
