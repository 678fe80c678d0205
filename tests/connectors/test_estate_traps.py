"""The fakes have the traps of the vendors' newer parts: brands, AI agents, held-back mail, presence, follow-ups.

Each test is a row of the table "Traps of larger accounts" in the vendor's README, which cites the vendor's page.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.connectors.conftest import ROOT

VENDORS = ("zendesk", "freshdesk", "helpscout")


class Account:
    """A vendor's account, and calls to it past our connector."""

    def __init__(self, world: Any, vendor: str, **options: Any) -> None:
        self.w = world(vendor, **options)
        self.desk, self.state = self.w.desk, self.w.fake.state
        self.w.ours.whoami()

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        auth: dict[str, Any] = {"headers": {"Authorization": f"Bearer {next(iter(self.tokens()), '')}"}}
        root = {"zendesk": "/api/v2", "freshdesk": "/api/v2", "helpscout": "/v2"}[self.w.vendor]
        if self.w.vendor == "freshdesk":
            auth = {"auth": (self.w.fake.settings(self.w.url)["api_key"], "X")}
        return requests.request(method, f"{self.w.url}{root}{path}", timeout=5, **auth, **how)

    def tokens(self) -> Any:
        return self.state.tokens if self.w.vendor != "freshdesk" else ()

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def zendesk(world):
    return Account(world, "zendesk")


@pytest.fixture
def freshdesk(world):
    return Account(world, "freshdesk")


@pytest.fixture
def helpscout(world):
    return Account(world, "helpscout")


# --- Zendesk --------------------------------------------------------------------------------


def test_zendesk_a_ticket_shows_its_brands_id_and_never_its_name(zendesk):
    zendesk.state.brands[7] = "Second Shop"
    case = zendesk.desk.customer_writes("Hello", extra={"brand_id": 7})
    assert zendesk.get(f"/tickets/{case.id}.json")["ticket"]["brand_id"] == 7
    (brand,) = [one for one in zendesk.get("/brands.json")["brands"] if one["id"] == 7]
    assert (brand["name"], brand["subdomain"]) == ("Second Shop", "second-shop")


def test_zendesk_an_ai_agents_ticket_is_read_only_until_it_is_escalated(zendesk):
    case = zendesk.desk.customer_writes("Hello", extra={"support_type": "ai_agent"})
    refused = zendesk.call("PUT", f"/tickets/{case.id}.json", json={"ticket": {"tags": ["x"]}})
    assert (refused.status_code, "read-only" in refused.text, case.tags) == (422, True, [])
    case.extra["support_type"] = "agent"
    assert zendesk.call("PUT", f"/tickets/{case.id}.json", json={"ticket": {"tags": ["x"]}}).ok


def test_zendesk_the_export_leaves_an_ai_agents_tickets_out_unless_asked(zendesk):
    case = zendesk.desk.customer_writes("Hello", extra={"support_type": "ai_agent"})
    zendesk.w.later(minutes=5)
    page = "/incremental/tickets/cursor.json"
    assert zendesk.get(page, start_time=1)["tickets"] == []
    assert [one["id"] for one in zendesk.get(page, start_time=1, support_type_scope="all")["tickets"]] == [
        case.id
    ]
    assert (
        zendesk.call("GET", page, params={"start_time": 1, "support_type_scope": "bots"}).status_code == 422
    )


def test_zendesk_an_ai_agents_mail_is_a_comment_of_the_system_user_whom_no_list_of_users_has(zendesk):
    case = zendesk.desk.customer_writes("Hello")
    zendesk.desk.ai_says(case.id, zendesk.w.ann.id, "Try this.", system=True)
    answer = zendesk.get(f"/tickets/{case.id}/comments.json", include="users")
    assert [one["author_id"] for one in answer["comments"]][-1] == -1
    assert -1 not in {one["id"] for one in answer["users"]}


def test_zendesk_suspended_mail_is_no_ticket_and_only_admins_list_it(zendesk):
    held = zendesk.state.suspend("kim@example.com", "Hello", "Where is my order?")
    assert zendesk.call("GET", f"/tickets/{held}.json").status_code == 404
    assert [one["id"] for one in zendesk.get("/suspended_tickets.json")["suspended_tickets"]] == [held]
    zendesk.state.bot_role = "agent"
    assert zendesk.call("GET", "/suspended_tickets.json").status_code == 403


def test_zendesk_recovering_a_single_mail_makes_the_caller_its_requester_and_recover_many_does_not(zendesk):
    one, two = (zendesk.state.suspend(f"{n}@example.com", "Hello", "Where is it?") for n in ("kim", "lee"))
    (lost,) = zendesk.call("PUT", f"/suspended_tickets/{one}/recover.json").json()["ticket"]
    (kept,) = zendesk.call("PUT", f"/suspended_tickets/recover_many.json?ids={two}").json()["tickets"]
    requesters = [zendesk.desk.people[made["requester_id"]].email for made in (lost, kept)]
    assert requesters == ["backstop@desk.example", "lee@example.com"]
    assert zendesk.call("PUT", f"/suspended_tickets/recover_many.json?ids={two}").status_code == 404


def test_zendesk_agents_have_a_status_only_with_omnichannel_routing(zendesk):
    zendesk.w.ann.away = True
    zendesk.state.omnichannel = False
    (plain,) = [one["attributes"] for one in zendesk.get("/agent_availabilities")["data"]]
    assert "agent_status" not in plain
    zendesk.state.omnichannel = True
    (told,) = [one["attributes"] for one in zendesk.get("/agent_availabilities")["data"]]
    assert told["agent_status"]["name"] == "Away"


