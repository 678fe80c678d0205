"""Installing in a Freshdesk account, looking after it, and leaving nothing behind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.freshdesk.connector import make_session
from connectors.freshdesk.fake import CATCH_ALL, make_fake
from connectors.freshdesk.fake.admin import add_rule
from connectors.freshdesk.install import provision
from connectors.freshdesk.settings import Settings
from connectors.freshdesk.vendor import VENDOR
from connectors.kit.provision import Site, installed
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core.errors import NotAllowed

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PUBLIC = "https://backstop.acme.example"
HOOK = f"{PUBLIC}/hooks/support"
THEIR_RULE = {
    "name": "route VIPs",
    "active": True,
    "conditions": [CATCH_ALL],
    "actions": [{"field_name": "priority", "value": 4}],
}


class Account:
    def __init__(self, **options: object) -> None:
        self.desk = SandboxDesk(lambda: NOW)
        self.desk.add_queue("Billing")
        self.fake = make_fake(self.desk, **options)
        self.state = self.fake.state
        self.app = FaultyApp(self.fake.app)
        self.manifest: dict[str, dict[str, str]] = {}
        self.extra: dict[str, object] = {}
        self.url = ""

    def settings(self) -> Settings:
        made = Settings(**{**self.fake.settings(self.url), **self.extra})
        made.read_from(lambda: installed(self.manifest))
        return made

    def session(self):
        return make_session(self.settings(), None, lambda: NOW, admin=True)

    def site(self, **more: object) -> Site:
        given = {"desk": "support", "public_url": PUBLIC, "manifest": self.manifest}
        return Site(**{"settings": self.settings(), "session": self.session(), **given, **more})

    def plan(self, **more):
        return provision.plan(self.site(**more))

    def install(self):
        self.manifest, steps = provision.install(self.site(), lambda _made: None)
        return steps

    def uninstall(self, **how: bool):
        return provision.uninstall(self.site(), **how)

    def doctor(self) -> dict[str, str]:
        found = provision.doctor(self.site())
        worst = {"ok": 0, "warn": 1, "fail": 2}
        return {f.code: f.level for f in sorted(found, key=lambda f: worst[f.level])}

    def objects(self):
        return copy.deepcopy((self.state.rules, self.state.fields))

    def names(self):
        rules, fields = self.state.rules, self.state.fields
        return [r["name"] for r in rules[1] + rules[4]], [f["label"] for f in fields]

    def rule(self, kind: int) -> dict:
        return next(rule for rule in self.state.rules[kind] if rule["name"].startswith("Backstop"))


@pytest.fixture
def account():
    servers = []

    def start(**options: object) -> Account:
        one = Account(**options)
        server = serving(one.app)
        one.url = server.__enter__()
        servers.append(server)
        return one

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def actions(steps) -> dict[str, str]:
    return {f"{s.kind}:{s.name}": s.action for s in steps if s.action != "by_hand"}


OURS = {
    "field:Backstop intent",
    "field:Backstop confidence",
    "field:Backstop outcome",
    "rule:Backstop support: new ticket",
    "rule:Backstop support: customer replied",
}


def test_a_plan_names_each_object_and_makes_none(account):
    a = account()
    before = a.objects()
    assert actions(a.plan()) == dict.fromkeys(OURS, "create")
    assert a.objects() == before
    assert a.app.count("POST", "PUT", "DELETE") == 0


def test_installing_twice_makes_one_of_each(account):
    a = account()
    assert actions(a.install()) == dict.fromkeys(OURS, "create")
    once = a.objects()
    assert actions(a.install()) == dict.fromkeys(OURS, "keep")
    assert a.objects() == once


def test_a_lost_manifest_doubles_nothing(account):
    a = account()
    a.install()
    once, kept = a.objects(), a.manifest
    a.manifest = {}
    assert actions(a.install()) == dict.fromkeys(OURS, "keep")
    assert a.objects() == once
    assert a.manifest == kept


def test_what_was_installed_reports_new_tickets_and_replies(account):
    a = account()
    a.install()
    a.fake.hooks.hold = True
    case = a.desk.customer_writes("Hello")
    a.desk.customer_writes("again", case_id=case.id)
    ours = VENDOR.make("support", a.settings(), tokens=None, clock=lambda: NOW, on_call=lambda *_: None)
    from core.model import WebhookRequest

    kinds = []
    for one in a.fake.hooks.held:
        request = WebhookRequest({name.lower(): value for name, value in one.headers.items()}, one.body)
        ours.verify(request, NOW)
        kinds += [event.kind.value for event in ours.parse(request, NOW)]
    assert kinds == ["created", "look"]
    ann = a.desk.add_person("Ann", "ann@desk.example", "agent")
    a.desk.agent_says(case.id, ann.id, "I am on it")  # neither an agent's nor our own reply calls us
    assert len(a.fake.hooks.held) == 2
    assert a.fake.hooks.url == HOOK


def test_our_creation_rule_is_the_first(account):
    a = account()
    add_rule(a.state, 1, THEIR_RULE)
    a.install()
    assert a.rule(1)["position"] == 1


def test_a_humans_edit_of_our_rule_is_reported_and_not_overwritten(account):
    a = account()
    a.install()
    a.rule(4)["conditions"][0]["properties"][0]["value"] = [4]
    edited = a.objects()
    step = next(s for s in a.install() if s.action == "differs")
    assert step.name == "Backstop support: customer replied"
    assert "conditions" in step.details
    assert a.objects() == edited
    assert a.doctor()["FD23"] == "warn"


def test_an_exchanged_secret_is_brought_into_the_rules(account):
    a = account()
    a.install()
    a.extra = {"webhook_secret": "another-long-random-secret"}
    assert a.doctor()["FD26"] == "fail"
    assert sorted(s.kind for s in a.install() if s.action == "update") == ["rule", "rule"]
    assert a.rule(1)["actions"][0]["custom_headers"] == {"X-Backstop-Token": "another-long-random-secret"}
    assert "FD26" not in a.doctor()
    assert actions(a.install()) == dict.fromkeys(OURS, "keep")


def test_a_new_public_url_is_an_update_of_ours_and_no_humans_edit(account):
    a = account()
    a.install()
    manifest, steps = provision.install(a.site(public_url="https://new.example"), lambda _made: None)
    assert [s.action for s in steps if s.kind == "rule"] == ["update", "update"]
    assert a.rule(1)["actions"][0]["url"] == "https://new.example/hooks/support"
    assert manifest != a.manifest


def test_uninstalling_leaves_the_account_as_it_was(account):
    a = account()
    add_rule(a.state, 1, THEIR_RULE)
    add_rule(
        a.state,
        4,
        {**THEIR_RULE, "name": "Backstop of ours, by hand", "performer": {"type": 1}, "events": []},
    )
    a.state.fields.append(
        {"id": 3, "name": "cf_colour", "label": "Colour", "type": "custom_text", "default": False}
    )
    before = a.names()
    a.install()
    dry = a.uninstall(dry=True)
    assert a.names() != before
    done = a.uninstall()
    assert a.names() == before
    assert actions(dry) == actions(done)
    assert set(actions(done).values()) == {"delete"}


def test_uninstalling_removes_only_what_the_manifest_lists(account):
    a = account()
    a.install()
    a.manifest = {"rule:reply": a.manifest["rule:reply"]}
    assert actions(a.uninstall()) == {"rule:reply": "delete"}
    assert len(a.state.rules[1]) == 1
    assert len(a.state.fields) == 3


def test_uninstalling_twice_is_no_error(account):
    a = account()
    a.install()
    a.uninstall()
    assert set(actions(a.uninstall()).values()) == {"keep"}


def test_a_field_of_the_same_label_that_somebody_made_is_not_taken_for_ours(account):
    a = account()
    theirs = {
        "id": 3,
        "name": "cf_x",
        "label": "Backstop intent",
        "type": "custom_dropdown",
        "default": False,
    }
    a.state.fields.append(dict(theirs))
    step = next(s for s in a.install() if s.name == "Backstop intent")
    assert step.action == "differs"
    assert "field:intent" not in a.manifest
    assert a.state.fields[0] == theirs


def test_in_first_match_order_our_rule_sleeps_until_the_switch_is_set(account):
    a = account(cascading=False)
    add_rule(a.state, 1, THEIR_RULE)
    steps = a.install()
    assert "execute all matching rules" in [s.name for s in steps if s.action == "by_hand"]
    assert a.rule(1)["active"] is False
    assert (a.doctor()["FD21"], a.doctor()["FD22"]) == ("fail", "fail")
    a.state.cascading = True
    assert actions(a.install())["rule:Backstop support: new ticket"] == "update"
    assert a.rule(1)["active"] is True
    assert a.doctor()["FD22"] == "ok"


def test_in_first_match_order_without_other_rules_ours_runs(account):
    a = account(cascading=False)
    a.install()
    assert a.rule(1)["active"] is True
    assert a.doctor()["FD22"] == "ok"


def test_without_admin_rights_everything_is_printed_with_the_values_to_paste(account):
    a = account(bot_is_admin=False)
    a.extra = {"install_api_key": ""}
    steps = a.install()
    by_hand = [s for s in steps if s.action == "by_hand"]
    assert {f"{s.kind}:{s.name}" for s in by_hand} >= OURS
    assert any(HOOK in s.details and "{{ticket.id}}" in s.details for s in by_hand)
    assert a.state.secret not in "".join(s.details for s in steps)
    assert a.manifest == {}
    assert a.doctor()["FD20"] == "warn"


def test_rules_made_by_hand_count_like_ours(account):
    a = account()
    assert a.doctor()["FD20"] == "fail"
    a.fake.subscribe(HOOK)
    assert a.doctor()["FD20"] == "ok"


def test_a_rule_that_freshdesk_does_not_take_is_printed_instead(account):
    a = account()
    refuse = lambda c: "status_before:400" if c.method == "POST" and c.path.endswith("/rules") else ""  # noqa: E731
    a.app.plan = refuse
    steps = a.install()
    assert {s.name for s in steps if s.kind == "rule" and s.action == "by_hand"} == {
        "Backstop support: new ticket",
        "Backstop support: customer replied",
    }
    assert set(a.manifest) == {"field:intent", "field:confidence", "field:outcome"}


def test_a_rule_that_came_out_differently_is_removed_and_printed(account, monkeypatch):
    a = account()
    real: Callable = provision.Api.get

    def other(self, path, **params):
        answer = real(self, path, **params)
        return {**answer, "actions": []} if "/rules/" in path else answer

    monkeypatch.setattr(provision.Api, "get", other)
    steps = a.install()
    assert [s.action for s in steps if s.kind == "rule"] == ["by_hand", "by_hand"]
    assert a.state.rules[1] == a.state.rules[4] == []


def test_a_rule_whose_answer_was_lost_is_found_and_not_made_twice(account):
    a = account()
    a.app.plan = lambda call: "reset_after" if call.method == "POST" else ""
    assert actions(a.install()) == dict.fromkeys(OURS, "create")
    assert [len(a.state.rules[kind]) for kind in (1, 4)] == [1, 1]
    assert len(a.state.fields) == 3


def test_a_dead_key_stops_everything(account):
    a = account()
    a.extra = {"install_api_key": "dead"}
    with pytest.raises(NotAllowed):
        a.plan()
    assert a.doctor() == {"FD01": "fail"}


def test_nothing_that_install_made_has_to_be_pasted(account):
    """The names that Freshdesk makes for the fields, and a secret where the file has none, are read from what is kept."""
    a = account()
    a.extra = {"webhook_secret": ""}
    steps = a.install()
    assert not [s for s in steps if "field" in s.kind and s.action == "by_hand"]
    settings = a.settings()
    assert settings.fields() == {
        ours: a.manifest[f"field:{ours}"]["name"] for ours in ("intent", "confidence", "outcome")
    }
    (secret,) = settings.secrets()
    assert len(secret) == 40
    sent = [r["actions"][0]["custom_headers"] for kind in (1, 4) for r in a.state.rules[kind]]
    assert sent == [{"X-Backstop-Token": secret}] * 2
    assert {s.action for s in a.install() if s.action != "by_hand"} == {"keep"}
    assert "FD27" not in a.doctor()
    assert "FD26" not in a.doctor()
    a.extra["intent_field"] = "cf_another"
    assert a.doctor()["FD27"] == "warn"


def test_a_rule_that_was_switched_off_is_switched_on_again(account):
    a = account()
    a.install()
    a.rule(4)["active"] = False
    (step,) = [s for s in a.plan() if s.action == "update"]
    assert (step.kind, step.why) == ("rule", "it was switched off")
    a.install()
    assert a.rule(4)["active"] is True
    assert {s.action for s in a.install() if s.action != "by_hand"} == {"keep"}


def test_a_plan_says_which_address_the_rules_call(account):
    a = account()
    for steps in (a.plan(), a.install(), a.plan()):
        assert {s.details for s in steps if s.kind == "rule"} == {f"it calls {HOOK}"}


def test_without_an_admins_key_the_manual_steps_show_a_secret_that_is_shown_nowhere_else(account):
    a = account(bot_is_admin=False)
    a.extra = {"install_api_key": "", "webhook_secret": ""}
    steps = [s for s in a.install() if s.kind == "rule"]
    (secret,) = a.settings().secrets()
    assert all(f"X-Backstop-Token: {secret}" in s.details for s in steps)
    a.extra = {"install_api_key": ""}
    steps = [s for s in a.install() if s.kind == "rule"]
    assert all("<the value of webhook_secret>" in s.details for s in steps)


def test_doctor_notices_a_missing_rule_a_disabled_one_and_a_deleted_field(account):
    a = account()
    a.install()
    assert a.doctor()["FD20"] == "ok"
    a.state.fields.clear()
    assert a.doctor()["FD27"] == "warn"
    a.rule(4)["active"] = False
    assert a.doctor()["FD21"] == "fail"
    a.state.rules[4].clear()
    assert a.doctor()["FD20"] == "fail"


def test_doctor_names_the_desks_own_mails_that_would_double_ours(account):
    a = account()
    mail = {"field_name": "send_email_to_requester", "email_subject": "Thanks", "email_body": "We got it"}
    add_rule(a.state, 1, {**THEIR_RULE, "name": "say thanks", "actions": [mail]})
    found = a.doctor()
    assert (found["FD24"], found["FD25"]) == ("warn", "warn")
    a.state.rules[1][0]["active"] = False
    a.extra = {"own_notifications_off": True}
    found = a.doctor()
    assert "FD24" not in found
    assert found["FD25"] == "ok"


def test_doctor_names_groups_that_assign_by_themselves(account):
    a = account()
    assert "FD28" not in a.doctor()
    a.state.auto_assign.add(next(iter(a.desk.queues)))
    assert a.doctor()["FD28"] == "warn"


# --- what the run-time key sees -------------------------------------------------------------


def check(a: Account, *queues: str) -> dict[str, str]:
    ours = VENDOR.make("support", a.settings(), tokens=None, clock=lambda: NOW, on_call=lambda *_: None)
    return {f.code: f.level for f in ours.check(queues) if f.level != "ok"}


def test_a_sound_account_has_no_finding(account):
    assert check(account(), "Billing") == {}


@pytest.mark.parametrize(
    ("options", "extra", "code", "level"),
    [
        ({}, {"api_key": "dead"}, "FD01", "fail"),
        ({}, {"base_url": "http://127.0.0.1:9"}, "FD02", "fail"),
        ({}, {"webhook_secret": ""}, "FD04", "fail"),
        ({}, {"webhook_secret": "short"}, "FD04", "warn"),
        ({"scope": 2}, {}, "FD05", "fail"),
        ({}, {"intent_field": "cf_gone"}, "FD08", "fail"),
        ({}, {"from_email": "other@desk.example"}, "FD10", "fail"),
    ],
)
def test_each_flaw_has_its_code(account, options, extra, code, level):
    a = account(**options)
    a.extra = extra
    assert check(a)[code] == level


def test_an_origin_that_is_not_freshdesks_is_a_warning(account):
    from connectors.freshdesk.install.doctor import _origin

    levels = {}
    for url in ("https://acme.freshdesk.com", "https://help.acme.example", "http://acme.freshdesk.com"):
        found = _origin(Settings(vendor="freshdesk", base_url=url))
        assert found.code == "FD03"
        levels[url] = found.level
    assert list(levels.values()) == ["ok", "warn", "warn"]


def test_an_unknown_group_is_named(account):
    assert check(account(), "Billing", "Bilge") == {"FD07": "fail"}


def test_a_field_that_must_be_filled_before_resolving_is_named(account):
    a = account()
    a.state.fields.append(
        {"id": 3, "name": "cf_cause", "label": "Cause", "type": "custom_text", "required_for_closure": True}
    )
    assert check(a) == {"FD09": "warn"}


@pytest.mark.parametrize(("change", "level"), [({"occasional": True}, "warn"), ({"active": False}, "fail")])
def test_an_occasional_or_inactive_bot_is_named(account, monkeypatch, change, level):
    from connectors.freshdesk.directory import Directory

    me = {
        "id": 1,
        "ticket_scope": 1,
        "contact": {"name": "Bot", "email": "b@x", "active": True},
        "occasional": False,
    }
    me = {**me, "contact": {**me["contact"], **change}} if "active" in change else {**me, **change}
    monkeypatch.setattr(Directory, "me", lambda _self, *_: me)
    assert check(account()) == {"FD06": level}
