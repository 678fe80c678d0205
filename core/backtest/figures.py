"""The figures over replayed tickets: answers, queues, pages by night, promises. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.classify.plain import table
from core.model import Outcome
from core.pipeline.replay import Replayed

SAMPLES = 3  # tickets named for each automatic answer


def figures(rows: Sequence[Replayed], now: datetime) -> dict[str, Any]:
    """Return what would have been done with these tickets."""
    outcomes = Counter(row.outcome for row in rows)
    handled = [row for row in rows if row.outcome != Outcome.LEFT_ALONE]
    escalated = [row for row in handled if row.escalated_at is not None]
    return {
        "tickets": len(rows),
        "outcomes": {name.value: outcomes[name] for name in Outcome if outcomes[name]},
        "escalated": len(escalated),
        "escalation_rate": len(escalated) / len(handled) if handled else None,
        "came_back": sum(row.came_back for row in rows),
        "answers": answers(rows),
        "queues": queues(escalated),
        "pages": told(rows),
        "promises": promises(escalated, now),
    }


def answers(rows: Iterable[Replayed]) -> list[dict[str, Any]]:
    """Return the automatic answers by intent: how many, with which words, and which of them people put into another
    queue."""
    by: dict[str, list[Replayed]] = defaultdict(list)
    for row in rows:
        if row.outcome == Outcome.AUTO_RESOLVED:
            by[row.intent].append(row)
    return [
        {
            "intent": intent,
            "tickets": len(ones),
            "elsewhere": sum(moved(row) for row in ones),
            "words": next((text for row in ones for purpose, text in row.said if purpose == "answer"), ""),
            "samples": [row.ticket_id for row in ones[-SAMPLES:]],
        }
        for intent, ones in sorted(by.items(), key=lambda pair: -len(pair[1]))
    ]


def queues(rows: Iterable[Replayed]) -> list[dict[str, Any]]:
    """Return where the escalated tickets would have gone, and how many of those that people handled ended elsewhere."""
    by: dict[str, list[Replayed]] = defaultdict(list)
    for row in rows:
        by[row.queue].append(row)
    return [
        {
            "queue": queue,
            "tickets": len(ones),
            "judged": sum(bool(row.final_queue and row.queue) for row in ones),
            "wrong": sum(moved(row) for row in ones),
        }
        for queue, ones in sorted(by.items(), key=lambda pair: -len(pair[1]))
    ]


def moved(row: Replayed) -> bool:
    """Return whether people left the ticket in another queue than ours."""
    ours = row.queue.lower()
    return bool(ours and row.final_queue) and ours not in {name.lower() for name in row.final_queue}


def told(rows: Iterable[Replayed]) -> dict[str, Any]:
    """Return the pages by person and night. A night is named by the day on which it begins."""
    pages = [(who, at, dark) for row in rows for who, at, dark in row.pages]
    by: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    for who, at, dark in pages:
        by[who].append((at, dark))
    people = []
    for who, ones in sorted(by.items()):
        nights = Counter(_night_of(at) for at, dark in ones if dark)
        people.append(
            {
                "who": who,
                "pages": len(ones),
                "at_night": nights.total(),
                "nights": len(nights),
                "worst_night": max(nights.values(), default=0),
            }
        )
    return {"total": len(pages), "at_night": sum(dark for *_, dark in pages), "people": people}


def _night_of(at: datetime) -> str:
    """Return the night of a time: noon to noon of the desk's clock, so that it does not end at midnight."""
    return str((at - timedelta(hours=12)).date())


def promises(rows: Iterable[Replayed], now: datetime) -> dict[str, int]:
    """Return how many of the promises people kept, by when they really answered. `open`: not due yet."""
    found = Counter(promise(row, now) for row in rows if row.promise_at is not None)
    return {name: found[name] for name in ("kept", "broken", "open")}


def promise(row: Replayed, now: datetime) -> str:
    """Return kept, broken or open."""
    ended = row.answered_at or row.over_at
    due = row.promise_at or now
    if ended is not None:
        return "kept" if ended <= due else "broken"
    return "broken" if due < now else "open"


def compared(now: Sequence[Replayed], then: Sequence[Replayed]) -> list[dict[str, Any]]:
    """Return the tickets that would go elsewhere: before and after."""
    after = {(row.desk, row.ticket_id): row for row in then}
    return [
        {"desk": row.desk, "ticket": row.ticket_id, "from": _way(row), "to": _way(other)}
        for row in now
        if (other := after.get((row.desk, row.ticket_id))) and _way(row) != _way(other)
    ]


def _way(row: Replayed) -> dict[str, Any]:
    return {"outcome": row.outcome, "intent": row.intent, "queue": row.queue, "priority": row.priority}


# --- for people -----------------------------------------------------------------------------


def plain_figures(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return the figures as text; `names`: outcomes as people say them."""
    rate = found["escalation_rate"]
    kept = found["promises"]
    parts = [
        table(
            ("what would have happened", "tickets"),
            [(names.get(k, k), n) for k, n in found["outcomes"].items()],
        ),
        f"escalation rate {'–' if rate is None else f'{rate:.1%}'}; of the automatic answers, "
        f"{found['came_back']} customers would have written again before a person answered",
        f"promises: {kept['kept']} kept, {kept['broken']} broken, {kept['open']} not due yet",
    ]
    if found["queues"]:
        sent = [
            (q["queue"] or "(none)", q["tickets"], f"{q['wrong']} of {q['judged']}") for q in found["queues"]
        ]
        parts.append(table(("queue", "tickets", "people moved elsewhere"), sent))
    if found["answers"]:
        said = [(a["intent"], a["tickets"], a["elsewhere"]) for a in found["answers"]]
        parts.append(table(("answered as", "tickets", "moved by people"), said))
    if found["pages"]["people"]:
        keys = ("who", "pages", "at_night", "nights", "worst_night")
        woken = [[one[key] for key in keys] for one in found["pages"]["people"]]
        parts.append(table(("who", "messages", "at night", "nights", "most in one night"), woken))
    parts += [f"the answer to {a['intent']}:\n\n{a['words'].strip()}" for a in found["answers"] if a["words"]]
    return "\n\n".join(parts)


def plain_backtest(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return a backtest as text."""
    done = "" if found["complete"] else f" of {found['total']} so far"
    head = f"{found['desk']}: {found['tickets']}{done} tickets of the last {found['days']} days; nothing was written there"
    missed = f"\n{len(found['unreadable'])} could not be read" if found["unreadable"] else ""
    return f"{head}{missed}\n\n{plain_figures(found, names)}\n\nEvery ticket: {found['file']}"
