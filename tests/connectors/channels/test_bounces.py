"""Mails that come back, read from a mailbox over a real line."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.channels import build
from connectors.channels.bounces import LARGEST, Returned, heard_in
from connectors.channels.email import Email
from core.errors import ConfigError, NotAllowed, TryLater
from core.ports import PolledChannel
from tests.connectors.channels.fake_imap import Bouncer, bounce_box, report

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BOUNCES = Path(__file__).parents[2] / "fixtures" / "bounces"
OURS = "<0123456789abcdef@acme.example>"


@pytest.fixture
def box() -> Iterator[Bouncer]:
    with bounce_box() as running:
        yield running


def channel(**more: str) -> Email:
    raw = {
        "to": "boss@acme.example",
        "from": "backstop@acme.example",
        "smtp_url": "smtp://127.0.0.1:9",
        **more,
    }
    return build({"email": {"manager": raw}}, clock=lambda: NOW)["email:manager"]  # type: ignore[return-value]


def test_a_mail_that_came_back_is_named_with_the_reason(box: Bouncer) -> None:
    box.put(report(OURS, NOW))
    (heard,) = channel(bounces=box.url).returned(NOW)  # type: ignore[attr-defined]
    assert (heard.kind, heard.state, heard.provider_id) == ("status", "failed", OURS)
    assert heard.detail == "it came back from boss@acme.example: 5.1.1 smtp; 550 5.1.1 user unknown"


def test_what_was_read_is_not_read_again_and_what_is_new_is(box: Bouncer) -> None:
    mailbox = Returned(box.url, "", "")
    box.put(report(OURS, NOW))
    assert len(mailbox.look(NOW)) == 1
    assert mailbox.look(NOW) == ()
    box.put(report("<2@acme.example>", NOW))
    assert [one.provider_id for one in mailbox.look(NOW)] == ["<2@acme.example>"]
    assert box.fetched == [1, 2]


def test_a_mailbox_that_was_made_anew_is_read_from_its_beginning(box: Bouncer) -> None:
    mailbox = Returned(box.url, "", "")
    box.put(report(OURS, NOW))
    mailbox.look(NOW)
    box.numbering += 1
    assert len(mailbox.look(NOW)) == 1


def test_a_delay_is_no_failure_and_other_peoples_mail_is_not_even_opened(box: Bouncer) -> None:
    box.put(report(OURS, NOW, action="delayed"))
    box.put(b"From: a@example.com\r\nContent-Type: text/plain\r\n\r\nI am out of office: " + OURS.encode())
    assert Returned(box.url, "", "").look(NOW) == ()
    assert box.fetched == [1]


@pytest.mark.parametrize("whole", [True, False])
def test_a_report_with_the_headers_alone_is_understood_too(whole: bool) -> None:
    heard = heard_in(report(OURS, NOW, whole=whole))
    assert heard is not None
    assert heard.provider_id == OURS


def test_a_report_without_the_mail_is_known_by_what_it_answers() -> None:
    raw = report("", NOW, whole=False, extra=f"In-Reply-To: {OURS}\n")
    heard = heard_in(raw)
    assert heard is not None
    assert heard.provider_id == OURS


def test_of_a_huge_report_the_beginning_is_enough(box: Bouncer) -> None:
    box.put(report(OURS, NOW).replace(b"It needs a human.", b"x" * 3 * LARGEST))
    assert [one.provider_id for one in Returned(box.url, "", "").look(NOW)] == [OURS]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\x00nonsense", report("", NOW), b"Content-Type: multipart/report\r\n\r\n--x"]
)
def test_what_is_no_report_of_ours_says_nothing(raw: bytes) -> None:
    assert heard_in(raw) is None


@pytest.mark.parametrize(
    ("name", "ours", "words"),
    [
        (
            "postfix-3.7-smtputf8",
            "<74aba9b06d5e3f755994bf74603a1c1d@acme.example>",
            "weg@bücher.example: 5.6.7 X-Postfix; SMTPUTF8 is required",
        ),
        (
            "exim-4.96-smtputf8",
            "<7ad08ce2e1dfc97439dc29634d755523@acme.example>",
            "weg@bücher.example: 5.0.0 smtp; 550 5.1.1",
        ),
    ],
)
@pytest.mark.parametrize("encoded", ["", "base64", "quoted-printable"])
def test_a_report_of_international_mail_is_understood(
    box: Bouncer, name: str, ours: str, words: str, encoded: str
) -> None:
    """Two servers' own reports (RFC 6533), and the same with their parts encoded, which that standard allows."""
    raw = (BOUNCES / f"{name}-bounce.eml").read_bytes()
    box.put(_encoded(raw, encoded) if encoded else raw)
    (heard,) = Returned(box.url, "", "").look(NOW)
    assert (heard.state, heard.provider_id) == ("failed", ours)
    assert words in heard.detail


