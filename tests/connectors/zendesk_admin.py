"""An admin at the command line, for the tests of installing at Zendesk."""

from __future__ import annotations

import copy
import json

from connectors.kit.provision import Site, installed
from connectors.zendesk.connector import make_session
from connectors.zendesk.install import provision
from connectors.zendesk.settings import Settings
from connectors.zendesk.vendor import VENDOR

URL = "https://backstop.example.com"
INTENTS = ("refund", "billing")


class Admin:
    """An admin at the command line: install, plan, uninstall, doctor with one manifest."""

    def __init__(self, world, **settings):
        self.w, self.manifest, self.settings_ = world, {}, settings
        self.public_url = URL

    def settings(self, **more):
        made = Settings(**{**self.w.fake.settings(self.w.url), **self.settings_, **more})
        made.read_from(lambda: installed(self.manifest))
        return made

    def process(self):
        """Another process of ours, which reads what install kept."""
        return VENDOR.make(
            "support",
            self.settings(),
            tokens=self.w.tokens,
            clock=lambda: self.w.now,
            on_call=lambda *_: None,
        )

    def session(self):
        return make_session(self.settings(), self.w.tokens, lambda: self.w.now, desk="support")

    def site(self, intents=INTENTS, **settings):
        return Site(
            self.settings(**settings), self.session(), "support", self.public_url, self.manifest, intents
        )

    def plan(self, intents=INTENTS):
        return provision.plan(self.site(intents))

    def install(self, intents=INTENTS):
        self.manifest, steps = provision.install(self.site(intents), lambda _made: None)
        json.dumps(self.manifest)
        return steps

    def uninstall(self, dry=False):
        return provision.uninstall(self.site(), dry=dry)

    def doctor(self, **settings):
        return provision.doctor(self.site(**settings))

    def codes(self, **settings):
        return [finding.code for finding in self.doctor(**settings) if finding.level != "ok"]

    def account(self):
        state = self.w.fake.state
        return copy.deepcopy(
            {
                "hooks": state.webhooks,
                "triggers": state.triggers,
                "fields": state.fields,
                "views": state.views,
            }
        )

    def sound(self):
        """The account after the clicks that install asks for."""
        for trigger in self.w.fake.state.triggers.values():
            if trigger["title"].endswith("received request"):
                trigger["active"] = False
