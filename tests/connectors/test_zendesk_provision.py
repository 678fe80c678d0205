"""Installing at Zendesk: one object of each kind, no other's work overwritten, nothing left behind."""

from __future__ import annotations

import copy

import pytest

from core import errors
from core.model import AddNote, AddTags, EventKind, SetFields
from tests.connectors.zendesk_admin import Admin


@pytest.fixture(params=["events", "triggers"])
def admin(world, request):
    return Admin(world("zendesk"), hook=request.param)


@pytest.fixture
def usual(world):
    return Admin(world("zendesk"))


def actions(steps):
    return [(step.action, step.kind) for step in steps if step.action != "by_hand"]


def test_a_plan_lists_what_install_makes_and_changes_nothing(admin):
    before = admin.account()
    planned = actions(admin.plan())
    assert admin.account() == before
    assert {action for action, _ in planned} == {"create"}
    assert actions(admin.install()) == planned


def test_installing_twice_makes_one_of_each(admin):
    admin.install()
    before, manifest = admin.account(), dict(admin.manifest)
    assert {action for action, _ in actions(admin.install())} == {"keep"}
    assert (admin.account(), admin.manifest) == (before, manifest)


def test_a_lost_manifest_makes_no_second_copy(admin):
    admin.install()
    before, manifest = admin.account(), admin.manifest
    admin.manifest = {}
    admin.install()
    assert (admin.account(), admin.manifest) == (before, manifest)


def test_uninstalling_leaves_the_account_as_it_was(admin):
    before = admin.account()
    admin.install()
    assert {step.action for step in admin.uninstall(dry=True)} == {"delete"}
    assert admin.account() != before
    assert {step.action for step in admin.uninstall()} == {"delete"}
    assert admin.account() == before


def test_uninstalling_twice_is_no_error(usual):
    usual.install()
    usual.uninstall()
    assert {step.action for step in usual.uninstall()} == {"keep"}


def test_what_others_made_beside_ours_stays(admin):
    admin.install()
    state = admin.w.fake.state
    theirs = {
        "id": 1,
        "type": "tagger",
        "title": "Backstop intent",
        "active": True,
        "custom_field_options": [],
    }
    state.fields[1] = theirs
    admin.install()
    admin.uninstall()
    assert state.fields == {1: theirs}


@pytest.mark.parametrize("kind", ["triggers", "views", "webhooks"])
def test_a_persons_change_is_reported_and_not_overwritten(world, kind):
    admin = Admin(world("zendesk"), hook="triggers")
    admin.install()
    objects = getattr(admin.w.fake.state, kind)
    ours = next(one for one in objects.values() if "Backstop" in str(one.get("title") or one.get("name")))
    ours["title" if "title" in ours else "name"] = "Renamed by somebody"
    before = admin.account()
    (step,) = [one for one in admin.install() if one.action == "differs"]
    assert admin.account() == before
    assert "we made" in step.details
    assert "ZD56" in admin.codes()


@pytest.mark.parametrize("kind", ["triggers", "webhooks"])
def test_what_was_switched_off_is_switched_on_and_else_left_as_it_is(world, kind):
    admin = Admin(world("zendesk"), hook="triggers")
    admin.install()
    objects = getattr(admin.w.fake.state, kind)
    ours = next(one for one in objects.values() if "Backstop" in str(one.get("title") or one.get("name")))
    ours |= {"active": False} if kind == "triggers" else {"status": "inactive"}
    ours["description"] = "a word of somebody's"
    before = copy.deepcopy(ours)
    (step,) = [one for one in admin.plan() if one.action == "update"]
    assert "switched off" in step.why
    admin.install()
    now = next(one for one in objects.values() if one["id"] == ours["id"])
    assert now == {**before, **({"active": True} if kind == "triggers" else {"status": "active"})}
    assert {one.action for one in admin.install() if one.action != "by_hand"} == {"keep"}


def test_a_plan_says_which_address_the_webhook_calls(admin):
    for steps in (admin.plan(), admin.install(), admin.plan()):
        (hook,) = [step for step in steps if step.kind == "webhook"]
        assert hook.details == "it calls https://backstop.example.com/hooks/support"


def test_a_new_address_is_brought_up_to_date(admin):
    admin.install()
    admin.public_url = "https://new.example.com"
    assert [a for a, kind in actions(admin.plan()) if kind == "webhook"] == ["update"]
    admin.install()
    (hook,) = admin.w.fake.state.webhooks.values()
    assert hook["endpoint"] == "https://new.example.com/hooks/support"
    assert {action for action, _ in actions(admin.install())} == {"keep"}


def test_new_intents_become_options_and_old_ones_stay_with_those_that_people_added(usual):
    usual.install()
    field = usual.w.fake.state.fields[int(usual.manifest["field:intent"]["id"])]
    field["custom_field_options"].append({"id": 1, "name": "Theirs", "value": "their_own"})
    usual.install(intents=("refund", "login"))
    values = {one["value"] for one in field["custom_field_options"]}
    assert values == {
        "ai_intent_refund",
        "ai_intent_billing",
        "ai_intent_login",
        "ai_intent_none_of_these",
        "their_own",
    }
    assert {action for action, _ in actions(usual.install(intents=("refund",)))} == {"keep"}


def test_changing_the_kind_of_webhook_replaces_it(usual):
    usual.install()
    usual.settings_ = {"hook": "triggers"}
    done = actions(usual.install())
    assert ("delete", "webhook") in done
    (hook,) = usual.w.fake.state.webhooks.values()
    assert hook["subscriptions"] == ["conditional_ticket_events"]
    assert {action for action, _ in actions(usual.install())} == {"keep"}