def _encoded(raw: bytes, how: str) -> bytes:
    """Each part of a report, but its prose, in another transfer encoding."""
    mark = re.search(rb'boundary="?([^"\r\n]+)', raw)[1]  # type: ignore[index]
    head, prose, *parts, end = raw.split(b"--" + mark)
    done = []
    for part in parts:
        fields, _, inner = part.partition(b"\r\n\r\n")
        kept = re.sub(rb"\r\nContent-Transfer-Encoding:.*", b"", fields)
        lines = quopri.encodestring(inner.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        coded = base64.encodebytes(inner) if how == "base64" else lines
        done.append(kept + f"\r\nContent-Transfer-Encoding: {how}\r\n\r\n".encode() + coded + b"\r\n")
    return (b"--" + mark).join([head, prose, *done, end])


def test_an_address_written_in_numbers_is_read(box: Bouncer) -> None:
    raw = report(OURS, NOW).replace(b"rfc822; boss@", b"utf-8; b\\x{F6}ss@")
    heard = heard_in(raw)
    assert heard is not None
    assert "böss@acme.example" in heard.detail


ODD = [
    pytest.param(lambda raw: raw.replace(b"charset=utf-8", b"charset=klingon"), id="a charset of nobody's"),
    pytest.param(
        lambda raw: raw.replace(b"text/rfc822-headers", b"text/rfc822-headers; charset=klingon"),
        id="of the headers",
    ),
    pytest.param(
        lambda raw: raw.replace(b"The address", b"\xff\xfe\x00 The address"), id="no charset at all"
    ),
    pytest.param(
        lambda raw: raw.replace(b"boss@acme", b"=?klingon?q?b?=@acme"),
        id="an address in a charset of nobody's",
    ),
    pytest.param(lambda raw: raw.replace(b"user unknown", b"user \x00 unknown"), id="a NUL"),
]


@pytest.mark.parametrize("spoil", ODD)
@pytest.mark.parametrize("whole", [True, False])
def test_an_odd_mail_is_read_all_the_same(spoil, whole: bool) -> None:  # type: ignore[no-untyped-def]
    heard = heard_in(spoil(report(OURS, NOW, whole=whole)))
    assert heard is not None
    assert heard.provider_id == OURS
    assert "\x00" not in heard.detail


def test_an_unreadable_mail_does_not_hide_the_next(box: Bouncer, monkeypatch, caplog) -> None:  # type: ignore[no-untyped-def]
    def broken(raw: bytes):  # type: ignore[no-untyped-def]
        if b"<bad@" in raw:
            raise AssertionError("a fault of ours")
        return heard_in(raw)

    monkeypatch.setattr("connectors.channels.bounces.heard_in", broken)
    box.put(report("<bad@acme.example>", NOW))
    box.put(report(OURS, NOW))
    mailbox = Returned(box.url, "", "")
    assert [one.provider_id for one in mailbox.look(NOW)] == [OURS]
    assert "mail 1 of the mailbox" in caplog.text
    assert mailbox.look(NOW) == ()


def test_parts_in_parts_without_end_are_no_report() -> None:
    assert heard_in(b"Content-Type: message/rfc822\r\n\r\n" * 3000) is None


def test_a_wrong_password_a_missing_folder_and_a_silent_server_are_distinguished(box: Bouncer) -> None:
    with pytest.raises(NotAllowed, match="refuses the login"):
        Returned(box.url.replace("s3cret", "wrong"), "", "").look(NOW)
    with pytest.raises(NotAllowed, match="no folder Nowhere"):
        Returned(box.url.replace("INBOX", "Nowhere"), "", "").look(NOW)
    box.silent = True
    with pytest.raises(TryLater, match="does not answer"):
        Returned(box.url, "", "").look(NOW)


def test_user_and_password_are_those_of_the_mail_server_unless_the_address_has_its_own(box: Bouncer) -> None:
    box.put(report(OURS, NOW))
    plain = box.url.replace("backstop:s3cret@", "")
    assert len(channel(bounces=plain, user="backstop", password="s3cret").returned(NOW)) == 1  # type: ignore[attr-defined]


def test_doctor_sees_whether_the_mailbox_can_be_read(box: Bouncer) -> None:
    assert "CH33" in [one.code for one in channel(bounces=box.url).check()]
    wrong = channel(bounces=box.url.replace("s3cret", "wrong")).check()
    assert [(one.code, one.level) for one in wrong][-1] == ("CH32", "fail")


def test_without_a_mailbox_no_server_is_polled() -> None:
    assert not isinstance(channel(), PolledChannel)


@pytest.mark.parametrize(
    "url", ["pop3://h/", "imaps://", "imap://mail.acme.example/INBOX", "mail.acme.example"]
)
def test_an_address_that_cannot_be_read_or_sends_the_password_in_the_open_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"channels\.email\.manager\.bounces"):
        channel(bounces=url)
