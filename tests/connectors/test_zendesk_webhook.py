"""Zendesk's webhooks: the proof, and what is made of whatever comes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors
from core.model import WebhookRequest
from tests.connectors.conftest import NOON
from tests.connectors.zendesk_account import desk


def signed(body: bytes, signature: str, stamp: str) -> WebhookRequest:
    return WebhookRequest(
        {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": stamp}, body
    )


def test_the_signature_of_the_known_vector_is_accepted_within_ten_minutes_only():
    request = signed(b"{}", "OhyuASlMysBOYZdC/6lrc3gA+Lv49zMKyTnxzdRguy4=", "2021-03-25T05:09:27Z")
    at = NOON.replace(year=2021, month=3, day=25, hour=5, minute=9, second=27)
    for minutes in (-10, 0, 10):
        desk().verify(request, at + timedelta(minutes=minutes))
    for minutes in (-11, 11):
        with pytest.raises(errors.BadSignature, match="clock"):
            desk().verify(request, at + timedelta(minutes=minutes))


@given(
    st.binary(max_size=400),
    st.dictionaries(
        st.sampled_from(["x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"]), st.text()
    ),
)
def test_no_request_breaks_the_proof(body, headers):
    with pytest.raises(errors.BadSignature):
        desk().verify(WebhookRequest(headers, body), NOON)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["created", "comment_added", "merged", "agent_assignment_changed", "status_changed", "x"]
        ).map(lambda k: f"zen:event-type:ticket.{k}")
        | json_values,
        "subject": st.just("zen:ticket:5") | json_values,
        "detail": st.fixed_dictionaries(
            {}, optional={"id": json_values, "created_at": json_values, "description": json_values}
        )
        | json_values,
        "event": st.fixed_dictionaries({}, optional={"comment": json_values, "current": json_values})
        | json_values,
        "time": json_values,
        "ticket_id": json_values,
        "event_": json_values,
    },
)


@given(st.binary(max_size=600) | envelopes.map(lambda e: json.dumps(e).encode()))
def test_whatever_comes_is_read_or_refused_but_breaks_nothing(body):
    try:
        events = desk().parse(WebhookRequest({}, body), NOON)
    except errors.BadPayload:
        return
    assert all(event.ticket_id.isdigit() and event.key.startswith("support:") for event in events)


def test_our_own_writes_say_nothing_once_we_know_who_we_are():
    comment = {"id": "1", "body": "x", "is_public": True, "author": {"id": "77", "is_staff": True}}
    told = {
        "type": "zen:event-type:ticket.comment_added",
        "subject": "zen:ticket:5",
        "detail": {"id": "5", "actor_id": "77"},
        "event": {"comment": comment},
    }
    taken = {**told, "type": "zen:event-type:ticket.agent_assignment_changed", "event": {"current": "77"}}
    for one in (told, taken):
        request = WebhookRequest({}, json.dumps(one).encode())
        assert desk(bot_id="77").parse(request, NOON) == ()
    assert desk().parse(WebhookRequest({}, json.dumps(told).encode()), NOON) != ()


@pytest.mark.parametrize(
    ("seconds", "body", "kind"),
    [
        (5, "There is  a charge", "created"),
        (30, "And another one!", "reply"),
        (90, "There is a charge", "reply"),
    ],
)
def test_a_reply_within_the_first_minute_is_not_taken_for_the_ticket_itself(seconds, body, kind):
    born = NOON - timedelta(minutes=5)
    told = {
        "type": "zen:event-type:ticket.comment_added",
        "subject": "zen:ticket:5",
        "time": (born + timedelta(seconds=seconds)).isoformat(),
        "detail": {"id": "5", "created_at": born.isoformat(), "description": "There is a charge"},
        "event": {
            "comment": {"id": "9", "body": body, "is_public": True, "author": {"id": "3", "is_staff": False}}
        },
    }
    (event,) = desk().parse(WebhookRequest({}, json.dumps(told).encode()), NOON)
    assert event.kind == kind


def test_two_different_deliveries_of_the_same_words_are_two_looks():
    one = WebhookRequest({"x-zendesk-webhook-invocation-id": "a"}, b'{"ticket_id":5}')
    two = WebhookRequest({"x-zendesk-webhook-invocation-id": "b"}, b'{"ticket_id":5}')
    keys = [desk().parse(request, NOON)[0].key for request in (one, two, one)]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]
