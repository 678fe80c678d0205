"""Installing in a Help Scout account, looking after it, and leaving nothing behind."""

from __future__ import annotations

import copy

import pytest

from connectors.helpscout.connector import make_session
from connectors.helpscout.install import provision
from connectors.helpscout.install.objects import EVENTS
from connectors.helpscout.settings import Settings
from connectors.kit.provision import Site, installed
from connectors.sandbox.server import serving
from core.errors import NotAllowed

PUBLIC = "https://backstop.acme.example"
HOOK = f"{PUBLIC}/hooks/support"
FIELDS = [{"id": 60, "name": "AI intent", "type": "single_line"}]


class Account:
    def __init__(self, world) -> None:
        self.w, self.state = world, world.fake.state
        self.manifest: dict[str, dict[str, str]] = {}
        self.extra: dict[str, object] = {}

    def settings(self) -> Settings:
        made = Settings(**{**self.w.fake.settings(self.w.url), **self.extra})
        made.read_from(lambda: installed(self.manifest))
        return made

    def session(self):
        return make_session(self.settings(), self.w.tokens, lambda: self.w.now, desk="support")

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

    def ensure(self):
        return provision.ensure_hook(self.site())

    def doctor(self) -> dict[str, str]:
        found = provision.doctor(self.site())
        worst = {"ok": 0, "warn": 1, "fail": 2}
        return {f.code: f.level for f in sorted(found, key=lambda f: worst[f.level])}

    @property
    def hook(self) -> dict:
        return next(one for one in self.state.webhooks if one["label"] == "Backstop support")

    def by_hand(self, **hook: object) -> dict:
        from connectors.helpscout.fake.admin import add_webhook

        base = {"url": HOOK, "events": list(EVENTS), "secret": "by-hand", "label": "mine"}
        return add_webhook(self.state, {**base, **hook})


@pytest.fixture
def account(world):
    return lambda **options: Account(world("helpscout", **options))


def actions(steps) -> list[tuple[str, str]]:
    return [(s.action, s.kind) for s in steps if s.action != "by_hand"]


def clicks(steps) -> dict[str, str]:
    return {s.kind: s.details for s in steps if s.action == "by_hand"}


def test_a_plan_names_the_webhook_and_makes_nothing(account):
    a = account()
    assert actions(a.plan()) == [("create", "webhook")]
    assert a.state.webhooks == []
    assert a.w.app.count("PUT", "DELETE", "PATCH") == 0


def test_installing_twice_makes_one_webhook_with_all_events_that_we_need(account):
    a = account()
    assert actions(a.install()) == [("create", "webhook")]
    assert actions(a.install()) == [("keep", "webhook")]
    (hook,) = a.state.webhooks
    assert (hook["url"], hook["secret"], hook["payloadVersion"], hook["notification"]) == (
        HOOK,
        a.state.secret,
        "V2",
        False,
    )
    assert a.manifest["webhook:events"]["id"] == str(hook["id"])
    assert a.state.secret not in str(a.manifest)


def test_an_installed_webhook_delivers_what_the_connector_understands(account, heard):
    url, got = heard
    a = account()
    origin = url.removesuffix("/hooks/support")
    provision.install(a.site(public_url=origin, manifest={}), lambda _made: None)
    ticket_id = a.w.customer("Hello")
    a.w.ours.verify(got[0], a.w.now)
    assert a.w.ours.parse(got[0], a.w.now)[0].ticket_id == ticket_id


def test_a_lost_manifest_doubles_nothing(account):
    a = account()
    a.install()
    a.manifest = {}
    assert actions(a.install()) == [("keep", "webhook")]
    assert a.manifest["webhook:events"]["id"] == str(a.hook["id"])


def test_a_creation_without_an_answer_is_looked_up_before_it_is_repeated(account):
    a = account()
    a.w.app.plan = lambda call: "reset_after" if (call.method, call.path) == ("POST", "/v2/webhooks") else ""
    assert actions(a.install()) == [("create", "webhook")]
    assert len(a.state.webhooks) == 1
    assert a.manifest["webhook:events"]["id"] == str(a.hook["id"])


def test_a_persons_change_is_reported_and_not_overwritten(account):
    a = account()
    a.install()
    a.hook["events"].remove("convo.assigned")
    before = copy.deepcopy(a.state.webhooks)
    (step,) = [s for s in a.install() if s.kind == "webhook"]
    assert step.action == "differs"
    assert "events" in step.details
    assert a.state.webhooks == before


