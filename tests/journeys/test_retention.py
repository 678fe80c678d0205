"""Stored notices contain customer text for no longer than the text itself is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from words import DISPUTE

from core.engine import maintenance
from core.ledger import links
from core.ledger.schema import claim_links, decisions, notices
from core.model import Mode
from tests.stores import BOTH_STORES

pytestmark = [pytest.mark.parametrize("vendor", ["zendesk"]), BOTH_STORES]
MARKER = "xylophone"


def told(h) -> str:
    return "\n".join(str(tuple(row)) for row in h.rows(notices))


def test_after_retention_no_customer_text_is_left_in_stored_notices(house):
    h = house(privacy={"keep_messages": "30d", "keep_ledger": "400d"})
    h.writes_in(DISPUTE, subject=MARKER, name="Carla Nobody")
    assert MARKER in told(h)
    maintenance.prune(h.app, h.now + timedelta(days=29))
    assert MARKER in told(h)
    done = maintenance.prune(h.app, h.now + timedelta(days=31))
    assert (MARKER in told(h), "Nobody" in told(h)) == (False, False)
    assert done["told"] == len(h.rows(notices)), "that somebody was told stays"
    assert maintenance.prune(h.app, h.now + timedelta(days=31))["told"] == 0


def test_what_is_still_to_be_sent_keeps_its_words(house):
    h = house(privacy={"keep_messages": "30d"})
    h.writes_in(DISPUTE, subject=MARKER)
    with h.app.engine.begin() as conn:
        conn.execute(update(notices).values(state="queued", due_at=h.now + timedelta(days=32)))
    maintenance.prune(h.app, h.now + timedelta(days=31))
    assert MARKER in told(h)


def test_a_forgotten_person_is_in_no_stored_notice(house):
    h = house()
    h.writes_in(DISPUTE, subject=MARKER, name="Carla Nobody", email="carla@example.com")
    h.later(minutes=31)
    maintenance.forget(h.app, "carla@example.com", h.now)
    assert [word for word in (MARKER, "Nobody", "carla@") if word in told(h)] == []


@pytest.mark.parametrize(
    "erase", [maintenance.prune, lambda app, at: maintenance.forget(app, "carla@example.com", at)]
)
def test_what_would_have_been_written_is_kept_word_for_word_no_longer_than_the_message(house, erase):
    h = house(privacy={"keep_messages": "30d", "keep_ledger": "400d"})
    h.app.rules["support"] = replace(h.app.rules["support"], mode=Mode.OBSERVE)
    h.writes_in(DISPUTE, subject=MARKER, name="Carla Nobody", email="carla@example.com")

    def observed() -> str:
        return str([row.actions for row in h.rows(decisions)])

    assert "Hello Carla" in observed(), "the acknowledgment"
    assert "Likely intent: billing_dispute" in observed(), "the note"
    maintenance.prune(h.app, h.now + timedelta(days=29))
    assert "Hello Carla" in observed()
    erase(h.app, h.now + timedelta(days=31))
    assert "Carla" not in observed()
    assert maintenance.prune(h.app, h.now + timedelta(days=31))["observed"] == 0


def test_claim_links_go_when_they_are_over(house):
    h = house()
    with h.app.engine.begin() as conn:
        links.new_link(conn, "support", "1", now=h.now - timedelta(days=8))
        token = links.new_link(conn, "support", "2", now=h.now)
    maintenance.prune(h.app, h.now)
    assert [row.ticket_id for row in h.rows(claim_links)] == ["2"]
    with h.app.engine.begin() as conn:
        assert links.link(conn, token, h.now) is not None