def test_zendesk_a_reply_to_a_closed_ticket_is_a_follow_up_that_names_the_old_one(zendesk):
    old = zendesk.desk.customer_writes("Hello", email="kim@example.com")
    old.tags.append("vip")
    zendesk.desk.agent_sets(old.id, zendesk.w.ann.id, status="closed")
    new = zendesk.desk.customer_writes("It broke again.", email="kim@example.com", case_id=old.id)
    shown = zendesk.get(f"/tickets/{new.id}.json")["ticket"]
    assert (new.id != old.id, shown["tags"], shown["via"]["channel"]) == (True, ["vip"], "closed_ticket")
    assert shown["via"]["source"]["from"]["ticket_id"] == old.id


# --- Freshdesk ------------------------------------------------------------------------------


def test_freshdesk_a_ticket_shows_its_products_id_and_only_admins_list_mailboxes(freshdesk):
    freshdesk.state.products[7] = "Second Shop"
    case = freshdesk.desk.customer_writes("Hello", extra={"product_id": 7})
    assert freshdesk.get(f"/tickets/{case.id}")["product_id"] == 7
    assert {one["id"]: one["name"] for one in freshdesk.get("/products")} == {7: "Second Shop"}
    freshdesk.state.bot_is_admin = False
    assert freshdesk.call("GET", "/email_configs").status_code == 403


def test_freshdesk_an_ai_agent_answers_like_any_agent_without_a_mark(freshdesk):
    robo = freshdesk.desk.add_person("Freddy", "freddy@desk.example", "agent", signs_in=False)
    case = freshdesk.desk.customer_writes("Hello")
    freshdesk.desk.ai_says(case.id, robo.id, "Try this.")
    freshdesk.desk.agent_says(case.id, freshdesk.w.ann.id, "Or this.")
    by_ai, by_ann = freshdesk.get(f"/tickets/{case.id}/conversations")
    own = {"id", "user_id", "body", "body_text", "created_at", "updated_at"}
    assert {k: v for k, v in by_ai.items() if k not in own} == {
        k: v for k, v in by_ann.items() if k not in own
    }


def test_freshdesk_spam_is_in_its_own_list_only_and_takes_no_update(freshdesk):
    case = freshdesk.desk.customer_writes("Hello")
    freshdesk.desk.agent_sets(case.id, freshdesk.w.ann.id, spam=True)
    assert freshdesk.get("/tickets") == []
    assert [one["id"] for one in freshdesk.get("/tickets", filter="spam")] == [case.id]
    assert freshdesk.call("PUT", f"/tickets/{case.id}", json={"status": 2}).status_code == 405


def test_freshdesk_availability_is_for_admins_and_says_away_only_with_a_time(freshdesk):
    def ann() -> dict[str, Any]:
        return next(one for one in freshdesk.get("/agents") if one["id"] == freshdesk.w.ann.id)

    assert (ann()["available"], ann()["available_since"]) == (False, None), (
        "in no group that assigns: says nothing"
    )
    freshdesk.w.ann.away = True
    assert (ann()["available"], bool(ann()["available_since"])) == (False, True)
    freshdesk.state.bot_is_admin = False
    assert freshdesk.call("GET", "/agents").status_code == 403


# --- Help Scout -----------------------------------------------------------------------------


def test_helpscout_a_conversation_shows_its_inboxs_id_only(helpscout):
    case = helpscout.desk.customer_writes("Hello")
    shown = helpscout.get(f"/conversations/{case.id}")
    listed = {one["id"]: one["name"] for one in helpscout.get("/mailboxes")["_embedded"]["mailboxes"]}
    assert shown["mailboxId"] in listed
    assert listed[shown["mailboxId"]] not in str(shown)


def test_helpscout_spam_is_in_no_list_but_its_own_and_a_status_recovers_it(helpscout):
    case = helpscout.desk.customer_writes("Hello")
    case.spam = True

    def ids(status: str) -> list[int]:
        found = helpscout.get("/conversations", status=status).get("_embedded", {}).get("conversations", [])
        return [one["id"] for one in found]

    assert (ids("all"), ids("active"), ids("spam")) == ([], [], [case.id])
    patch = {"op": "replace", "path": "/status", "value": "active"}
    assert helpscout.call("PATCH", f"/conversations/{case.id}", json=patch).status_code == 204
    assert (ids("active"), ids("spam")) == ([case.id], [])


def test_helpscout_v2_shows_its_own_automation_as_a_user(helpscout):
    case = helpscout.desk.customer_writes("Hello")
    helpscout.desk._say(case, helpscout.w.ann.id, "We got it.", public=True, via="rule")
    (newest, *_) = helpscout.get(f"/conversations/{case.id}/threads")["_embedded"]["threads"]
    assert (newest["createdBy"]["type"], newest["createdBy"]["id"]) == ("user", 1)


def test_helpscout_whoever_is_away_shows_it_in_the_status_of_mail(helpscout):
    helpscout.w.ann.away = True
    listed = helpscout.get("/users/status")["_embedded"]["userStatuses"]
    status = {one["userId"]: one["email"]["status"] for one in listed}
    assert status[helpscout.w.ann.id] == "away"
    assert "away" not in {at for who, at in status.items() if who != helpscout.w.ann.id}


# --- the tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_trap_is_a_row_of_the_readme_with_the_vendors_page(vendor):
    page = (ROOT / "connectors" / vendor / "README.md").read_text()
    section = page.partition("## Traps of larger accounts")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", section))
    written = {name for name in globals() if name.startswith(f"test_{vendor}_")}
    assert named == written
    rows = [line for line in section.splitlines() if "`test_" in line]
    assert all(re.search(r"\(https://\S+\)", line) for line in rows), "each cites the vendor's page"
