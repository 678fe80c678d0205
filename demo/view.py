"""What there is to see: the desk's tickets beside what the ledger knows of them. Read-only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.sandbox import desk as sandbox
from core.ledger import db, store, ticket_report
from core.ledger.states import Entry
from core.model import whole_percent
from demo.world import DESK, World


@dataclass(frozen=True)
class Outcome:
    """What became of one ticket. `kind` colours it; `short` is for a line of the inbox, `words` for the table."""

    kind: str
    short: str
    words: str


COMMON = ("ai_acknowledged", "ai_escalated")  # on most tickets: they tell the least
RUNGS = {  # what was said, and what will be
    "escalated": ("{} is told", "{} is told"),
    "unclaimed": ("{} is told that nobody has taken it", "{} is told, if nobody has taken it by then"),
    "promise_breaking": (
        "{} is told that the promise is about to break",
        "{} is told, if nobody has taken it and the promise is about to break",
    ),
    "forgotten": ("{} is told that it was taken and forgotten", "{} is told, if it has no answer by then"),
    "resumed": ("{} is told that it was let go", "{} is told that it was let go"),
}
_CHANNEL = re.compile(r"\w+: (\w+)")  # a line of the history about a notice: "escalated: slack:urgent to …"
WAITING = Outcome("none", "just arrived", "not looked at yet")


def outcome(row: Any) -> Outcome:
    """Return what became of a ticket, in words."""
    if row is None or row.state == "received":
        return WAITING
    guess = f"{row.intent.replace('_', ' ')} {whole_percent(row.confidence)}%" if row.intent else ""
    match row.outcome or row.state:
        case "auto_resolved" if row.reescalated_at:
            words = f"answered; the customer wrote again, so a human takes over in {row.queue}"
            return Outcome("reescalated", "answered, came back", words)
        case "auto_resolved":
            return Outcome("auto_resolved", "answered", f"answered ({guess})")
        case "routed":
            return Outcome("routed", f"to {row.queue}", f"routed to {row.queue}: {guess}")
        case "general_queue" if not row.escalated_at:
            return Outcome("general_queue", "general queue", f"general queue: {row.reason}")
        case "general_queue":
            return Outcome("general_queue", "general queue, flagged", f"general queue, flagged: {row.reason}")
        case "dead_letter":
            return Outcome("dead_letter", "failed", f"failed, people were notified: {row.reason}")
        case _:
            return Outcome("left_alone", "no action needed", f"no action needed: {row.reason}")


def inbox(world: World) -> list[dict[str, Any]]:
    """Return the desk's list, newest first."""
    with world.desk.lock:
        cases = sorted(world.desk.cases.values(), key=lambda one: one.id, reverse=True)
    with db.reading(world.app.engine) as conn:
        known = store.known(conn, DESK, [str(one.id) for one in cases])
    return [line(world, one, known.get(str(one.id))) for one in cases]


def line(world: World, case: sandbox.Case, row: Any) -> dict[str, Any]:
    """Return one ticket as the desk's list shows it."""
    desk = world.desk
    queue = desk.queues.get(case.queue_id or 0)
    assignee = desk.people.get(case.assignee_id or 0)
    said = [entry for entry in case.entries if entry.public]
    return {
        "id": case.id,
        "subject": case.subject,
        "customer": desk.people[case.requester_id],
        "status": case.status,
        "priority": case.priority,
        "queue": queue.name if queue else "",
        "assignee": assignee,
        "tags": sorted(case.tags, key=lambda tag: ("_intent_" not in tag, tag in COMMON, tag)),
        "at": case.created_at,
        "count": len(said),
        "preview": said[-1].body[:140] if said else "",
        "outcome": outcome(row),
        "row": row,
    }


