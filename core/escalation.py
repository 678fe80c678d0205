"""The ladder: what is due on an escalation, to whom, and when again. Pure.

A ladder is a snapshot, taken when a ticket escalates and kept with it as JSON: a list of entries, earliest first,
`{"rung": n, "at": iso, "notify": audience, "template": name}`. How many of them are done is counted beside it. Its clock
is the customer's wait; rungs run by the wall clock, the promise in business hours.

While somebody holds the ticket, the entries that are left wait for the promise (`after_claim`); each keeps under "was"
what it said before, so that the ladder can go on where it stood when the ticket is let go (`resume`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.hours import Hours, read_span
from core.model import Notification, Priority, Rung

Entry = dict[str, Any]
Ladder = Sequence[Mapping[str, Any]]

TEAM = "team"
WARNING = timedelta(minutes=15)  # how long before a promise breaks we say so, or a quarter of it
GRACE = (
    timedelta(minutes=15),
    timedelta(hours=1),
)  # what a claimer gets at least and at most, however late it is
MOST = 60  # entries of one ladder
FACTS = ("subject", "url", "customer_name", "intent", "confidence", "queue", "state", "reason", "claimed_by")


def ladder_for(
    rungs: Sequence[Rung], *, waiting_since: datetime, promise_at: datetime, priority: Priority, hours: Hours
) -> list[Entry]:
    """The snapshot for one escalation: told at once, then rung by rung, and before the promise breaks."""
    told = [_entry(waiting_since, TEAM, "escalated")]
    for rung in rungs:
        times = (waiting_since + rung.after + n * _step(rung) for n in range(rung.repeat + 1))
        told += [_entry(_held(at, rung, priority, hours), rung.notify, "unclaimed") for at in times]
    told += _before_it_breaks(rungs, told, waiting_since, promise_at, priority, hours)
    return _numbered(told)


def check_rungs(rungs: Sequence[Rung]) -> list[str]:
    """What is wrong with a configured ladder, each with its remedy."""
    wrong = []
    for number, rung in enumerate(rungs, 1):
        if rung.after < timedelta(0) or (rung.repeat and _step(rung) <= timedelta(0)):
            wrong.append(f'ladder, rung {number}: after and every must be longer than nothing: write "30m"')
        try:
            opens, closes = read_span(rung.quiet or "00:00-00:00")
        except ValueError as err:
            wrong.append(f"ladder, rung {number}: quiet: {err}")
            continue
        if closes - opens >= 24 * 60:
            wrong.append(f'ladder, rung {number}: quiet all day, so it never speaks: write "22:00-07:00"')
    if sum(rung.repeat + 1 for rung in rungs) > MOST:
        wrong.append(f"ladder: more than {MOST} notices for one ticket: lower repeat")
    return wrong


def due(row: Mapping[str, Any], now: datetime) -> list[Entry]:
    """The entries to speak of now. Several at once (we were down, or the wait is found late) become the highest, which
    names the others under "collapsed"; a team that was never told is told, too."""
    passed = [entry for entry in _left(row) if _at(entry) <= now]
    spoken = [entry for entry in passed if entry["template"]]
    if not spoken:
        return []
    highest = dict(spoken[-1]) | {"collapsed": [entry["rung"] for entry in spoken[:-1]]}
    untold = spoken[0]["template"] == "escalated" and spoken[0]["notify"] != highest["notify"]
    return [dict(spoken[0]), highest] if untold else [highest]


def advanced(row: Mapping[str, Any], now: datetime) -> tuple[int, datetime | None]:
    """How many entries are done once all that is due now has been spoken of, and when the next one is."""
    rung = int(row["rung"]) + sum(1 for entry in _left(row) if _at(entry) <= now)
    return rung, next_due(row["ladder"] or [], rung)


def next_due(ladder: Ladder, rung: int) -> datetime | None:
    """When the next entry is due, if there is one left."""
    return _at(ladder[rung]) if rung < len(ladder) else None


def after_claim(
    ladder: Ladder, rung: int, *, waiting_since: datetime, promise_at: datetime, claimed_at: datetime
) -> list[Entry]:
    """Somebody took the ticket: what is left waits until the promise is broken, then goes on in its own steps.
    A claimer always gets a while, even of a promise that is already broken."""
    shortest, longest = GRACE
    grace = min(max(promise_at - waiting_since, shortest), longest)
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    start = max(promise_at, claimed_at + grace)
    steps = [entry for entry in left if entry["template"] == "unclaimed"]
    first = max(start, _at(steps[0])) if steps else start
    waiting = [_waiting(entry, first, _at(steps[0]) if steps else first) for entry in left]
    if not steps:
        waiting.append(_entry(first, _highest(ladder), "forgotten") | {"was": None})
    return _numbered(waiting, done)


def after_seen(ladder: Ladder, rung: int) -> list[Entry]:
    """Somebody who cannot take the ticket has seen it: the next entry that says it is unclaimed is left out. The last one
    comes a step later instead: while nobody has taken the ticket, somebody is told again."""
    done, left = [dict(entry) for entry in ladder[:rung]], [dict(entry) for entry in ladder[rung:]]
    steps = [entry for entry in left if entry["template"] == "unclaimed"]
    if not steps:
        return _numbered(left, done)
    left.remove(steps[0])
    if not steps[1:]:
        before = max((_at(entry) for entry in ladder if _at(entry) < _at(steps[0])), default=_at(steps[0]))
        later = _at(steps[0]) + max(_at(steps[0]) - before, WARNING)
        left.append(_entry(later, steps[0]["notify"], "unclaimed"))
    return _numbered(left, done)


def resume(ladder: Ladder, rung: int, now: datetime) -> list[Entry]:
    """The ticket was let go: the ladder is what it was. At its end the team hears of it once more."""
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    return _numbered(left or [_entry(now, TEAM, "resumed")], done)


def returned(ladder: Ladder, rung: int, now: datetime) -> list[Entry]:
    """The ticket was out of sight and is back: the team hears of it at once, then the ladder goes on."""
    done, left = [dict(entry) for entry in ladder[:rung]], _restored(ladder[rung:])
    ahead = [entry for entry in left if _at(entry) > now]
    return _numbered([_entry(now, TEAM, "resumed"), *ahead], done)


def notices_for(row: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> tuple[Notification, ...]:
    """The due entries of one ticket as notices; the key names ticket, escalation and rung."""
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


# --- how it is reckoned ---------------------------------------------------------------------


def _entry(at: datetime, notify: str, template: str) -> Entry:
    return {"at": at.astimezone(UTC).isoformat(), "notify": notify, "template": template}


def _at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


def _numbered(entries: Iterable[Entry], done: Sequence[Entry] = ()) -> list[Entry]:
    """Earliest first, after what is done; of two that say the same to the same people at once, one."""
    seen: dict[tuple[str, str, str], Entry] = {}
    for entry in sorted(entries, key=lambda e: e["at"]):
        place = (entry["at"], entry["notify"], entry["template"])
        seen.setdefault(place if entry["template"] else (*place[:2], str(len(seen))), entry)
    return [dict(entry) | {"rung": number} for number, entry in enumerate([*done, *seen.values()])]


def _step(rung: Rung) -> timedelta:
    return rung.every if rung.every is not None else rung.after


def _held(at: datetime, rung: Rung, priority: Priority, hours: Hours) -> datetime:
    """Until the end of the rung's quiet hours; urgent is never held."""
    if not rung.quiet or priority is Priority.URGENT:
        return at
    begins, ends = read_span(rung.quiet)
    local = at.astimezone(hours.zone)
    minute, day = local.hour * 60 + local.minute, local.date()
    if not (begins <= minute < ends if begins <= ends else minute >= begins or minute < ends):
        return at
    day += timedelta(days=1) if ends <= minute else timedelta(0)
    until = datetime(day.year, day.month, day.day, tzinfo=hours.zone) + timedelta(minutes=ends)
    return until.astimezone(UTC)


def _before_it_breaks(
    rungs: Sequence[Rung],
    told: Sequence[Entry],
    since: datetime,
    promise_at: datetime,
    priority: Priority,
    hours: Hours,
) -> list[Entry]:
    """One step higher than has been told by then; nothing when a rung speaks close to it anyway."""
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


def _highest(ladder: Ladder) -> str:
    spoken = [entry["notify"] for entry in ladder if entry["template"] == "unclaimed"]
    return str(spoken[-1]) if spoken else TEAM


def _waiting(entry: Entry, first: datetime, step: datetime) -> Entry:
    """An entry while somebody holds the ticket. Those that make no sense any more keep their place, silent."""
    if entry["template"] == "unclaimed":
        return _entry(first + (_at(entry) - step), entry["notify"], "forgotten") | {"was": entry}
    return _entry(first, "", "") | {"was": entry}


def _restored(left: Ladder) -> list[Entry]:
    return [
        dict(entry["was"]) if "was" in entry else dict(entry)
        for entry in left
        if entry.get("was", True) is not None
    ]
