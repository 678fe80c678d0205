"""The sidebar app, from its zip, in a real browser: Zendesk's SDK is stood in for, Zendesk itself is the strict fake."""

from __future__ import annotations

import importlib.util
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from sqlalchemy import create_engine

from connectors.sandbox.desk import SandboxDesk
from connectors.zendesk.fake import make_fake
from tests.console.world import fill, make_app

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
ARGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
SHOTS = os.environ.get("BACKSTOP_SCREENSHOTS", "")  # a folder to keep pictures in
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = "backstop.example.com"
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "png": "image/png"}

_spec = importlib.util.spec_from_file_location("zendesk_app_build", ROOT / "deploy/zendesk-app/build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


# --- the zip


def packed(path, host=""):
    build.build(path, host)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_has_its_files_at_the_root_and_every_setting_has_its_text(tmp_path):
    files = packed(tmp_path / "app.zip", HOST)
    assert set(files) >= build.NEEDED
    manifest, texts = json.loads(files["manifest.json"]), json.loads(files["translations/en.json"])["app"]
    assert manifest["private"] is True
    assert manifest["location"]["support"]["ticket_sidebar"]["url"] in files
    assert manifest["domainWhitelist"] == [HOST]
    assert {one["name"] for one in manifest["parameters"]} == set(texts["parameters"])
    assert next(one for one in manifest["parameters"] if one["name"] == "token")["secure"] is True


def test_without_a_server_no_setting_asks_for_one(tmp_path):
    manifest = json.loads(packed(tmp_path / "app.zip")["manifest.json"])
    assert {one["name"] for one in manifest["parameters"]} == {
        "intent_field",
        "confidence_field",
        "tag_prefix",
    }
    assert "domainWhitelist" not in manifest


def test_the_same_files_make_the_same_zip(tmp_path):
    packed(tmp_path / "a.zip", HOST), packed(tmp_path / "b.zip", HOST)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    "host", ["https://backstop.example.com", "backstop.example.com/api", "localhost", "-x.de"]
)
def test_a_host_written_wrongly_is_refused_before_zendesk_refuses_it(tmp_path, host):
    told = CliRunner().invoke(build.main, [str(tmp_path / "app.zip"), "--host", host])
    assert told.exit_code == 2
    assert "bare name" in told.output
    assert list(tmp_path.iterdir()) == []


# --- in the browser


class World:
    """One ticket in a fake account, an agent who views it, and a Backstop with its history."""

    def __init__(
        self,
        tmp_path,
        *,
        fields=True,
        server=True,
        tags=("ai_intent_billing_dispute", "ai_routed", "ai_escalated", "vip"),
    ):
        self.files = packed(tmp_path / "app.zip", HOST)
        self.desk = SandboxDesk(clock=lambda: NOW)
        self.fake = make_fake(self.desk)
        self.http = self.fake.app.test_client()
        self.auth = {"Authorization": f"Bearer {self.fake.state.token()}"}
        self.agent = self.desk.add_person("Ann", "ann@acme.example", role="agent")
        self.agent.queue_ids.append(self.desk.bot.queue_ids[0])
        self.case = self.desk.customer_writes(
            "There is a <b>charge</b> I did not make", subject="Charge", email="mia@example.com", name="Mia"
        )
        self.settings = {"tag_prefix": "ai_"}
        values = []
        if fields:
            intents = ("billing_dispute", "refund_request", "none_of_these")
            options = [
                {"name": one.replace("_", " ").capitalize(), "value": f"ai_intent_{one}"} for one in intents
            ]
            self.settings["intent_field"] = self._field(
                "tagger", "Backstop intent", custom_field_options=options
            )
            self.settings["confidence_field"] = self._field("integer", "Backstop confidence")
            values = [
                {"id": int(self.settings["intent_field"]), "value": "ai_intent_billing_dispute"},
                {"id": int(self.settings["confidence_field"]), "value": 72},
            ]
        if tags:
            self.put({"tags": list(tags), "custom_fields": values})
        self.settings |= {"backstop_url": f"https://{HOST}", "desk": "support"} if server else {}
        self.story, self.api_status = story(), 200
        self.said, self.asked, self.conflict = [], [], False

    def _field(self, kind, title, **more):
        made = self.http.post(
            "/api/v2/ticket_fields.json",
            json={"ticket_field": {"type": kind, "title": title, **more}},
            headers=self.auth,
        )
        assert made.status_code == 201, made.json
        return str(made.json["ticket_field"]["id"])

    def put(self, body):
        answer = self.http.put(
            f"/api/v2/tickets/{self.case.id}.json", json={"ticket": body}, headers=self.auth
        )
        assert answer.status_code == 200, answer.json

    def ticket(self):
        return self.http.get(f"/api/v2/tickets/{self.case.id}.json", headers=self.auth).json["ticket"]

    def zaf(self, what, text):
        given = json.loads(text) if text else None
        return json.dumps(getattr(self, f"_{what}")(given))

    def _metadata(self, _given):
        return self.settings

    def _get(self, paths):
        ticket = self.ticket()
        values = dict.fromkeys(map(str, self.fake.state.fields)) | {
            str(one["id"]): one["value"] for one in ticket["custom_fields"]
        }
        holder = ticket["assignee_id"]
        known = {
            "ticket.id": ticket["id"],
            "ticket.tags": ticket["tags"],
            "ticket.assignee": {"user": {"id": holder} if holder else None},
            "currentUser": {"id": self.agent.id, "name": "Ann", "locale": "en-GB"},
            **{f"ticket.customField:custom_field_{key}": value for key, value in values.items()},
        }
        return {path: known[path] for path in paths}

    def _request(self, options):
        self.asked.append(options)
        where = urlsplit(options["url"])
        if where.netloc:
            manifest = json.loads(self.files["manifest.json"])
            assert where.hostname in manifest["domainWhitelist"]
            assert options["secure"] is True
            assert options["headers"] == {"Authorization": "Bearer {{setting.token}}"}
            assert where.path == f"/api/tickets/support/{self.case.id}"
            return {"status": self.api_status, "body": self.story}
        if options["type"] == "PUT" and self.conflict:
            self.put({"tags": [*self.ticket()["tags"], "meanwhile"]})
            self.conflict = False
            body = json.loads(options["data"])
            body["ticket"]["updated_stamp"] = "2026-11-24T11:00:00Z"
            options = {**options, "data": json.dumps(body)}
        answer = self.http.open(
            options["url"],
            method=options["type"],
            data=options.get("data"),
            headers={**self.auth, "Content-Type": options.get("contentType", "application/json")},
        )
        return {"status": answer.status_code, "body": answer.json}

    def _invoke(self, given):
        self.said.append(given)
        assert given[0] in {"resize", "notify"}


