"""What doctor finds wrong with an installation at Zendesk: each harm has its code."""

from __future__ import annotations

import pytest

from tests.connectors.zendesk_admin import Admin


@pytest.fixture(params=["events", "triggers"])
def admin(world, request):
    return Admin(world("zendesk"), hook=request.param)


@pytest.fixture
def usual(world):
    return Admin(world("zendesk"))


def test_a_sound_installation_has_no_complaints(admin):
    admin.install()
    admin.sound()
    assert admin.codes() == []
    assert admin.doctor(), "what is well is said too"


def hook_of(admin):
    (hook,) = admin.w.fake.state.webhooks.values()
    return hook


def switch_off(admin):
    hook_of(admin)["status"] = "inactive"


def double(admin):
    copied = {**hook_of(admin), "id": "01HCOPY"}
    admin.w.fake.state.webhooks["01HCOPY"] = copied


def narrow(admin):
    hook_of(admin)["subscriptions"] = ["zen:event-type:ticket.created"]


def rotate(admin):
    hook_of(admin)["signing_secret"] = {"secret": "another"}


def fail(admin):
    admin.w.fake.hooks.answers += [202, 500]


def remove(admin):
    admin.w.fake.state.webhooks.clear()


def plain_http(admin):
    hook_of(admin)["endpoint"] = "http://backstop.example.com/hooks/support"
    admin.public_url = "http://backstop.example.com"


def greet(admin):
    for trigger in admin.w.fake.state.triggers.values():
        trigger["active"] = True


def mute(admin):
    for trigger in admin.w.fake.state.triggers.values():
        trigger["active"] = False


def wipe(admin):
    state = admin.w.fake.state
    first = next(iter(state.triggers.values()))
    state.triggers[2] = {
        **first,
        "id": 2,
        "title": "Tidy",
        "active": True,
        "actions": [{"field": "set_tags", "value": "a"}],
    }


def lose(admin):
    del admin.w.fake.state.views[int(admin.manifest["view:waiting"]["id"])]


@pytest.mark.parametrize(
    ("harm", "codes"),
    [
        (remove, ["ZD41", "ZD55"]),
        (switch_off, ["ZD42", "ZD56"]),
        (double, ["ZD43"]),
        (narrow, ["ZD44", "ZD56"]),
        (rotate, ["ZD45"]),
        (fail, ["ZD46"]),
        (plain_http, ["ZD47", "ZD56"]),
        (greet, ["ZD50"]),
        (mute, ["ZD51"]),
        (wipe, ["ZD52"]),
        (lose, ["ZD55"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_each_harm_has_its_code_and_a_remedy(usual, harm, codes):
    usual.install()
    usual.sound()
    harm(usual)
    assert usual.codes() == codes
    assert all(finding.remedy for finding in usual.doctor() if finding.level != "ok")
