"""Mail over a real server: threads, addresses that are refused, servers that are not there."""

from __future__ import annotations

import email
import email.policy
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import AuthResult

from connectors.channels import build
from connectors.channels.email import Email
from core.errors import ConfigError, NotAllowed, Refused, TryLater
from core.model import Attachment, OutboundMessage, Priority
from tests.connectors.channels.fakes import Mailbox, free_port, mail_server

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, str]]:
    with mail_server() as running:
        yield running


def channel(url: str, **more) -> Email:
    raw = {
        "to": ["boss@acme.example", "deputy@acme.example"],
        "from": "backstop@acme.example",
        "smtp_url": url,
    }
    return build({"email": {"manager": raw | more}}, clock=lambda: NOW)["email:manager"]  # type: ignore[return-value]


def outbound(key: str = "k1", *to: str, **more) -> OutboundMessage:
    return OutboundMessage(
        key,
        to,
        "Ticket 4711 needs a human · Größe",
        "Ticket 4711\nGröße ✓",
        Priority.URGENT,
        desk="support",
        ticket_id="4711",
        **more,
    )


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=email.policy.default)


def test_a_mail_says_that_a_machine_sent_it_and_that_it_is_urgent(server) -> None:
    box, url = server
    channel(url).send(outbound("k1", "boss@acme.example"), NOW)
    mail = read(box.received[0])
    assert box.received[0].rcpt_tos == ["boss@acme.example"]
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"], mail["Importance"]) == (
        "auto-generated",
        "All",
        "high",
    )
    assert mail["Subject"] == "Ticket 4711 needs a human · Größe"
    assert "Größe ✓" in mail.get_content()
    assert mail["Date"].datetime == NOW


def test_mails_on_one_ticket_are_one_thread_and_a_repeat_has_the_same_id(server) -> None:
    box, url = server
    for key in ("k1", "k2", "k1"):
        channel(url).send(outbound(key), NOW)
    first, second, again = map(read, box.received)
    assert first["References"] == second["References"] != first["Message-ID"]
    assert first["Message-ID"] == again["Message-ID"] != second["Message-ID"]


def test_the_weekly_mail_shows_its_plots_inside_the_page_and_bears_the_pdf(server) -> None:
    box, url = server
    week = (
        Attachment("week.png", "image/png", b"\x89PNG plots", "plots@b"),
        Attachment("week.pdf", "application/pdf", b"%PDF-1.4"),
    )
    page = '<p>Größe</p><img src="cid:plots@b" alt="">'
    channel(url).send(outbound(html=page, attachments=week), NOW)
    mail = read(box.received[0])
    assert "Größe ✓" in mail.get_body(("plain",)).get_content()
    assert 'src="cid:plots@b"' in mail.get_body(("html",)).get_content()
    shown = [part for part in mail.walk() if part["Content-ID"] == "<plots@b>"]
    assert [(one.get_content_type(), one.get_content()) for one in shown] == [("image/png", b"\x89PNG plots")]
    assert [one.get_filename() for one in mail.iter_attachments()] == ["week.pdf"]


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("max@bücher.example", "max@xn--bcher-kva.example"),
        ("Max Größe <max@straße.example>", "max@xn--strae-oqa.example"),
        ("max@例え.テスト", "max@xn--r8jz45g.xn--zckzah"),
    ],
)
@pytest.mark.parametrize("offers", [True, False])
def test_a_domain_in_other_letters_is_written_as_dns_has_it(to: str, sent: str, offers: bool) -> None:
    with mail_server(enable_SMTPUTF8=offers) as (box, url):
        mailbox = channel(url, to=[to], **{"from": "backstop@bücher.example"})
        assert [one.level for one in mailbox.check()] == ["ok"]
        mailbox.send(outbound("k1", to), NOW)
    assert box.received[0].rcpt_tos == [sent]
    assert box.received[0].mail_from == "backstop@xn--bcher-kva.example"
    assert read(box.received[0])["Message-ID"].endswith("@xn--bcher-kva.example>")


def test_a_name_in_other_letters_needs_a_server_that_takes_it_and_the_error_says_so() -> None:
    with mail_server(enable_SMTPUTF8=True) as (box, url):
        channel(url, to=["größe@bücher.example"]).send(outbound("k1", "größe@bücher.example"), NOW)
    assert box.received[0].rcpt_tos == ["größe@xn--bcher-kva.example"]
    with mail_server(enable_SMTPUTF8=False) as (box, url):
        mailbox = channel(url, to=["größe@bücher.example"])
        with pytest.raises(Refused, match=r"SMTPUTF8.*plain letters"):
            mailbox.send(outbound("k1", "größe@bücher.example"), NOW)
        assert box.received == []
        (finding,) = mailbox.check()
    assert (finding.code, finding.level) == ("CH31", "fail")
    assert "größe@bücher.example" in finding.what


@pytest.mark.parametrize(("to", "error"), [(Mailbox.REFUSED, Refused), (Mailbox.BUSY, TryLater)])
def test_an_address_is_refused_for_good_or_for_now(server, to: str, error) -> None:
    with pytest.raises(error) as caught:
        channel(server[1]).send(outbound("k", to), NOW)
    assert type(caught.value) is error


def test_a_server_that_is_not_there_is_tried_later(server) -> None:
    gone = channel(f"smtp://127.0.0.1:{free_port()}")
    with pytest.raises(TryLater, match="does not answer"):
        gone.send(outbound(), NOW)
    assert [f.level for f in gone.check()] == ["fail"]


def test_wrong_credentials_are_distinguished() -> None:
    def nobody(*_args) -> AuthResult:
        return AuthResult(success=False, handled=False)

    with mail_server(authenticator=nobody, auth_require_tls=False) as (_, url):
        with pytest.raises(NotAllowed, match="refuses the login"):
            channel(url, user="u", password="p").send(outbound(), NOW)
        assert [f.level for f in channel(url, user="u", password="p").check()] == ["fail"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # the test has no certificate
def test_the_right_credentials_let_us_in() -> None:
    def everybody(*_args) -> AuthResult:
        return AuthResult(success=True)

    with mail_server(authenticator=everybody, auth_require_tls=False, auth_required=True) as (box, url):
        channel(url.replace("smtp://", "smtp://u:p%40@")).send(outbound(), NOW)
        assert len(box.received) == 1


def test_a_server_without_tls_never_gets_what_must_be_encrypted(server) -> None:
    with pytest.raises(TryLater, match="SMTPNotSupportedError"):
        channel(server[1].replace("smtp://", "smtp+starttls://")).send(outbound(), NOW)


def test_a_server_that_says_goodbye_badly_has_still_taken_the_mail(
    server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rude(_self) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(smtplib.SMTP, "quit", rude)
    assert channel(server[1]).send(outbound(), NOW).state == "accepted"


@pytest.mark.parametrize(
    "raw",
    [
        {"to": []},
        {"to": "boss"},
        {"to": "a@b\nBcc: c@d"},
        {"to": "a@ü..example"},
        {"to": "a@\u2488com.example"},
        {"from": "@"},
        {"smtp_url": "mail.acme.example"},
        {"smtp_url": "http://x"},
    ],
)
def test_what_cannot_be_an_address_is_refused_at_start_up(raw: dict) -> None:
    with pytest.raises(ConfigError, match=r"channels\.email\.manager\.(to|from|smtp_url)"):
        channel("smtp://127.0.0.1:25", **raw)
