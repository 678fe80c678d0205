"""Taking a ticket by a link or a click: proved, once, written to the desk; and providers calling back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from flask import Flask

from connectors.channels import build
from core.errors import Conflict, Gone, Moved, NotAllowed, Refused, TryLater, UnknownOutcome, Unsupported
from core.ledger import links
from core.ledger.db import reading
from core.model import (
    Assign,
    Assignee,
    Author,
    Claim,
    Customer,
    Message,
    Mode,
    Receipt,
    Rules,
    Status,
    Ticket,
    Write,
)
from core.pipeline.claims import claim_by_person
from core.web.claim_links import doors
from tests.connectors.channels.fakes import FakeSlack, FakeTwilio, serving
from tests.core.notification_world import T0, FakeDesk, World

PUBLIC = "https://backstop.acme.example"


@dataclass
class Desk(FakeDesk):
    """A desk with agents, to whom tickets can be given."""

    agents: dict[str, Assignee] = field(
        default_factory=lambda: {
            "anna@acme.example": Assignee("7", "Anna Ober", True, "anna@acme.example"),
            "ben@acme.example": Assignee("8", "Ben", True, "ben@acme.example"),
        }
    )
    held: dict[str, Assignee] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)
    lands: bool = False  # whether a call whose answer is lost took effect
    sent: int = 0

    def fetch(self, ticket_id: str) -> Ticket:
        if ticket_id == "404":
            raise Gone("deleted", status=404)
        said = (Message("1", Author.CUSTOMER, T0, "hello"),)
        return Ticket(
            "support",
            ticket_id,
            "s",
            said,
            Customer("1"),
            Status.OPEN,
            T0,
            T0,
            assignee=self.held.get(ticket_id),
        )

    def writes(self, ticket: Ticket, actions: list[Any], key: str) -> tuple[Write, ...]:
        return (Write(f"{key}:assign", tuple(actions)),)

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        self.sent += 1
        (assign,) = write.actions
        assert isinstance(assign, Assign)
        err = self.fails.pop(0) if self.fails else None
        if assign.agent not in self.agents:
            raise Refused(f"no agent has the address {assign.agent}", status=422)
        if err is None or (self.lands and isinstance(err, UnknownOutcome)):
            self.held[ticket.id] = self.agents[assign.agent]
            self.claims[ticket.id] = Claim(
                ticket.id, self.agents[assign.agent].name, assign.agent, "assignee"
            )
        if err:
            raise err
        return Receipt()


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with serving(FakeSlack()) as fake:
        yield fake  # type: ignore[misc]


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with serving(FakeTwilio()) as fake:
        yield fake  # type: ignore[misc]


@pytest.fixture
def world(tmp_path: Path, slack: FakeSlack, twilio: FakeTwilio) -> World:
    world = World(tmp_path)
    world.desk = world.desks["support"] = Desk()
    raw = {
        "slack": {
            "urgent": {
                "bot_token": slack.TOKEN,
                "channel": "C1",
                "signing_secret": slack.SECRET,
                "base_url": slack.base,
            }
        },
        "sms": {
            "oncall": {
                "account_sid": twilio.SID,
                "auth_token": twilio.TOKEN,
                "to": "+15550100",
                "from": "+15550199",
                "base_url": twilio.base,
            }
        },
    }
    world.channels |= {
        k: v for k, v in build(raw, clock=world.clock, public_url=PUBLIC).items() if k != "desk"
    }
    world.escalate()
    world.tick()
    return world


@pytest.fixture
def web(world: World) -> Any:
    flask = Flask("doors-test")
    flask.extensions["backstop"] = world
    flask.register_blueprint(doors)
    return flask.test_client()


def link(twilio: FakeTwilio) -> str:
    found = re.search(r"https://backstop\.acme\.example(/claim/\S+)", twilio.received[-1]["Body"])
    assert found
    return found.group(1)


def click(web: Any, slack: FakeSlack, user: str = "U1", ticket: str = "4711") -> Any:
    payload = {
        "type": "block_actions",
        "user": {"id": user},
        "response_url": f"{slack.base}/response/1",
        "actions": [{"action_id": "backstop_claim", "value": json.dumps(["support", ticket])}],
    }
    body = ("payload=" + quote(json.dumps(payload))).encode()
    stamp = int(T0.timestamp())
    headers = {"X-Slack-Signature": slack.sign(body, stamp), "X-Slack-Request-Timestamp": str(stamp)}
    return web.post(
        "/hooks/channels/slack/urgent",
        data=body,
        headers=headers,
        content_type="application/x-www-form-urlencoded",
    )


def answers(slack: FakeSlack) -> list[str]:
    return [one[1]["text"] for one in slack.received if isinstance(one, tuple)]


# --- the link -------------------------------------------------------------------------------


def test_opening_the_link_takes_nothing_however_often_a_preview_does_it(
    world: World, web: Any, twilio: FakeTwilio
) -> None:
    for _ in range(3):
        page = web.get(link(twilio))
        assert page.status_code == 200
        assert "<button" in page.text
    web.head(link(twilio))
    assert world.ticket().state == "escalated"
    assert world.desk.held == {}


def test_the_button_takes_the_ticket_writes_it_to_the_desk_and_stops_the_ladder(
    world: World, web: Any, twilio: FakeTwilio
) -> None:
    page = web.post(link(twilio), data={"email": "anna@acme.example"})
    assert page.status_code == 200
    assert "Ticket 4711 is yours" in page.text
    assert world.desk.held["4711"].email == "anna@acme.example"
    row = world.ticket()
    assert (row.state, row.claimed_via) == ("claimed", "link")
    before = len(twilio.received)
    world.tick(29)
    assert len(twilio.received) == before


def test_a_link_works_once(world: World, web: Any, twilio: FakeTwilio) -> None:
    web.post(link(twilio), data={"email": "anna@acme.example"})
    assert web.post(link(twilio), data={"email": "ben@acme.example"}).status_code == 404
    assert web.get(link(twilio)).status_code == 404
    assert world.desk.held["4711"].email == "anna@acme.example"


def test_a_link_of_a_week_ago_is_too_old(world: World, web: Any, twilio: FakeTwilio) -> None:
    where = link(twilio)
    world.now += timedelta(days=7, seconds=1)
    assert web.get(where).status_code == 404
    assert web.post(where, data={"email": "anna@acme.example"}).status_code == 404


@pytest.mark.parametrize("token", ["x", "a" * 500, "%00", "..%2F..%2Fetc", "' OR 1=1 --"])
def test_a_guessed_link_shows_nothing(web: Any, token: str) -> None:
    for answer in (web.get(f"/claim/{token}"), web.post(f"/claim/{token}", data={"email": "a@b.c"})):
        assert answer.status_code == 404
        assert "4711" not in answer.text


def test_the_token_itself_is_not_in_the_ledger(world: World, twilio: FakeTwilio) -> None:
    token = link(twilio).rpartition("/")[2].rstrip(".")
    with reading(world.engine) as conn:
        stored = conn.exec_driver_sql("SELECT digest FROM bs_claim_links").scalars().all()
        assert links.link(conn, token, T0) is not None
    assert token not in stored


@pytest.mark.parametrize("email", ["", "anna", "a b@c", "<script>@x.example"])
def test_who_does_not_say_who_they_are_takes_nothing_and_may_try_again(
    world: World, web: Any, twilio: FakeTwilio, email: str
) -> None:
    page = web.post(link(twilio), data={"email": email})
    assert page.status_code == 409
    assert "<script>" not in page.text
    assert world.ticket().state == "escalated"
    assert web.post(link(twilio), data={"email": "anna@acme.example"}).status_code == 200


def test_a_stranger_to_the_desk_takes_nothing(world: World, web: Any, twilio: FakeTwilio) -> None:
    page = web.post(link(twilio), data={"email": "gone@acme.example"})
    assert page.status_code == 409
    assert "no agent has the address" in page.text
    assert world.ticket().state == "escalated"


def sent_to(world: World, email: str, person: str = "") -> str:
    """A link as a message to this address bears it."""
    with world.engine.begin() as conn:
        return f"/claim/{links.new_link(conn, 'support', '4711', person=person, email=email, now=world.now)}"


RAW = '{"error":"RecordInvalid","details":{"assignee":[{"description":"Assignee: is invalid"}]}}'


@pytest.mark.parametrize(
    "to", ["anna@acme.example", "Anna Ober <anna@acme.example>", '"Ober, Anna" <anna@acme.example>']
)
def test_a_link_works_for_an_address_with_a_name_before_it(world: World, web: Any, to: str) -> None:
    where = sent_to(world, to)
    assert 'value="anna@acme.example"' in web.get(where).text
    assert web.post(where).status_code == 200
    assert (world.ticket().state, world.desk.held["4711"].name) == ("claimed", "Anna Ober")


def test_whoever_reads_a_shared_mailbox_may_write_their_own_address(world: World, web: Any) -> None:
    assert (
        web.post(sent_to(world, "team@acme.example"), data={"email": "ben@acme.example"}).status_code == 200
    )
    assert world.desk.held["4711"].name == "Ben"


def test_a_claim_link_claims_for_its_own_person_only(world: World, web: Any) -> None:
    where = sent_to(world, "anna@acme.example", person="Anna")
    assert 'name="email"' not in web.get(where).text
    web.post(where, data={"email": "ben@acme.example"})
    assert world.desk.held["4711"].name == "Anna Ober"


@pytest.mark.parametrize("person", ["", "Maria Manager"])
def test_a_manager_without_a_seat_has_seen_it_and_the_next_rung_alone_is_left_out(
    world: World, web: Any, twilio: FakeTwilio, person: str
) -> None:
    where = sent_to(world, "Maria Manager <maria@acme.example>", person)
    page = web.post(where)
    assert page.status_code == 200
    assert "no agent has the address" in page.text
    assert "The next reminder is left out" in page.text
    row = world.ticket()
    assert (row.state, row.claimed_by, world.desk.held) == ("escalated", "", {})
    assert (
        "seen",
        f"by {person or 'maria@acme.example'}: the next rung is left out, the ticket still waits",
    ) in world.story()
    assert web.post(where).status_code == 404  # one link, one rung
    before = (len(twilio.received), len(world.boss.sent))
    world.tick(31)  # the team's rung
    assert (len(twilio.received), len(world.boss.sent)) == before
    world.tick(90)  # the manager's
    assert len(world.boss.sent) == before[1] + 1


def test_who_says_seen_takes_nothing(world: World, web: Any, twilio: FakeTwilio) -> None:
    page = web.post(link(twilio), data={"seen": "yes", "email": "anna@acme.example"})
    assert "anna@acme.example has seen ticket 4711" in page.text
    assert (world.ticket().state, world.desk.sent) == ("escalated", 0)


def test_of_a_ticket_that_waits_no_more_nothing_is_left_out(
    world: World, web: Any, twilio: FakeTwilio
) -> None:
    other = sent_to(world, "maria@acme.example")
    web.post(link(twilio), data={"email": "anna@acme.example"})
    before = world.ticket()
    assert "no longer waits" in web.post(other, data={"seen": "yes"}).text
    assert world.ticket() == before


@pytest.mark.parametrize(
    ("err", "words"),
    [
        (Refused(RAW, status=422), "no agent has the address"),
        (NotAllowed(RAW, status=403), "does not let us assign"),
        (Gone(RAW, status=404), "not there any more"),
        (Moved(RAW), "not there any more"),
        (Conflict(RAW), "please try again"),
        (TryLater(RAW), "please try again"),
    ],
)
def test_no_vendors_raw_words_are_shown(
    world: World, web: Any, twilio: FakeTwilio, err: Exception, words: str
) -> None:
    world.desk.fails = [err]
    page = web.post(link(twilio), data={"email": "anna@acme.example"})
    assert page.status_code == 409
    assert words in page.text
    assert "RecordInvalid" not in page.text
    assert world.ticket().state == "escalated"


@pytest.mark.parametrize("email", ["a\x00b@c.example", "a@b\x00", "a\nb@c.example"])
def test_an_address_that_cannot_be_stored_is_requested_again(
    web: Any, twilio: FakeTwilio, email: str
) -> None:
    assert web.post(link(twilio), data={"email": email}).status_code == 409


def test_a_click_by_somebody_without_a_seat_takes_nothing_and_leaves_no_rung_out(
    world: World, web: Any, slack: FakeSlack
) -> None:
    del world.desk.agents["anna@acme.example"]
    click(web, slack)
    assert "no agent has the address" in answers(slack)[0]
    assert world.ticket().state == "escalated"
    assert not [what for what, _ in world.story() if what == "seen"]


def test_the_page_cannot_be_framed_cached_or_followed(web: Any, twilio: FakeTwilio) -> None:
    headers = web.get(link(twilio)).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# --- the button in chat ---------------------------------------------------------------------


def test_a_click_takes_the_ticket_for_the_agent_with_that_address_and_says_so(
    world: World, web: Any, slack: FakeSlack
) -> None:
    assert click(web, slack).status_code == 200
    assert world.desk.held["4711"].name == "Anna Ober"
    assert (world.ticket().state, world.ticket().claimed_via) == ("claimed", "slack")
    assert answers(slack) == ["Ticket 4711 is yours, Anna Ober."]


def test_a_second_click_by_another_person_shows_who_has_the_ticket(
    world: World, web: Any, slack: FakeSlack
) -> None:
    world.desk.held["4711"] = world.desk.agents["ben@acme.example"]
    click(web, slack)
    assert answers(slack) == ["Anna Ober: Ticket 4711 is taken already, by Ben."]


def test_a_click_twice_by_the_same_person_is_one_claim(world: World, web: Any, slack: FakeSlack) -> None:
    click(web, slack)
    click(web, slack)
    assert world.desk.sent == 1
    assert [what for what, _ in world.story()].count("claimed") == 1


def test_a_clicker_with_an_unknown_address_gets_a_message_and_claims_nothing(
    world: World, web: Any, slack: FakeSlack
) -> None:
    assert click(web, slack, user="U9").status_code == 200
    assert "do not know your e-mail address" in answers(slack)[0]
    assert world.ticket().state == "escalated"


def test_a_forged_click_is_refused(world: World, web: Any, slack: FakeSlack) -> None:
    slack.SECRET = "other"
    assert click(web, slack).status_code == 401
    assert world.desk.held == {}


# --- what can go wrong at the desk ----------------------------------------------------------


def claim(world: World, email: str = "anna@acme.example", ticket: str = "4711") -> Any:
    return claim_by_person(world, "support", ticket, email, "link", world.now)


def test_a_desk_that_does_not_answer_leaves_the_ticket_to_everybody(world: World) -> None:
    world.desk.fails = [TryLater("503")]
    assert not claim(world).done
    assert world.ticket().state == "escalated"


@pytest.mark.parametrize("lands", [True, False])
def test_an_assignment_whose_answer_is_lost_is_looked_up(world: World, lands: bool) -> None:
    world.desk.fails, world.desk.lands = [UnknownOutcome("silent")], lands
    assert claim(world).done is lands
    assert (world.ticket().state == "claimed") is lands


class KnowingDesk(Desk):
    """A desk that finds agents by address."""

    def agent_id(self, email: str) -> str:
        if email not in self.agents:
            raise Refused(f"nobody has the address {email}", status=400)
        return self.agents[email].id


@pytest.mark.parametrize("shown", ["", "anna.ober@acme.example"])
def test_the_present_holder_is_recognised_though_the_desk_shows_no_address_or_another(
    world: World, shown: str
) -> None:
    world.desk = world.desks["support"] = KnowingDesk()
    world.desk.held["4711"] = Assignee("7", "Anna Ober", True, shown)
    outcome = claim_by_person(world, "support", "4711", "anna@acme.example", "link", T0)
    assert (outcome.done, world.desk.sent) == (True, 0)
    for other in ("ben@acme.example", "stranger@acme.example"):
        outcome = claim_by_person(world, "support", "4711", other, "link", T0)
        assert (outcome.done, "Anna Ober" in outcome.words) == (False, True)


def test_a_deleted_ticket_cannot_be_taken(world: World) -> None:
    assert "not there any more" in claim(world, ticket="404").words


def test_a_desk_that_is_only_observed_is_not_written_to(world: World) -> None:
    world.rules["support"] = Rules(0.85, 0.6, {}, frozenset(), "General", mode=Mode.OBSERVE)
    outcome = claim(world)
    assert outcome.done
    assert "assign it to yourself" in outcome.words
    assert world.desk.sent == 0
    assert world.ticket().state == "claimed"


def test_a_desk_that_cannot_say_it_is_noted_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: Any) -> None:
        raise Unsupported("no such action")

    monkeypatch.setattr(world.desk, "writes", cannot)
    assert claim(world).done
    assert world.ticket().state == "claimed"


def test_an_unknown_desk_is_named(world: World) -> None:
    assert "no desk called nowhere" in claim_by_person(world, "nowhere", "1", "a@b.c", "link", T0).words


# --- providers calling back -----------------------------------------------------------------


def status(web: Any, twilio: FakeTwilio, state: str, **more: str) -> Any:
    callback = twilio.received[0]["StatusCallback"]
    body = urlencode({"MessageSid": "SM1", "MessageStatus": state, **more}).encode()
    parts = urlsplit(callback)
    headers = {"X-Twilio-Signature": twilio.sign(callback, body)}
    return web.post(
        f"{parts.path}?{parts.query}",
        data=body,
        headers=headers,
        content_type="application/x-www-form-urlencoded",
    )


def test_a_carriers_report_reaches_the_ledger(world: World, web: Any, twilio: FakeTwilio) -> None:
    assert status(web, twilio, "delivered").status_code == 200
    assert status(web, twilio, "sent").status_code == 200
    row = world.rows(channel="sms:oncall")[0]
    assert (row.state, row.delivered_at) == ("delivered", T0)


def test_a_message_that_never_arrived_is_reported_in_the_channels_that_worked(
    world: World, web: Any, slack: FakeSlack, twilio: FakeTwilio
) -> None:
    status(web, twilio, "undelivered", ErrorCode="30006")
    world.tick()
    assert "sms:oncall does not work" in str(slack.received[-1])
    assert "30006: this is a landline" in str(slack.received[-1])
    assert world.boss.sent == []


def test_a_forged_report_is_refused(web: Any, twilio: FakeTwilio) -> None:
    twilio.TOKEN = "other"
    assert status(web, twilio, "delivered").status_code == 401


@pytest.mark.parametrize(
    "path", ["/hooks/channels/slack/nobody", "/hooks/channels/email/manager", "/hooks/channels/desk/desk"]
)
def test_who_does_not_listen_is_not_found(web: Any, path: str) -> None:
    assert web.post(path, data=b"x").status_code == 404


def test_a_call_that_makes_no_sense_is_a_400(web: Any, twilio: FakeTwilio) -> None:
    url = f"{PUBLIC}/hooks/channels/sms/oncall"
    answer = web.post(
        "/hooks/channels/sms/oncall", data=b"", headers={"X-Twilio-Signature": twilio.sign(url, b"")}
    )
    assert answer.status_code == 400