def test_an_object_whose_making_was_not_answered_is_not_made_twice(usual):
    broken = []

    def cut(call):
        if call.method == "POST" and call.path.endswith("/webhooks") and not broken:
            broken.append(call)
            return "reset_after"
        return ""

    usual.w.app.plan = cut
    usual.install()
    assert broken
    assert len(usual.w.fake.state.webhooks) == 1
    assert usual.manifest["webhook:events"]["id"] in usual.w.fake.state.webhooks


def test_nothing_that_install_made_has_to_be_pasted(usual, heard):
    """The ids of the fields and of our user, and the secret that Zendesk makes, are read from what install keeps."""
    url, got = heard
    usual.settings_ = {"webhook_secret": ""}
    usual.public_url = url.removesuffix("/hooks/support")
    steps = usual.install()
    assert [step.kind for step in steps if step.action == "by_hand"] == ["trigger"], (
        "only the mail that doubles ours"
    )
    ours, settings = usual.process(), usual.settings()
    assert settings.value("bot_id") == ours.whoami().id
    assert settings.drop_downs() == {usual.manifest[f"field:{one}"]["id"] for one in ("intent", "outcome")}
    usual.w.desk.customer_writes("Hello")
    ours.verify(got[0], usual.w.now)
    usual.sound()
    assert usual.codes() == ["ZD47"], "the test's own address has no https"
    assert [step for step in usual.install() if step.action == "by_hand"] == []


def test_the_file_goes_before_what_install_keeps(usual):
    usual.install()
    usual.settings_ = {"intent_field": "31", "webhook_secret": "the file's own secret"}
    settings = usual.settings()
    assert settings.fields()["intent"] == "31"
    assert settings.secrets() == ["the file's own secret", usual.manifest["account:hook"]["secret"]]


def test_without_a_credential_the_first_step_is_printed(usual):
    usual.settings_ = {"client_secret": "wrong"}
    (step,) = usual.plan()
    assert (step.action, step.kind) == ("by_hand", "oauth_client")
    assert "1. " in step.details
    assert usual.install() == [step]


def test_without_an_admins_rights_nothing_is_made_and_the_way_is_shown(world):
    admin = Admin(world("zendesk", bot_role="agent"))
    before = admin.account()
    assert [step.action for step in admin.install()] == ["by_hand"]
    assert admin.account() == before
    assert admin.codes() == ["ZD40"]


def test_what_was_installed_reports_a_ticket_and_a_reply(world, heard, request):
    url, got = heard
    for hook in ("events", "triggers"):
        admin = Admin(world("zendesk"), hook=hook)
        admin.public_url = url.removesuffix("/hooks/support")
        admin.install()
        admin.sound()
        ours = admin.process()
        got.clear()
        case = admin.w.desk.customer_writes("Hello")
        admin.w.later(minutes=2)
        admin.w.desk.customer_writes('he said "no"\nand left', case_id=case.id)
        for one in got:
            ours.verify(one, admin.w.now)
        events = [event for one in got for event in ours.parse(one, admin.w.now)]
        assert {event.key for event in events} == {
            f"support:{case.id}:created",
            f"support:{case.id}:reply:{case.entries[1].id}",
        }


def test_triggers_are_never_set_off_by_us_or_by_agents(world, heard):
    url, got = heard
    admin = Admin(world("zendesk"), hook="triggers")
    admin.public_url = url.removesuffix("/hooks/support")
    admin.install()
    case = admin.w.desk.customer_writes("Hello")
    got.clear()
    admin.w.do(admin.w.ours.fetch(str(case.id)), AddNote("n", text="n"))
    admin.w.desk.agent_says(case.id, admin.w.ann.id, "I am on it")
    assert got == []


def test_the_fields_that_were_installed_take_what_we_set(usual):
    usual.install()
    ids = {
        f"{key.partition(':')[2]}_field": kept["id"]
        for key, kept in usual.manifest.items()
        if key.startswith("field:")
    }
    ours = usual.w.connect(**ids)
    usual.w.ours = ours
    ticket_id = usual.w.customer("Hello")
    act = (
        AddTags(("ai_routed", "ai_intent_refund")),
        SetFields("refund", 72, "routed"),
        AddNote("n", text="n"),
    )
    (receipt,) = usual.w.do(ours.fetch(ticket_id), *act)
    ticket = ours.fetch(ticket_id)
    assert receipt.detail == ""
    assert ticket.fields[ids["intent_field"]] == "ai_intent_refund"
    assert ticket.fields[ids["confidence_field"]] == "72"
    assert ticket.fields[ids["outcome_field"]] == "ai_outcome_routed"
    assert ticket.fields[ids["last_handled_field"]] == "k:note"
    assert ticket.tags == {"ai_routed", "ai_intent_refund", "ai_outcome_routed"}


def test_a_merge_and_a_claim_are_reported_by_the_event_webhook(usual, heard):
    url, got = heard
    usual.public_url = url.removesuffix("/hooks/support")
    usual.install()
    one, two = (usual.w.desk.customer_writes("Hello", email=f"{n}@example.com") for n in range(2))
    got.clear()
    usual.w.desk.agent_claims(one.id, usual.w.ann.id)
    usual.w.desk.merge(two.id, one.id, usual.w.ann.id)
    kinds = [event.kind for request in got for event in usual.w.ours.parse(request, usual.w.now)]
    assert kinds == [EventKind.CLAIM, EventKind.GONE]


def test_a_desk_that_is_down_is_said_to_be_so_and_nothing_is_half_done(usual):
    usual.w.app.plan = lambda _call: "status_before:503"
    with pytest.raises(errors.TryLater):
        usual.install()
    assert usual.manifest == {}