def test_a_webhook_clicked_together_by_hand_serves_and_stays_theirs(account):
    a = account()
    a.by_hand()
    assert actions(a.install()) == [("keep", "webhook")]
    assert len(a.state.webhooks) == 1
    assert a.manifest == {}
    a.uninstall()
    assert len(a.state.webhooks) == 1


def test_a_new_secret_is_sent_along(account):
    a = account()
    a.install()
    a.extra["webhook_secret"] = "the-next-secret,helpscout-webhook-secret"
    assert actions(a.plan()) == [("update", "webhook")]
    a.install()
    assert a.hook["secret"] == "the-next-secret"
    assert actions(a.plan()) == [("keep", "webhook")]


def test_another_public_url_moves_the_webhook(account):
    a = account()
    a.install()
    a.manifest, steps = provision.install(a.site(public_url="https://new.acme.example/"), lambda _made: None)
    assert actions(steps) == [("update", "webhook")]
    assert [hook["url"] for hook in a.state.webhooks] == ["https://new.acme.example/hooks/support"]


def test_uninstalling_leaves_the_account_as_it_was(account):
    a = account()
    theirs = a.by_hand(url="https://others.example/hook", label="theirs")
    before = copy.deepcopy(a.state.webhooks)
    a.install()
    assert actions(a.uninstall(dry=True)) == [("delete", "webhook")]
    assert len(a.state.webhooks) == 2
    assert actions(a.uninstall()) == [("delete", "webhook")]
    assert a.state.webhooks == before == [theirs]
    assert actions(a.uninstall()) == [("keep", "webhook")]


def test_what_no_api_does_is_printed_as_numbered_clicks(account):
    a = account()
    a.extra |= {"intent_field": "AI intent"}
    printed = clicks(a.plan(intents=["billing", "refund"]))
    assert set(printed) == {"setting", "view", "field", "app"}
    assert HOOK.replace("/hooks/", "/hooks/apps/") in printed["app"]
    assert all(text.startswith("1. ") for text in printed.values())
    assert "ai_escalated" in printed["view"]
    assert "billing, refund" in printed["field"]
    a.state.fields += FIELDS
    a.extra["auto_reply_off"] = True
    assert set(clicks(a.plan())) == {"view", "app"}


def test_without_the_right_to_make_webhooks_the_clicks_are_printed_without_the_secret(account):
    a = account(may_hook=False)
    (step,) = [s for s in a.install() if s.kind == "webhook"]
    assert step.action == "by_hand"
    assert HOOK in step.details
    assert a.state.secret not in step.details
    assert a.manifest == {}


def test_without_a_credential_the_first_clicks_are_those_that_make_one(account):
    a = account()
    a.extra["client_secret"] = "wrong"
    for steps in (a.plan(), a.install()):
        assert [(s.action, s.kind) for s in steps] == [("by_hand", "app")]
        assert "My Apps" in steps[0].details


# --- the webhook is kept alive ----------------------------------------------------------------


def test_a_webhook_that_help_scout_switched_off_is_switched_on_again(account):
    a = account()
    a.install()
    with serving(lambda environ, start: (start("410 Gone", []), [b""])[1]) as dead:
        a.hook["url"], a.state.hooks.url = dead, dead
        a.w.customer("Hello")
    a.hook["url"] = HOOK
    assert a.hook["state"] == "disabled"
    assert a.ensure().action == "update"
    assert (a.hook["state"], a.hook["secret"]) == ("enabled", a.state.secret)
    assert a.ensure().action == "keep"


def test_switching_it_on_keeps_what_people_changed(account):
    a = account()
    a.install()
    a.hook.update(state="disabled", mailboxIds=[a.state.main_inbox], label="Backstop (do not touch)")
    a.ensure()
    (hook,) = a.state.webhooks
    assert (hook["state"], hook["label"], hook["mailboxIds"]) == (
        "enabled",
        "Backstop (do not touch)",
        [a.state.main_inbox],
    )


@pytest.mark.parametrize("edited", [False, True])
def test_install_switches_it_on_too_and_leaves_what_people_changed(account, edited):
    a = account()
    a.install()
    (hook,) = a.state.webhooks
    hook |= {"state": "disabled", **({"label": "Backstop (do not touch)"} if edited else {})}
    (step,) = [s for s in a.plan() if s.kind == "webhook" and s.action != "by_hand"]
    assert (step.action, "switched off" in step.why) == ("update", True)
    a.install()
    assert a.state.webhooks[0]["state"] == "enabled"
    assert a.state.webhooks[0]["label"] == ("Backstop (do not touch)" if edited else "Backstop support")
    assert [s.action for s in a.install() if s.kind == "webhook"] == ["differs" if edited else "keep"]


