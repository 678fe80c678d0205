"""`vendor = "sandbox"`: Backstop is tried without an account of a help desk."""

from __future__ import annotations

import tomllib
from contextlib import closing

import pytest
import requests
from words import DISPUTE, ORDER

from connectors import vendor_of
from connectors.sandbox.__main__ import account, guide
from connectors.sandbox.fake import KEY
from connectors.sandbox.server import serving
from core.admin import provisioning
from tests.stores import BOTH_STORES

pytestmark = [pytest.mark.parametrize("vendor", ["sandbox"]), BOTH_STORES]


def test_its_tickets_are_answered_routed_and_claimed_like_those_of_every_desk(house):
    h = house()
    order, dispute = h.writes_in(ORDER), h.writes_in(DISPUTE, email="otto@example.com")
    assert order.status == "solved"
    assert h.bot_says(order, public=True)
    assert dispute.queue_id == h.queues["Billing"].id
    assert any("Likely intent: billing_dispute" in one for one in h.bot_says(dispute, public=False))
    assert h.urgent.sent
    requests.patch(
        f"{h.url}/tickets/{dispute.id}",
        json={"by": h.ann.id, "assignee": h.ann.id},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    ).raise_for_status()
    h.sweep()
    h.later(minutes=30)
    assert h.ticket(dispute).state == "claimed", h.story(dispute)


def test_a_customer_who_writes_by_http_is_found_without_a_webhook(house):
    h = house()
    h.fake.hooks.enabled = False
    told = requests.post(f"{h.url}/tickets", json={"email": "carla@example.com", "text": DISPUTE}, timeout=5)
    assert told.ok
    more = {"email": "carla@example.com", "text": "Please hurry.", "ticket_id": told.json()["id"]}
    assert requests.post(f"{h.url}/tickets", json=more, timeout=5).ok
    assert h.sweep()["found"] == 1
    assert h.open_rows()[0].queue == "Billing"
    refused = requests.post(f"{h.url}/tickets", json={"text": "nobody"}, timeout=5)
    assert refused.status_code == 400


def test_the_table_that_it_prints_connects_to_it_and_the_doctor_says_what_is_missing(house):
    h = house()
    made = account("http://127.0.0.1:9/hooks/support", ("Support", "Billing"))
    with serving(made.app) as url:
        table = tomllib.loads(guide(made, url).partition("\n#")[0])["desks"]["support"]
        vendor = vendor_of(table["vendor"])
        desk = vendor.make(
            "support", vendor.settings(**table), tokens=None, clock=lambda: h.now, on_call=lambda *_: None
        )
        found = {one.code: one.remedy for one in desk.check([table["general_queue"], "Orders"])}
    assert "--queue" in found["SB01"]
    assert len(found) == 1
    steps = provisioning.plan(h.app, "support")
    assert [step.action for step in steps] == ["by_hand"]


def test_the_doctor_names_a_missing_secret(house):
    h = house(desk={"webhook_secret": []})
    with closing(h.app.session("support")) as session:
        vendor = h.app.vendor("support")
        site = vendor.site(
            h.app.desk_settings["support"], session, desk="support", public_url="", manifest={}
        )
        found = vendor.install.doctor(site)
    assert [one.code for one in found] == ["SB02"]
    assert "webhook_secret" in found[0].remedy
