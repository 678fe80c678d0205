"""What every channel promises, whatever it is: one row of the table, the same tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.channels import CHANNELS, build
from core.errors import Refused, TryLater, UnknownOutcome
from core.model import AddNote, Author, Customer, Message, OutboundMessage, Priority, Status, Ticket, Write
from core.model import Receipt as Done
from tests.connectors.channels.fakes import (
    FakePagers,
    FakeSlack,
    FakeTeams,
    FakeTwilio,
    mail_server,
    reply,
    serving,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@dataclass
class Case:
    """One channel with its fake provider: the received messages, and a switch for each kind of failure."""

    channel: Any
    received: Callable[[], list[str]]
    refuse: Callable[[], None]
    busy: Callable[[], None]
    hang_up: Callable[[], None]


def outbound(**more: Any) -> OutboundMessage:
    given = {
        "key": "support:4711:t:0:x",
        "to": (),
        "subject": "Ticket 4711 (support) needs a human",
        "priority": Priority.URGENT,
        "text": "Ticket 4711 (support) needs a human\nSecond line",
        "desk": "support",
        "ticket_id": "4711",
        "template": "escalated",
        "url": "https://desk.example/4711",
        "claim_url": "https://backstop.example/claim/abc",
    }
    return OutboundMessage(**(given | more))


def _web(fake: Any, raw: dict[str, Any], kind: str, refuse: Any, stack: ExitStack) -> Case:
    stack.enter_context(serving(fake))
    filled = {
        key: value.replace("BASE", fake.base) if isinstance(value, str) else value
        for key, value in raw.items()
    }
    channel = build({kind: {"x": filled}}, clock=lambda: NOW, public_url="https://backstop.example")[
        f"{kind}:x"
    ]
    return Case(
        channel,
        lambda: [str(one) for one in fake.received],
        lambda: fake.next.append(refuse),
        lambda: fake.next.append(reply(429, "slow", Retry_After="7")),
        lambda: fake.next.append(None),
    )


def slack_hook(stack: ExitStack) -> Case:
    return _web(
        FakeSlack(), {"webhook_url": "BASE/services/T1/B1/good"}, "slack", reply(404, "no_service"), stack
    )


def slack_bot(stack: ExitStack) -> Case:
    raw = {
        "bot_token": FakeSlack.TOKEN,
        "channel": "C1",
        "signing_secret": FakeSlack.SECRET,
        "base_url": "BASE",
    }
    return _web(FakeSlack(), raw, "slack", reply(200, {"ok": False, "error": "is_archived"}), stack)


def sms(stack: ExitStack) -> Case:
    raw = {
        "account_sid": FakeTwilio.SID,
        "auth_token": FakeTwilio.TOKEN,
        "to": "+15550100",
        "from": "+15550199",
        "base_url": "BASE",
    }
    return _web(FakeTwilio(), raw, "sms", reply(400, {"code": 21211, "message": "no number"}), stack)


def teams(stack: ExitStack) -> Case:
    return _web(FakeTeams(), {"webhook_url": "BASE/workflows/good"}, "teams", reply(404, "gone"), stack)


def webhook(stack: ExitStack) -> Case:
    return _web(
        FakePagers(), {"url": "BASE/hook", "secret": FakePagers.SECRET}, "webhook", reply(400, "no"), stack
    )


def pagerduty(stack: ExitStack) -> Case:
    raw = {"preset": "pagerduty", "routing_key": "R" * 32, "url": "BASE"}
    return _web(FakePagers(), raw, "webhook", reply(400, {"status": "invalid event"}), stack)


def goalert(stack: ExitStack) -> Case:
    raw = {"preset": "goalert", "url": "BASE/api/v2/generic/incoming?token=T"}
    return _web(FakePagers(), raw, "webhook", reply(400, "no"), stack)


def email(stack: ExitStack) -> Case:
    box, url = stack.enter_context(mail_server())
    raw = {"to": "boss@acme.example", "from": "Backstop <backstop@acme.example>", "smtp_url": url}
    channel = build({"email": {"x": raw}}, clock=lambda: NOW)["email:x"]
    return Case(
        channel,
        lambda: [e.content.decode() for e in box.received],
        lambda: setattr(box, "broken", "554 5.7.1 no"),
        lambda: setattr(box, "broken", "451 4.3.0 later"),
        lambda: setattr(box, "broken", "silent"),
    )


class Desk:
    """As much of a desk as a note needs."""

    def __init__(self) -> None:
        self.notes: list[Write] = []
        self.fails: Exception | None = None

    def fetch(self, ticket_id: str) -> Ticket:
        message = Message("1", Author.CUSTOMER, NOW, "hello")
        return Ticket("support", ticket_id, "s", (message,), Customer("1"), Status.NEW, NOW, NOW)

    def writes(self, ticket: Ticket, actions: Any, key: str) -> tuple[Write, ...]:
        return (Write(f"{key}:note", tuple(actions)),)

    def send(self, ticket: Ticket, write: Write) -> Done:
        if self.fails:
            raise self.fails
        self.notes.append(write)
        return Done(id=str(len(self.notes)))

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Done | None:
        return next((Done(id="1") for note in self.notes if note.key == write.key), None)


def desk(stack: ExitStack) -> Case:
    support = Desk()
    channel = build({}, clock=lambda: NOW, desks={"support": support})["desk"]
    return Case(
        channel,
        lambda: [w.spoken.text for w in support.notes if isinstance(w.spoken, AddNote)],
        lambda: setattr(support, "fails", Refused("closed")),
        lambda: setattr(support, "fails", TryLater("429", status=429)),
        lambda: setattr(support, "fails", UnknownOutcome("silent")),
    )


CASES = {
    make.__name__: make
    for make in (slack_hook, slack_bot, sms, teams, webhook, pagerduty, goalert, email, desk)
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with ExitStack() as stack:
        yield CASES[request.param](stack)


def test_every_row_of_the_table_is_held_to_this_contract() -> None:
    with ExitStack() as stack:
        assert {make(stack).channel.kind for make in CASES.values()} == set(CHANNELS)


def test_it_sends_and_the_message_names_the_ticket(case: Case) -> None:
    receipt = case.channel.send(outbound(), NOW)
    assert receipt.state in {"accepted", "delivered"}
    assert len(case.received()) == 1
    assert "4711" in case.received()[0]


def test_a_refusal_is_a_refusal(case: Case) -> None:
    case.refuse()
    with pytest.raises(Refused):
        case.channel.send(outbound(), NOW)
    assert case.received() == []


def test_too_fast_or_busy_means_later(case: Case) -> None:
    case.busy()
    with pytest.raises(TryLater):
        case.channel.send(outbound(), NOW)


def test_silence_after_sending_is_an_unknown_outcome_never_a_failure(case: Case) -> None:
    case.hang_up()
    with pytest.raises(UnknownOutcome):
        case.channel.send(outbound(), NOW)


def test_very_long_words_are_cut_not_refused(case: Case) -> None:
    case.channel.send(
        outbound(text="Ticket 4711 " + "ä<&>*_[x](http://evil.example) " * 4000, subject="s" * 5000), NOW
    )
    assert "4711" in case.received()[0]


def test_hostile_words_neither_break_it_nor_call_everybody(case: Case) -> None:
    case.channel.send(
        outbound(
            text="Ticket 4711\r\nBcc: all@acme.example\n<!channel> <@U1> \x00 \u202e",
            subject="x\r\nBcc: all@acme.example",
        ),
        NOW,
    )
    got = case.received()[0]
    assert case.channel.kind != "slack" or "<!channel>" not in got
    assert "\nBcc:" not in got.partition("\r\n\r\n")[0] or case.channel.kind != "email"


def test_a_notice_about_ourselves_without_ticket_is_sent_or_refused_clearly(case: Case) -> None:
    about_us = outbound(
        desk="", ticket_id="", url="", claim_url="", template="alarm", text="The desk refuses us"
    )
    if case.channel.kind == "desk":
        with pytest.raises(Refused, match="no ticket"):
            case.channel.send(about_us, NOW)
    else:
        case.channel.send(about_us, NOW)
        assert len(case.received()) == 1


def test_doctor_can_look_without_disturbing_anybody(case: Case) -> None:
    findings = case.channel.check()
    assert [f for f in findings if f.level == "fail"] == []
    assert any(f.level == "ok" and f.code for f in findings)
    assert case.received() == []


def test_it_states_its_limits_and_how_it_fails(case: Case) -> None:
    channel, can = case.channel, case.channel.can
    assert can.format in {"short", "rich", "mail"}
    assert can.max_length > 0
    assert isinstance(can.customer_words, bool)
    assert can.customer_words or can.format == "short"
    assert can.format != "short" or not can.customer_words
    assert "How it fails" in (inspect.getmodule(type(channel)).__doc__ or "")


@pytest.mark.parametrize("kind", sorted(set(CHANNELS) - {"desk"}))
def test_a_channel_without_recipient_or_credential_is_refused_at_start_up_with_a_remedy(kind: str) -> None:
    from core.errors import ConfigError

    with pytest.raises(ConfigError, match=rf"channels\.{kind}\.x"):
        build({kind: {"x": {}}}, clock=lambda: NOW)


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_a_misspelt_key_is_refused(kind: str) -> None:
    module = __import__(CHANNELS[kind], fromlist=["Settings"])
    with pytest.raises(ValidationError, match="nonsense"):
        module.Settings.model_validate({"nonsense": 1})


def test_secrets_never_show_in_an_error() -> None:
    from core.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        build(
            {"webhook": {"x": {"url": "https://p.example", "secret": "not-base64-and-very-secret!"}}},
            clock=lambda: NOW,
        )
    assert "very-secret" not in str(caught.value)


def test_an_unknown_kind_names_the_known_ones() -> None:
    from core.errors import ConfigError

    with pytest.raises(ConfigError, match=r"channels\.pigeon\.x: no such kind of channel: use slack, sms"):
        build({"pigeon": {"x": {}}}, clock=lambda: NOW)