def story(**more):
    """What `backstop show --json` prints."""
    at = NOW + timedelta(minutes=30)
    ladder = [
        {"rung": 0, "at": (NOW + timedelta(hours=1)).isoformat(), "notify": "team", "template": "reminder"},
        {
            "rung": 1,
            "at": (NOW + timedelta(hours=2)).isoformat(),
            "notify": "manager",
            "template": "reminder",
        },
    ]
    ticket = {
        "state": "escalated",
        "priority": "urgent",
        "outcome": "routed",
        "promise_at": str(at),
        "ladder": ladder,
        "rung": 1,
        "claimed_by": "",
        **more,
    }
    decision = {
        "intent": "billing_dispute",
        "confidence": 0.726,
        "alternatives": [["refund_request", 0.114], ["invoice_request", 0.05]],
        "evidence": ["charge", "did not make"],
        "reason": "urgent intents always go to a human <script>",
        "rule": "intents.billing_dispute",
        "rules_version": "1f2e3d4c",
        "model": "linear",
    }
    return {"ticket": ticket, "decisions": [decision], "story": []}


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS.split())
        yield browser
        browser.close()


@pytest.fixture
def show(chromium):
    """Open the app before a world's ticket."""
    contexts = []

    def opened(world):
        context = chromium.new_context(viewport={"width": 340, "height": 620}, timezone_id="UTC")
        contexts.append(context)
        page = context.new_page()
        page.clock.install(time=NOW)
        page.problems = []
        page.on("pageerror", lambda err: page.problems.append(str(err)))
        page.expose_function("zaf", world.zaf)

        def answer(route):
            where = urlsplit(route.request.url)
            if where.hostname == "static.zdassets.com":
                route.fulfill(
                    content_type="text/javascript", body=Path(__file__).with_name("zaf.js").read_text()
                )
            elif where.hostname == "1.apps.zdusercontent.com":
                name = where.path.lstrip("/")
                route.fulfill(content_type=TYPES[name.rpartition(".")[2]], body=world.files[name])
            else:
                route.abort()

        context.route("**/*", answer)
        page.goto("https://1.apps.zdusercontent.com/assets/iframe.html")
        page.clock.run_for(1000)
        page.wait_for_function("!document.body.innerText.includes('Looking')")
        return page

    yield opened
    for context in contexts:
        context.close()


pytestmark = pytest.mark.browser


def settled(page, words):
    page.get_by_text(words, exact=False).first.wait_for(timeout=5000)


def test_an_agent_sees_intent_confidence_reason_promise_and_who_is_notified_next(show, tmp_path):
    page = show(World(tmp_path))
    text = page.inner_text("main")
    for words in (
        "Billing dispute",
        "72% sure",
        "routed to a specialist",
        "urgent",
        "urgent intents always go to a human",
        "Refund request 11%",
        "Tue 24 Nov, 12:30",
        "manager, Tue 24 Nov, 14:00",
        "waiting for a human",
        "rules version 1f2e3d4c",
    ):
        assert words in text.replace("Tue, 24", "Tue 24"), (words, text)
    assert page.problems == []
    assert page.evaluate("document.querySelectorAll('main script, main b').length") == 0
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/zendesk-app.png", full_page=True)


