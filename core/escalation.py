"""The ladder: what is due on an escalation, to whom, and when again. Pure.

A ladder is a snapshot, taken when a ticket escalates and kept with it as JSON: a list of entries, earliest first,
`{"rung": n, "at": iso, "notify": audience, "template": name}`. How many of them are done is counted beside it. It starts
with the customer's wait; its rungs count in wall or business time, as the priority's clock says.

The last rung has no end: once it is sent, the next repetition is added (`prolonged`), for as long as the ticket waits.
What is needed for that is kept in its entry under "again".

While somebody holds the ticket, the entries that are left wait for the promise (`after_claim`); each keeps under "was"
what it said before, so that the ladder can go on where it was when the ticket is unassigned (`resume`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.hours import Hours
from core.model import Notification, Priority, Rung
from core.rungs import hold, moved, pairs, when

Entry = dict[str, Any]
Ladder = Sequence[Mapping[str, Any]]

TEAM = "team"
ESCALATED = "escalated"  # the template of the first notice
DAILY = timedelta(days=1)
REPEAT = timedelta(hours=4)  # between two repetitions of a last rung that names no time
STEEPEST = 5  # doublings after which a repetition is daily, whatever it began with
# how long before a promise breaks it is announced, at most a quarter of the promise
WARNING = timedelta(minutes=15)
# the least and the most time a claimer has, however late it is
GRACE = (timedelta(minutes=15), timedelta(hours=1))
CALLS = frozenset({"unclaimed", "forgotten"})  # templates of rungs
ALARMING = frozenset({Priority.URGENT, Priority.HIGH})
FACTS = ("subject", "url", "customer_name", "intent", "confidence", "queue", "state", "reason", "claimed_by")


def ladder_for(
    rungs: Sequence[Rung], *, waiting_since: datetime, promise_at: datetime, priority: Priority, hours: Hours
) -> list[Entry]:
    """Return the snapshot for one escalation: a notice at once, one per rung, and one before the promise breaks."""
    told = [_entry(waiting_since, TEAM, ESCALATED)]
    for rung, following in pairs(rungs):
        times = when(rung, following, waiting_since, priority, hours)
        spoken = [_spoken(at, rung.notify, rung.business) for at in times]
        if following is None:
            spoken[-1] |= {"again": _repetition(rung, spoken[0]["at"])}
        told += spoken
    told += _before_it_breaks(rungs, told, waiting_since, promise_at, priority, hours)
    return _numbered(told)


def prolonged(
    ladder: Ladder, rung: int, now: datetime, hours: Hours, *, priority: Priority, held: bool
) -> list[Entry]:
    """Return the ladder with the next repetition of its last rung, once no rung is left; `held`: somebody has the
    ticket, and has not answered. The step is the rung's on the first day, twice that on the second, and so on up to
    once a day."""
    done, left = [dict(entry) for entry in ladder[:rung]], [dict(entry) for entry in ladder[rung:]]
    if any(entry["template"] in CALLS for entry in left):
        return [*done, *left]
    last = _last_call(ladder)
    again = (last or {}).get("again") or _repetition(
        Rung(REPEAT, TEAM, business=priority not in ALARMING), last["at"] if last else now.isoformat()
    )
    at = _at(last) if last else now
    while at <= now:
        at = hold(_again_at(at, again, hours), again["quiet"], priority, hours)
    entry = _spoken(at, last["notify"] if last else _first(ladder), again["business"]) | {"again": again}
    return _numbered([*left, _waiting(entry, at, at, hours) if held else entry], done)


def for_audience(ladder: Ladder, audience: str) -> list[Entry]:
    """Return the same ladder with another audience in place of the team."""
    return [dict(entry) | ({"notify": audience} if entry["notify"] == TEAM else {}) for entry in ladder]


def due(row: Mapping[str, Any], now: datetime) -> list[Entry]:
    """Return the entries that are due. Several at once (after an outage, or when the wait is found late) become
    the highest, which names the others under "collapsed"; a team that was never notified is notified, too."""
    passed = [entry for entry in _left(row) if _at(entry) <= now]
    spoken = [entry for entry in passed if entry["template"]]
    if not spoken:
        return []
    highest = dict(spoken[-1]) | {"collapsed": [entry["rung"] for entry in spoken[:-1]]}
    untold = spoken[0]["template"] == ESCALATED and spoken[0]["notify"] != highest["notify"]
    return [dict(spoken[0]), highest] if untold else [highest]


def advanced(row: Mapping[str, Any], now: datetime) -> tuple[int, datetime | None]:
    """Return how many entries are done once all that are due now were sent, and when the next one is due."""
    rung = int(row["rung"]) + sum(1 for entry in _left(row) if _at(entry) <= now)
    return rung, next_due(row["ladder"] or [], rung)


def next_due(ladder: Ladder, rung: int) -> datetime | None:
    """Return when the next entry is due, if there is one left."""
    return _at(ladder[rung]) if rung < len(ladder) else None


def after_claim(
    ladder: Ladder,
    rung: int,
    *,
    waiting_since: datetime,
    promise_at: datetime,
    claimed_at: datetime,
    hours: Hours,
    idle_at: datetime | None = None,
) -> list[Entry]:
    """Return the ladder after a claim: the entries that are left wait until the promise is broken, then go on
    in their own steps. A claimer always has some time, even when the promise is broken already. `idle_at`: the
    ticket was assigned and is untouched; the entries wait until then, not for the promise."""
    shortest, longest = GRACE
    until = promise_at if idle_at is None else idle_at
    grace = min(max(until - waiting_since, shortest), longest)
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    start = max(until, claimed_at + grace)
    steps = [entry for entry in left if entry["template"] == "unclaimed"]
    first = max(start, _at(steps[0])) if steps else start
    waiting = [_waiting(entry, first, _at(steps[0]) if steps else first, hours) for entry in left]
    if not steps:
        waiting.append(_entry(first, _highest(ladder), "forgotten") | {"was": None})
    return _numbered(waiting, done)


def after_seen(ladder: Ladder, rung: int) -> list[Entry]:
    """Return the ladder after a person saw the ticket who cannot take it: the next "unclaimed" entry is left out. The last
    one is postponed by a step instead, so that reminders go on while the ticket is unclaimed."""
    done, left = [dict(entry) for entry in ladder[:rung]], [dict(entry) for entry in ladder[rung:]]
    steps = [entry for entry in left if entry["template"] == "unclaimed"]
    if not steps:
        return _numbered(left, done)
    left.remove(steps[0])
    if not steps[1:]:
        before = max((_at(entry) for entry in ladder if _at(entry) < _at(steps[0])), default=_at(steps[0]))
        later = _at(steps[0]) + max(_at(steps[0]) - before, WARNING)
        left.append(steps[0] | _entry(later, steps[0]["notify"], "unclaimed"))
    return _numbered(left, done)


def half_of(waiting_since: datetime, promise_at: datetime, priority: Priority, hours: Hours) -> datetime:
    """Return when half of the promise has passed, in the time in which it was given."""
    if priority is Priority.URGENT:
        return waiting_since + max(promise_at - waiting_since, timedelta(0)) / 2
    return hours.add(waiting_since, hours.between(waiting_since, promise_at) / 2)


def resume(ladder: Ladder, rung: int, now: datetime) -> list[Entry]:
    """Return the ladder of a ticket that was unassigned: as it was; at its end the team is notified once more."""
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    return _numbered(left or [_entry(now, _first(ladder), "resumed")], done)


def returned(ladder: Ladder, rung: int, now: datetime) -> list[Entry]:
    """Return the ladder of a ticket that came back: the team is notified at once, then the ladder goes on."""
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    ahead = [entry for entry in left if _at(entry) > now]
    return _numbered([_entry(now, _first(ladder), "resumed"), *ahead], done)


def notices_for(row: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> tuple[Notification, ...]:
    """Return the due entries of one ticket as notices; the key names ticket, escalation and rung."""
    since = row["escalated_at"] or row["waiting_since"]
    stem = f"{row['desk']}:{row['ticket_id']}:{since:%Y%m%dT%H%M%S}"
    facts = {name: row[name] for name in FACTS if row.get(name)} | {
        name: row[name].isoformat() for name in ("waiting_since", "promise_at", "claimed_at") if row.get(name)
    }
    return tuple(
        Notification(
            key=f"{stem}:{entry['rung']}",
            audience=entry["notify"],
            priority=Priority(row["priority"] or Priority.NORMAL),
            template=entry["template"],
            facts=facts | {"rung": entry["rung"], "collapsed": entry.get("collapsed", [])},
            desk=row["desk"],
            ticket_id=row["ticket_id"],
        )
        for entry in entries
    )


# --- how it is computed ---------------------------------------------------------------------


def _entry(at: datetime, notify: str, template: str) -> Entry:
    return {"at": at.astimezone(UTC).isoformat(), "notify": notify, "template": template}


def _at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


def _numbered(entries: Iterable[Entry], done: Sequence[Entry] = ()) -> list[Entry]:
    """Return the entries numbered, earliest first, after those that are done; of two equal ones at one time, one."""
    seen: dict[tuple[str, str, str], Entry] = {}
    for entry in sorted(entries, key=lambda e: e["at"]):
        place = (entry["at"], entry["notify"], entry["template"])
        seen.setdefault(place if entry["template"] else (*place[:2], str(len(seen))), entry)
    return [dict(entry) | {"rung": number} for number, entry in enumerate([*done, *seen.values()])]


def _spoken(at: datetime, notify: str, business: bool) -> Entry:
    return _entry(at, notify, "unclaimed") | ({"business": True} if business else {})


def _repetition(rung: Rung, since: str) -> Entry:
    """Return what the last rung's entry keeps, so that it can be repeated as it was configured then."""
    every = int((rung.every or REPEAT).total_seconds())
    return {"every": every, "business": rung.business, "quiet": rung.quiet, "since": since}


