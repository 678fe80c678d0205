"""One case from a file: its input is tried, and what came out is compared with what the file calls right.

A case is a table with a `type` (one of `CHECKS` and `JOURNEYS`), a `kind` in words, and the type's own keys. `trial` returns what is
wrong with it, in words; "" when it is right.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.channels import build
from connectors.zendesk.channels import reached
from core.errors import Refused
from core.greeting import first_name
from core.hours import Hours
from core.language import language_of
from core.mail import machine
from core.mail.characters import clean
from core.mail.said import said
from core.model import Evidence, Grade, OutboundMessage, Priority
from core.promise_text import say
from tests.connectors.channels.fakes import mail_server

AUTO = 0.85
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
Case = dict[str, Any]


def read(folder: Path) -> Iterator[tuple[str, Case]]:
    """Yield the cases of a folder with their names: one a file in JSON, any number of `[[case]]` in TOML."""
    for path in sorted(folder.glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))
    for path in sorted(folder.glob("*.toml")):
        for number, case in enumerate(tomllib.loads(path.read_text("utf-8"))["case"], 1):
            yield f"{path.stem}-{number}", case


def _machine(case: Case) -> str:
    found = machine.evidence(case["subject"], case["text"], case["from_email"], case.get("headers", {}))
    if case["machine"]:
        return "" if found is not None else "it is taken for a person's"
    return f"nobody would be notified: {found.reason}" if found is not None and _silences(found) else ""


def _silences(found: Evidence) -> bool:
    return found.whole or found.grade is Grade.PROVEN


def _words(case: Case) -> str:
    words = said(case.get("text", ""), case.get("html", "")).words
    lost = [one for one in case.get("must", ()) if one not in words]
    kept = [one for one in case.get("must_not", ()) if one in words]
    return f"lost {lost}, kept {kept} in {words!r}" if lost or kept else ""


def _clean(case: Case) -> str:
    found = clean(case["text"])
    return "" if found == case["want"] else repr(found)


def _language(case: Case) -> str:
    found = language_of(case["text"], case["locale"])
    return f"answered in {found}" if found in case["wrong"] else ""


def _greeting(case: Case) -> str:
    found = first_name(case["name"])
    return "" if found == case["want"] else f"greeted as {found!r}"


def _promise(case: Case) -> str:
    now, at = (datetime.fromisoformat(case[name]) for name in ("now", "at"))
    text = say(at, now, Hours.make(case["timezone"]))
    return "" if any(one in text for one in case["must_any"]) else text


def _smtp(case: Case) -> str:
    with mail_server(enable_SMTPUTF8=False) as (box, url):
        table = {"to": [case["to"]], "from": "backstop@acme.example", "smtp_url": url}
        channel = build({"email": {"boss": table}}, clock=lambda: NOW)["email:boss"]
        try:
            channel.send(
                OutboundMessage(
                    "k1", (case["to"],), "Ticket 1", "Text", Priority.URGENT, desk="support", ticket_id="1"
                ),
                NOW,
            )
        except Refused as err:
            return "" if not case["want_sent"] else str(err)
    return "" if bool(box.received) is case["want_sent"] else f"sent: {len(box.received)}"


def _zendesk_channel(case: Case) -> str:
    found = reached({"via": {"channel": case["channel"]}}, case.get("email") or "")
    return "" if found is case["replyable"] else f"replyable is {found}"


CHECKS: dict[str, Callable[[Case], str]] = {
    "machine": _machine,
    "words": _words,
    "clean": _clean,
    "language": _language,
    "greeting": _greeting,
    "promise": _promise,
    "smtp": _smtp,
    "zendesk_channel": _zendesk_channel,
}
"""Types that need no help desk."""


def classified(case: Case, classifier: Any) -> str:
    """What is wrong with a case of type `classify`."""
    found = classifier.predict(case["text"])
    sure = found.intent == case["not_auto_as"] and found.confidence >= AUTO
    return f"{found.confidence:.2f} {found.intent}" if sure else ""


def _journey(h: Any, case: Case) -> str:
    ticket = _opened(h, case["open"])
    mark = 0
    for step in case.get("steps", ()):
        ((what, value),) = step.items()
        if what == "mark":
            mark = len(h.told())
        else:
            _STEPS[what](h, ticket, value)
    found = _outcome(h, ticket, mark)
    wrong = {
        name: found[name]
        for name, want in case["expect"].items()
        if (found[name] == want if name == "not_outcome" else found.get(name) != want) and name != "tag_true"
    }
    tag = case["expect"].get("tag_true")
    if tag and tag in h.seen(ticket).tags and not found["public"]:
        wrong["tag_true"] = f"{tag} stands there and nothing was said"
    return f"{wrong}: {h.story(ticket)}" if wrong else ""


def _opened(h: Any, first: Case) -> Any:
    entry = {"subject": "Hello", "email": "carla@example.com", "name": "Carla", **first}
    spam, body = entry.pop("spam", False), entry.pop("body")
    if not spam:
        return h.writes_in(body, **entry)
    h.fake.hooks.hold = True
    ticket = h.desk.customer_writes(body, **entry)
    h.desk.agent_sets(ticket.id, h.ann.id, spam=True)
    h.fake.hooks.release()
    h.settle()
    return ticket


def _agent_sets(h: Any, ticket: Any, changes: Case) -> None:
    h.desk.agent_sets(ticket.id, h.ann.id, **changes)
    h.settle()


def _delete(h: Any, ticket: Any, _: bool) -> None:
    h.desk.delete(ticket.id, h.ann.id)
    h.settle()


_STEPS: dict[str, Callable[[Any, Any, Any], object]] = {
    "later": lambda h, _, span: h.later(**span),
    "agent_sets": _agent_sets,
    "delete": _delete,
    "customer": lambda h, ticket, body: h.writes_in(body, case_id=ticket.id),
}


def _outcome(h: Any, ticket: Any, mark: int) -> dict[str, Any]:
    return {
        "told_humans": bool(h.told()),
        "told_urgent": bool(h.urgent.sent),
        "told_since_mark": len(h.told()) > mark,
        "not_outcome": h.ticket(ticket).outcome,
        "public": len(h.bot_says(ticket, public=True)),
    }


def _loop(h: Any, case: Case) -> str:
    tickets = []
    for n in range(case["rounds"]):
        texts = {name: case[name].format(n=4000 + n) for name in ("body", "subject", "email")}
        tickets.append(h.writes_in(**texts))
        h.now += timedelta(minutes=case["minutes"])
        h.pass_once()
    return _too_many(h, tickets, case["most"])


def _burst(h: Any, case: Case) -> str:
    tickets = [
        h.writes_in("purple seventeen umbrella the quick moon", email=case["emails"].format(n=n))
        for n in range(case["count"])
    ]
    return _too_many(h, tickets, case["most"])


def _too_many(h: Any, tickets: list[Any], most: int) -> str:
    number = sum(len(h.bot_says(one, public=True)) for one in tickets)
    waiting = all(h.ticket(one).state == "escalated" for one in tickets)
    return "" if number <= most and waiting else f"{number} messages went out; all wait: {waiting}"


JOURNEYS: dict[str, Callable[[Any, Case], str]] = {"journey": _journey, "loop": _loop, "burst": _burst}
"""Types that need a help desk."""
