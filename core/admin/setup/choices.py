"""The later steps: intents, the people who are told, hours and promise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

import requests

from core.admin.init import PROMISE, WEEK, IntentAnswer
from core.admin.setup.account import among
from core.admin.setup.context import Form, Setup, Wrong, one
from core.admin.setup.drafting import has_sample
from core.admin.setup.kept import State
from core.errors import BackstopError, ConfigError, said_of
from core.hours import Hours
from core.model import IntentRule, OutboundMessage, Priority, ReceiptState
from core.rules import never_automatic

DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
TIMES = {
    "15m": "15 minutes",
    "30m": "30 minutes",
    "1h": "1 hour",
    "2h": "2 hours",
    "4h": "4 hours",
    "8h": "8 hours",
    "1d": "1 day",
    "2d": "2 days",
    "3d": "3 days",
}
"""What may be promised, as the configuration writes it and in words."""
SECRET = ("slack_url", "sms_token")
TEST = "This is a test message from Backstop's set-up. If you can read it, this channel works."
ADDRESS, NUMBER = re.compile(r"[^@\s]+@[^@\s]+"), re.compile(r"\+[1-9]\d{6,14}")


# --- intents --------------------------------------------------------------------------------


def intents(setup: Setup, form: Form) -> dict[str, Any]:
    """Return the intents that were picked, with priority, group and sample reply."""
    found = setup.state.found
    queues, read = found.get("lists", {}).get("queues", []), found.get("read", 0)
    chosen, wrong = [], []
    for about in found.get("proposals", []):
        if one(form, f"take-{about['name']}"):
            try:
                note = f"{about['count']} of the {read} tickets that were read"
                chosen.append(vars(_intent(about["name"], form, queues, note, about.get("lines", ()))))
            except ConfigError as err:
                wrong.append(str(err))
    if wrong:
        raise Wrong("\n".join(wrong))
    return {"chosen": chosen}


def _intent(name: str, form: Form, queues: list[str], note: str, examples: Sequence[str]) -> IntentAnswer:
    priority = one(form, f"priority-{name}")
    if priority not in set(Priority):
        raise Wrong(f"{name}: choose a priority.")
    queue = among(one(form, f"queue-{name}"), queues, name)
    reply = f"{name}.txt" if one(form, f"reply-{name}") and may_answer(name, priority) else ""
    return IntentAnswer(name, priority, queue, reply, note, list(examples))


def may_answer(name: str, priority: str) -> bool:
    """Return whether there is a sample reply for an intent, and a rule that lets it be answered."""
    rule = IntentRule(name, Priority(priority))
    return has_sample(f"{name}.txt") and name not in never_automatic({name: rule})


# --- people ---------------------------------------------------------------------------------


def people(setup: Setup, form: Form) -> dict[str, Any]:
    """Return the channels. A secret's field that is left empty keeps what was given, unless it is taken away."""
    known = setup.state.of("people")
    names = ("slack_url", "sms_sid", "sms_token", "sms_from", "manager", "mail_from", "smtp_url")
    given: dict[str, Any] = {name: one(form, name) for name in names}
    for name in SECRET:
        given[name] = "" if one(form, f"without-{name}") else given[name] or known.get(name, "")
    given["sms_to"] = [part for part in re.split(r"[,;\s]+", one(form, "sms_to")) if part]
    if wrong := _people(given):
        raise Wrong("\n".join(wrong))
    return given


def _people(given: Mapping[str, Any]) -> list[str]:
    wrong = []
    if given["slack_url"] and not given["slack_url"].startswith(
        ("https://", "http://127.0.0.1", "http://localhost")
    ):
        wrong.append("The Slack webhook address begins with https://hooks.slack.com/ …")
    wrong += [
        f"{number} is no number for an SMS: write it as +491701234567"
        for number in [*given["sms_to"], *filter(None, [given["sms_from"]])]
        if not NUMBER.fullmatch(number)
    ]
    if given["sms_to"] and not all(given[name] for name in ("sms_sid", "sms_token", "sms_from")):
        wrong.append("An SMS needs Twilio's account SID, auth token and a sender number.")
    wrong += [
        f"{given[name]} is no address"
        for name in ("manager", "mail_from")
        if given[name] and not ADDRESS.fullmatch(given[name])
    ]
    if given["manager"] and not given["mail_from"]:
        wrong.append("E-mail to the manager needs a sender address.")
    return wrong


def say_hello(setup: Setup, state: State) -> list[dict[str, str]]:
    """Send a test message through each channel; return what came of it, one entry each."""
    with setup.program(state) as app:
        named = {name: channel for name, channel in app.channels.items() if name != "desk"}
        return [{"channel": name, **_said(channel, app.clock())} for name, channel in named.items()]


def _said(channel: Any, now: Any) -> dict[str, str]:
    message = OutboundMessage(
        f"setup-test:{now.isoformat()}",
        tuple(channel.recipients),
        "Backstop: a test message",
        TEST,
        Priority.NORMAL,
    )
    try:
        receipt = channel.send(message, now)
    except (BackstopError, ConfigError, requests.RequestException) as err:
        return {"level": "fail", "words": said_of(err)}
    if receipt.state is ReceiptState.FAILED:
        return {"level": "fail", "words": receipt.detail or "it was refused"}
    return {"level": "ok", "words": "sent: look whether it arrived"}


# --- hours ----------------------------------------------------------------------------------


def hours(_setup: Setup, form: Form) -> dict[str, Any]:
    """Return time zone, week, holidays and promise, as the configuration writes them."""
    zone, holidays = one(form, "timezone"), one(form, "holidays").upper()
    if zone not in available_timezones():
        raise Wrong(f"{zone or 'Nothing'} is no time zone: write one as Europe/Berlin.")
    week = {day: one(form, f"week-{day}").replace(" ", "") for day in DAYS}
    week = {day: span for day, span in week.items() if span}
    promise = {name: one(form, f"promise-{name}") for name in PROMISE}
    if not week:
        raise Wrong("Enter business hours for at least one day.")
    if wrong := [name for name, time in promise.items() if time not in TIMES]:
        raise Wrong(f"Choose a response time for {', '.join(wrong)}.")
    try:
        Hours.make(zone, {day: span.split(",") for day, span in week.items()}, holidays)
    except ValueError as err:
        raise Wrong(str(err)) from err
    return {"timezone": zone, "week": week, "holidays": holidays, "promise": promise}


def hours_known(state: State) -> dict[str, Any]:
    """Return what the page shows before it is answered."""
    return {"timezone": "", "week": WEEK, "holidays": "", "promise": PROMISE, **state.of("hours")}