@pytest.mark.parametrize("ticket", ["support/4711", "generated/g1000"])
def test_the_document_that_the_console_really_answers_is_understood(show, tmp_path, ticket):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    fill(engine)
    told = make_app(engine).test_client().get(f"/api/tickets/{ticket}").get_json()
    engine.dispose()
    world = World(tmp_path, fields=False, tags=())
    world.story = told
    page = show(world)
    text, kept = page.inner_text("main"), told["ticket"]
    last = (told["decisions"] or [kept])[-1]
    assert last["intent"].replace("_", " ").capitalize() in text
    assert f"{int(last['confidence'] * 100)}% sure" in text
    assert last.get("reason", "") in text
    assert ("waiting for a human" in text) is (kept["state"] == "escalated")
    assert page.problems == []


def test_a_broken_promise_is_shown_as_such_until_answered(show, tmp_path):
    world = World(tmp_path)
    world.story = story(promise_at=str(NOW - timedelta(minutes=5)))
    page = show(world)
    assert "overdue" in page.inner_text(".late")
    world.story = story(promise_at=str(NOW - timedelta(minutes=5)), state="answered")
    page.evaluate("window.activated({})")
    settled(page, "answered by a human")
    assert "overdue" not in page.inner_text("main")
    assert "told next" not in page.inner_text("main").lower()


def test_i_take_it_makes_the_agent_the_assignee_and_says_so(show, tmp_path):
    world = World(tmp_path)
    page = show(world)
    page.get_by_role("button", name="I take it").click()
    settled(page, "It is yours")
    assert world.ticket()["assignee_id"] == world.agent.id
    assert ["notify", "The ticket is yours.", "notice"] in world.said
    assert page.get_by_role("button", name="It is yours").is_disabled()


def test_correcting_the_intent_sets_field_and_tag_and_keeps_everybody_elses_tags(show, tmp_path):
    world = World(tmp_path)
    page = show(world)
    save = page.get_by_role("button", name="Correct the intent")
    assert save.is_disabled()
    page.get_by_label("What the customer really wants").select_option("refund_request")
    save.click()
    page.get_by_role("heading", name="Refund request").wait_for(timeout=5000)
    ticket = world.ticket()
    assert set(ticket["tags"]) == {"ai_intent_refund_request", "ai_routed", "ai_escalated", "vip"}
    values = {str(one["id"]): one["value"] for one in ticket["custom_fields"]}
    assert values[world.settings["intent_field"]] == "ai_intent_refund_request"
    written = [one for one in world.asked if one["type"] == "PUT"]
    assert len(written) == 1
    assert json.loads(written[0]["data"])["ticket"]["safe_update"] is True


def test_without_fields_the_intent_is_read_from_and_written_to_the_tags(show, tmp_path):
    world = World(tmp_path, fields=False)
    page = show(world)
    page.get_by_label("What the customer really wants").select_option("invoice_request")
    page.get_by_role("button", name="Correct the intent").click()
    page.get_by_role("heading", name="Invoice request").wait_for(timeout=5000)
    assert "ai_intent_invoice_request" in world.ticket()["tags"]
    assert "ai_intent_billing_dispute" not in world.ticket()["tags"]


def test_a_change_at_the_same_moment_is_not_written_over(show, tmp_path):
    world = World(tmp_path)
    page = show(world)
    world.conflict = True
    page.get_by_label("What the customer really wants").select_option("refund_request")
    page.get_by_role("button", name="Correct the intent").click()
    page.get_by_role("button", name="I take it").wait_for(timeout=5000)
    page.wait_for_function("!document.querySelector('button.first').disabled")
    assert "meanwhile" in world.ticket()["tags"]
    assert "ai_intent_billing_dispute" in world.ticket()["tags"]
    assert any(one[0] == "notify" and "try again" in one[1] for one in world.said)


def test_when_backstop_does_not_answer_the_ticket_itself_is_shown_and_the_trouble_named(show, tmp_path):
    world = World(tmp_path)
    world.api_status = 502
    text = show(world).inner_text("main")
    assert "Backstop does not answer" in text
    assert "Billing dispute" in text
    assert "72% sure" in text


def test_without_a_server_fields_and_tags_are_enough_and_no_other_host_is_called(show, tmp_path):
    world = World(tmp_path, server=False)
    text = show(world).inner_text("main")
    assert "Billing dispute" in text
    assert "72% sure" in text
    assert [one["url"] for one in world.asked if one["url"].startswith("http")] == []


def test_a_ticket_that_backstop_has_not_seen_says_so_and_offers_nothing_wrong(show, tmp_path):
    world = World(tmp_path, tags=())
    world.api_status = 404
    page = show(world)
    assert "has not marked this ticket" in page.inner_text("main")
    assert page.get_by_role("button").count() == 0


def test_axe_finds_nothing(show, tmp_path):
    page = show(World(tmp_path))
    found = (
        Axe()
        .run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        .response["violations"]
    )
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