def test_a_secret_is_made_and_kept_where_the_file_has_none(account):
    a = account()
    a.extra = {"webhook_secret": ""}
    a.install()
    assert [a.hook["secret"]] == a.settings().secrets()
    assert len(a.hook["secret"]) == 40
    assert actions(a.install()) == [("keep", "webhook")]
    assert a.hook["secret"] in clicks(a.plan())["app"], "for the sidebar, which no API makes"


def test_a_plan_says_which_address_the_webhook_calls(account):
    a = account()
    for steps in (a.plan(), a.install(), a.plan()):
        assert next(s.details for s in steps if s.kind == "webhook") == f"it calls {HOOK}"


def test_a_webhook_that_is_gone_is_reported_and_not_made_behind_the_admins_back(account):
    a = account()
    a.install()
    a.state.webhooks.clear()
    assert a.ensure().action == "differs"
    assert a.state.webhooks == []


def test_when_all_is_well_it_costs_one_call(account):
    a = account()
    a.install()
    session = a.session()
    a.w.app.calls.clear()
    provision.ensure_hook(a.site(session=session))
    assert [f"{c.method} {c.path}" for c in a.w.app.calls] == ["GET /v2/webhooks"]


def test_without_the_right_to_read_webhooks_the_sweep_is_refused(account):
    with pytest.raises(NotAllowed):
        account(may_hook=False).ensure()


# --- doctor -----------------------------------------------------------------------------------


def test_a_fresh_installation_has_no_failure_and_one_thing_left_to_say(account):
    a = account()
    a.install()
    assert a.doctor() == {"HS20": "ok", "HS25": "warn"}
    a.extra["auto_reply_off"] = True
    assert a.doctor() == {"HS20": "ok", "HS25": "ok"}


def test_no_webhook_is_hs20(account):
    assert account().doctor()["HS20"] == "fail"


def test_a_webhook_that_is_off_is_hs21(account):
    a = account()
    a.install()
    a.hook["state"] = "disabled"
    assert a.doctor()["HS21"] == "fail"


@pytest.mark.parametrize(
    "broken", [{"events": ["convo.created"]}, {"notification": True}, {"payloadVersion": "V3"}]
)
def test_a_webhook_with_too_few_events_is_hs22(account, broken):
    a = account()
    a.by_hand(**broken)
    assert a.doctor()["HS22"] == "fail"


def test_a_webhook_that_somebody_changed_or_that_is_out_of_date_is_hs23(account):
    a = account()
    a.install()
    a.hook["events"].append("convo.tags")
    assert a.doctor()["HS23"] == "warn"
    a.hook["events"].remove("convo.tags")
    a.extra["webhook_secret"] = "the-next-secret"
    assert a.doctor()["HS23"] == "warn"


def test_a_token_that_may_not_look_at_webhooks_is_hs24(account):
    assert account(may_hook=False).doctor()["HS24"] == "warn"


def test_a_dead_credential_is_hs01(account):
    a = account()
    a.extra["client_secret"] = "wrong"
    assert a.doctor() == {"HS01": "fail"}


def test_an_automatic_message_of_the_desks_own_is_hs25_whatever_the_setting_says(account):
    a = account()
    a.install()
    a.extra["auto_reply_off"] = True
    case = a.w.desk.cases[int(a.w.customer("Hello"))]
    a.w.desk._say(case, a.w.desk.bot.id, "We have received your mail.", public=True, via="rule")
    found = provision.doctor(a.site())
    (finding,) = [f for f in found if f.code == "HS25"]
    assert finding.level == "warn"
    assert str(case.id) in finding.what


def test_two_webhooks_that_call_us_are_hs26(account):
    a = account()
    a.install()
    a.by_hand()
    assert a.doctor()["HS26"] == "warn"


def test_a_webhook_of_some_inboxes_only_is_hs27(account):
    a = account()
    a.install()
    a.hook["mailboxIds"] = [a.state.main_inbox]
    assert a.doctor()["HS27"] == "warn"


def test_automatic_workflows_are_named_in_hs28(account):
    a = account()
    a.install()
    a.state.workflows += [
        {"id": 1, "name": "Greet", "type": "automatic", "status": "active"},
        {"id": 2, "name": "Off", "type": "automatic", "status": "inactive"},
        {"id": 3, "name": "Refund", "type": "manual", "status": "active"},
    ]
    found = provision.doctor(a.site())
    assert [f.what for f in found if f.code == "HS28"] == ["these automatic workflows are on: Greet"]