def chosen(world: World, ticket_id: int) -> dict[str, Any] | None:
    """Return one ticket with all its messages, and everything Backstop did to it."""
    case = world.desk.cases.get(ticket_id)
    if case is None:
        return None
    key = str(ticket_id)
    with db.reading(world.app.engine) as conn:
        row = store.ticket(conn, DESK, key)
        report = ticket_report.told(conn, DESK, key) or {"decisions": [], "story": []}
    return {
        **line(world, case, row),
        "messages": [message(world, entry) for entry in case.entries],
        "story": [one | {"at": moment(one["at"])} for one in report["story"]],
        "decisions": [decision(one) for one in report["decisions"]],
        "ladder": ladder(row),
        "human": human(row),
    }


def message(world: World, entry: sandbox.Entry) -> dict[str, Any]:
    """Return one message, and who wrote it."""
    author = world.desk.people[entry.author_id]
    return {
        "id": entry.id,
        "name": author.name,
        "role": author.role if author.role in {"customer", "bot"} else "agent",
        "at": entry.at,
        "text": entry.body,
        "public": entry.public,
    }


def decision(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return one decision, and the guesses behind it."""
    guesses = [(made["intent"], made["confidence"]), *(made["alternatives"] or [])]
    shown = ("at", "reason", "rule", "rules_version", "priority", "outcome")
    return {name: made[name] for name in shown} | {
        "guesses": [
            (name.replace("_", " "), whole_percent(share))
            for name, share in guesses[:3]
            if name and whole_percent(share)
        ],
        "evidence": list(made["evidence"] or [])[:6],
    }


def ladder(row: Any) -> list[dict[str, Any]]:
    """Return what was promised, whom Backstop tells and when: done, stopped because somebody came, or still ahead."""
    if row is None or not row.ladder:
        return []
    found = [rung(row, entry, place < row.rung) for place, entry in enumerate(row.ladder)]
    found += [promise(row)] if row.promise_at else []
    return sorted(found, key=lambda one: one["at"])


def rung(row: Any, entry: Any, done: bool) -> dict[str, Any]:
    """Return one entry of the ladder. One that a claim silenced keeps under "was" what it would have said."""
    silenced = not entry.get("template")
    said = (entry.get("was") or {}) if silenced else entry
    name = str(said.get("template") or "")
    over = silenced or row.answered_at or row.closed_at or (row.claimed_at and name != "forgotten")
    state = "done" if done and not silenced else "stopped" if over else "ahead"
    past, future = RUNGS.get(name, ("{} hears of it", "{} hears of it"))
    words = (past if state == "done" else future).format(f"the {said.get('notify') or 'team'}")
    return {"at": moment(said.get("at") or entry["at"]), "words": words, "state": state}


def moment(iso: Any) -> datetime:
    """Return a time as the ladder keeps it."""
    return datetime.fromisoformat(str(iso))


def promise(row: Any) -> dict[str, Any]:
    """Return what the customer was told, and whether it was kept."""
    if row.answered_at is None:
        return {
            "at": row.promise_at,
            "words": "the customer was promised an answer by then",
            "state": "promise",
        }
    kept = row.answered_at <= row.promise_at
    words = "the customer was promised an answer by then, and has it " + ("in time" if kept else "late")
    return {"at": row.promise_at, "words": words, "state": "kept" if kept else "broken"}


def human(row: Any) -> str:
    """Return the end of a sentence that says whether a human came; "" where none is needed."""
    if row is None or not row.escalated_at:
        return ""
    if row.answered_at:
        return f"; answered by {row.claimed_by or 'an agent'}"
    return f"; taken by {row.claimed_by}" if row.claimed_at else "; still waiting"


def reached(world: World, last: int = 30) -> list[Any]:
    """Return what reached people, newest first."""
    return list(reversed(world.people.heard[-last:]))


def counts(listed: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many tickets came to what."""
    return dict(Counter(one["outcome"].kind for one in listed))


def notified(story: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the kinds of channel by which people were notified: "sms" or "slack", one for each message that was sent."""
    ways = (_CHANNEL.match(one["detail"]) for one in story if one["what"] == Entry.NOTICED)
    return [way[1] for way in ways if way]