def _again_at(at: datetime, again: Mapping[str, Any], hours: Hours) -> datetime:
    every = timedelta(seconds=again["every"])
    days = max((at - datetime.fromisoformat(again["since"])) // DAILY, 0)
    step = min(every * 2 ** min(days, STEEPEST), max(every, DAILY))
    later = moved(at, step, hours, business=again["business"])
    return later if step >= DAILY else min(later, moved(at, DAILY, hours, business=again["business"]))


def _last_call(ladder: Ladder) -> Entry | None:
    """Return the rung that was sent last, as it was configured; one that repeats, if there is any."""
    said = [dict(entry.get("was") or entry) for entry in ladder]
    calls = [entry for entry in said if entry["template"] in CALLS] or said
    return next((entry for entry in reversed(calls) if "again" in entry), calls[-1] if calls else None)


def _before_it_breaks(
    rungs: Sequence[Rung],
    told: Sequence[Entry],
    since: datetime,
    promise_at: datetime,
    priority: Priority,
    hours: Hours,
) -> list[Entry]:
    """Return the audience one step above those notified by then; none when a rung is due close to that time anyway."""
    urgent = priority is Priority.URGENT
    length = promise_at - since if urgent else hours.between(since, promise_at)
    warning = min(length / 4, WARNING)
    at = promise_at - warning if urgent else hours.back(promise_at, warning)
    later = [entry for entry in told[1:] if _at(entry) > at]
    if at <= since or any(at - warning < _at(entry) <= promise_at for entry in told[1:]):
        return []
    up = min(later, key=_at)["notify"] if later else rungs[-1].notify if rungs else TEAM
    return [_entry(at, up, "promise_breaking")]


def _left(row: Mapping[str, Any]) -> Ladder:
    return (row["ladder"] or [])[int(row["rung"]) :]


def _first(ladder: Ladder) -> str:
    """Return the audience of the first notice: the team, or the one that replaces it."""
    return str(next((entry["notify"] for entry in ladder if entry["template"] == ESCALATED), TEAM))


def _highest(ladder: Ladder) -> str:
    spoken = [entry["notify"] for entry in ladder if entry["template"] == "unclaimed"]
    return str(spoken[-1]) if spoken else TEAM


def _waiting(entry: Entry, first: datetime, step: datetime, hours: Hours) -> Entry:
    """Return an entry while somebody holds the ticket. Those that no longer apply keep their place, without a template."""
    if entry["template"] == "unclaimed":
        at = first + (_at(entry) - step)
        at = hours.add(at, timedelta(0)) if entry.get("business") else at
        return _entry(at, entry["notify"], "forgotten") | {"was": entry}
    return _entry(first, "", "") | {"was": entry}


def _restored(left: Ladder) -> list[Entry]:
    return [
        dict(entry["was"]) if "was" in entry else dict(entry)
        for entry in left
        if entry.get("was", True) is not None
    ]
