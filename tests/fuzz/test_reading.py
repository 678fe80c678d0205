"""What a desk's API answers, and what a customer writes: 5,000 odd ones each become a ticket that can be stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.freshdesk import merges
from connectors.freshdesk import reading as freshdesk_reading
from connectors.freshdesk import sweep as freshdesk_sweep
from connectors.helpscout import reading as helpscout_reading
from connectors.helpscout import sweep as helpscout_sweep
from connectors.kit.decoding import clean, decoded
from connectors.kit.values import row, rows
from connectors.zendesk import auth
from connectors.zendesk import reading as zendesk_reading
from connectors.zendesk import sweep as zendesk_sweep
from core.classify.masking import mask
from core.classify.text import customer_words, normalise
from core.errors import BackstopError
from core.mail.machine import evidence
from core.model import Ticket
from tests.fuzz.odd import NUMBER, survives, texts, values

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

ZENDESK_TICKET = {
    "id": 5,
    "subject": "Charge",
    "status": "new",
    "priority": None,
    "requester_id": 9,
    "submitter_id": 9,
    "assignee_id": 88,
    "group_id": 1,
    "tags": ["vip"],
    "custom_fields": [{"id": 31, "value": "red"}],
    "via": {"channel": "email", "source": {"from": {}, "rel": None}},
    "created_at": "2026-11-24T10:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
    "comment_count": 1,
    "description": "x",
}
ZENDESK_COMMENTS = [
    {
        "id": 1,
        "author_id": 9,
        "body": "a",
        "public": True,
        "created_at": "2026-11-24T10:00:00Z",
        "via": {"channel": "email"},
        "metadata": {"custom": {"backstop": "k"}, "flags": [4]},
        "html_body": "<p>a</p>",
    }
]
ZENDESK_USERS = [{"id": 9, "name": "Mia", "email": "mia@example.com", "role": "end-user", "locale": "de"}]
FRESHDESK_TICKET = {
    "id": 5,
    "subject": "Charge",
    "description": "<div>x</div>",
    "description_text": "x",
    "status": 5,
    "priority": 1,
    "source": 1,
    "requester_id": 9,
    "requester": {"id": 9, "name": "Mia", "email": "m@e.example"},
    "responder_id": 88,
    "group_id": 30,
    "tags": ["vip"],
    "custom_fields": {"cf_a": "red"},
    "spam": False,
    "created_at": "2026-11-24T10:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
    "stats": {"closed_at": "2026-11-24T10:30:00Z"},
    "conversations": [
        {
            "id": 1,
            "user_id": 9,
            "body_text": "a",
            "body": "<b>a</b>",
            "incoming": True,
            "private": False,
            "source": 0,
            "from_email": '"M" <m@e.example>',
            "created_at": "2026-11-24T10:01:00Z",
            "structured_body": {"body_contents": [{"type": "text", "data": {"content": "x"}}]},
        }
    ],
}
HELPSCOUT_TICKET = {
    "id": 5,
    "number": 7,
    "type": "email",
    "status": "active",
    "state": "published",
    "subject": "Charge",
    "mailboxId": 3,
    "assignee": {"id": 88, "type": "user", "first": "A", "email": "a@b.example"},
    "createdBy": {"id": 9, "type": "customer"},
    "createdAt": "2026-11-24T10:00:00Z",
    "customerWaitingSince": {"time": "2026-11-24T10:00:00Z", "latestReplyFrom": "customer"},
    "source": {"type": "email", "via": "customer"},
    "tags": [{"id": 1, "tag": "vip"}],
    "primaryCustomer": {"id": 9, "email": "m@e.example"},
    "customFields": [{"id": 31, "name": "x", "value": "red", "text": "red"}],
    "threads": 1,
    "_embedded": {
        "threads": [
            {
                "id": 1,
                "type": "customer",
                "state": "published",
                "body": "a",
                "source": {"type": "email", "via": "customer"},
                "customer": {"id": 9, "email": "m@e.example"},
                "createdBy": {"id": 9, "type": "customer", "email": "m@e.example"},
                "assignedTo": {"id": 88, "type": "user"},
                "createdAt": "2026-11-24T10:00:00Z",
            }
        ]
    },
}


def _zendesk(told: Any) -> Ticket | None:
    answer = row(told)
    raw = row(answer.get("ticket"))
    comments, users = rows(answer.get("comments")), rows(answer.get("users"))
    people = zendesk_reading.people_of(users)
    zendesk_reading.only_comment({**answer, "last_audits": comments})
    zendesk_reading.merged_into(raw, comments)
    zendesk_reading.strangers(raw, comments, people)
    zendesk_sweep.changed_ticket_of(raw, {}, zendesk_sweep.Marks("support", "ai_", "31"))
    known = zendesk_reading.Known("support", "https://x.example", "77")
    return zendesk_reading.ticket_of(raw, comments or [zendesk_reading.described(raw)], people, {}, known)


def _freshdesk(told: Any) -> Ticket | None:
    raw = row(told)
    known = freshdesk_reading.Known("support", "https://x.example", "77", {"88": True}, {})
    if raw.get("id"):
        freshdesk_sweep.changed_ticket_of(raw, "support", "cf_a", "ai_")
    merges.target_of(raw, "77")
    merges.confirms(raw, "5", "77")
    return freshdesk_reading.ticket_of(raw, rows(raw.get("conversations")), known)


def _helpscout(told: Any) -> Ticket | None:
    raw = row(told)
    known = helpscout_reading.Known("support", "77", lambda user: False)
    helpscout_sweep.newest([raw], NOW)
    helpscout_sweep.changed_ticket_of(raw, NOW, desk="support", prefix="ai_", intent_field="31")
    return helpscout_reading.ticket_of(raw, helpscout_reading.threads_of(raw), known)


READS: dict[str, tuple[Any, Any]] = {
    "zendesk": (_zendesk, {"ticket": ZENDESK_TICKET, "comments": ZENDESK_COMMENTS, "users": ZENDESK_USERS}),
    "freshdesk": (_freshdesk, FRESHDESK_TICKET),
    "helpscout": (_helpscout, HELPSCOUT_TICKET),
}


@pytest.mark.parametrize("vendor", READS)
def test_an_answer_of_a_desk_of_anything_becomes_a_ticket_that_can_be_stored(vendor: str) -> None:
    work, seed = READS[vendor]

    def read(told: Any) -> None:
        ticket = work(decoded(json.dumps(told)))
        words = [
            ticket.id,
            ticket.subject,
            ticket.customer.email,
            ticket.customer.name,
            *ticket.tags,
            *ticket.fields.values(),
        ]
        words += [part for m in ticket.messages for part in (m.id, m.text, m.author_name, m.author_email)]
        words += [m.machine.reason for m in ticket.messages if m.machine]
        assert "\0" not in "".join(words)
        "".join(words).encode()
        assert all(m.at.tzinfo for m in ticket.messages)
        json.dumps(ticket.raw, allow_nan=False)

    assert survives(read, values(vendor, [seed], NUMBER), BackstopError) > NUMBER / 2


def test_a_token_of_anything_is_a_token_or_a_declared_error() -> None:
    seed = {
        "access_token": "a",
        "token_type": "bearer",
        "scope": "read write",
        "expires_in": 1800,
        "refresh_token": "r",
    }

    def read(told: Any) -> None:
        answer = told if isinstance(told, dict) and told.get("access_token") else {"access_token": "a"}
        token = auth.token_of(answer, "read", NOW)
        assert token.expires_at > NOW

    assert (
        survives(read, (decoded(json.dumps(one)) for one in values("token", [seed], NUMBER)), BackstopError)
        > 1000
    )


# --- what a customer writes --------------------------------------------------------------------

MAILS = [
    "Where is my order?\n\n-- \nMia",
    "On 3 March Ann wrote:\n> hello\n\nno",
    "<p>hi <b>you</b></p>",
    "Automatic reply: I am out of office",
    "-----Original Message-----\nFrom: a@b\nSent: x\n\nold",
    "Hi \u202eevil\u202c \ufeff",
    "Von: A\nAn: B\n\nja",
]


def test_a_customers_text_of_anything_is_cleaned() -> None:
    def read(numbered: tuple[int, str]) -> None:
        n, text = numbered
        words = customer_words(text) if n % 5 else customer_words("", text)
        for found in (words, normalise(text), mask(clean(text))):
            found.encode()
            assert "\0" not in found

    assert survives(read, enumerate(texts("mail", MAILS, NUMBER, 30)), ()) == NUMBER


def test_whether_a_machine_wrote_anything_is_decided() -> None:
    def read(text: str) -> bytes:
        found = evidence(text[:20], text, text[:10])
        return (found.reason if found else "").encode()

    assert survives(read, texts("machine", MAILS, NUMBER, 25), ()) == NUMBER
