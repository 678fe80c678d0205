"""Is the classifier right? What people finally said against what was predicted, and other thresholds replayed."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, insert, select, update

from core.classify.whatif import Handling, Past, outcome_of, replay
from core.learning.labelled_tickets import PROVEN
from core.ledger.db import kept
from core.ledger.schema import decisions, labels, tickets
from core.model import IntentRule, Outcome, Rules
from core.reports.figures import Share
from core.reports.intervals import wilson
from core.web.queries import TEXT

NEWEST = 3000  # enough for narrow intervals, few enough for a fast page
BINS = 10
STEPS = 24
LEAST = 20
LOOK_BACK = timedelta(days=90)
ANSWERED = (Outcome.AUTO_RESOLVED, Outcome.REESCALATED)


@dataclass(frozen=True)
class Seen:
    """One ticket's prediction, and what people finally said it was ("" = nobody said)."""

    intent: str
    confidence: float
    truth: str
    outcome: str
    at: datetime

    @property
    def right(self) -> bool | None:
        """Whether the prediction held; None where nobody said."""
        return None if not self.truth else self.truth == self.intent


def seen(connection: Connection, now: datetime) -> list[Seen]:
    """The newest decided tickets. A person's check outweighs a field that nobody may have looked at."""
    checked = and_(labels.c.desk == tickets.c.desk, labels.c.ticket_id == tickets.c.ticket_id)
    query = (
        select(
            tickets.c.intent,
            tickets.c.confidence,
            func.coalesce(labels.c.intent, tickets.c.final_intent),
            tickets.c.outcome,
            tickets.c.first_seen_at,
        )
        .select_from(tickets.outerjoin(labels, checked))
        .where(tickets.c.first_seen_at > now - LOOK_BACK)
        .order_by(tickets.c.first_seen_at.desc())
        .limit(NEWEST)
    )
    rows = connection.execute(query).all()
    return [
        Seen(intent, confidence or 0.0, truth or "", outcome, at)
        for intent, confidence, truth, outcome, at in rows
        if intent
    ]


def reliability(rows: Sequence[Seen]) -> list[tuple[float, Share]]:
    """Per tenth of confidence: the mean confidence said, and how often it was right."""
    bins: dict[int, list[Seen]] = {}
    for row in rows:
        if row.right is not None:
            bins.setdefault(min(BINS - 1, int(row.confidence * BINS)), []).append(row)
    return [
        (
            sum(one.confidence for one in inside) / len(inside),
            share(f"{place * 10}–{place * 10 + 10} %", inside),
        )
        for place, inside in sorted(bins.items())
    ]


def share(name: str, rows: Sequence[Seen]) -> Share:
    """How many of the labelled rows were predicted right."""
    known = [row.right for row in rows if row.right is not None]
    return Share(name, sum(known), len(known), *wilson(sum(known), len(known)))


def curve(rows: Sequence[Seen]) -> list[tuple[float, float, Share]]:
    """Per threshold: the share of tickets at or above it, and how many of those were right."""
    ordered = sorted(rows, key=lambda row: row.confidence)
    confidences = [row.confidence for row in ordered]
    known = list(accumulate((row.right is not None for row in ordered), initial=0))
    right = list(accumulate((row.right is True for row in ordered), initial=0))
    points = []
    for step in range(STEPS + 1):
        threshold = round(0.4 + 0.6 * step / STEPS, 4)
        first = bisect_left(confidences, threshold)
        k, n = right[-1] - right[first], known[-1] - known[first]
        covered = (len(rows) - first) / len(rows) if rows else 0.0
        points.append((threshold, covered, Share(f"{threshold:.2f}", k, n, *wilson(k, n))))
    return points


def handling(rules: Mapping[str, Rules], rows: Sequence[Seen], timezone: str) -> Handling:
    """What a replay must know of the rules; intents answered in the past count as answerable."""
    ruled = [(one, intent) for one in rules.values() for intent in one.intents.values()]
    answered = {
        intent.name
        for one, intent in ruled
        if (intent.reply or intent.action) and intent.name not in one.never_automatic
    }
    return Handling(
        answerable=answered | {row.intent for row in rows if row.outcome in ANSWERED},
        priorities={intent.name: intent.priority for _, intent in ruled},
        queues={intent.name: intent.queue or one.general_queue for one, intent in ruled},
        own_auto={intent.name: intent.auto for _, intent in ruled if intent.auto is not None},
        timezone=timezone,
    )


@dataclass(frozen=True)
class Replay:
    """What thresholds would have made of the same tickets, and how right the answers would have been."""

    auto: float
    route: float
    counts: Mapping[str, int]
    precision: Share
    wrong_queue: Mapping[str, Share]  # of the tickets sent there, those whose intent belongs to another queue


def replayed(rows: Sequence[Seen], auto: float, route: float, how: Handling) -> Replay:
    """The same tickets through other thresholds; writes nothing."""
    past = [Past(row.at, row.intent, row.confidence, row.truth) for row in rows]
    counts = replay(past, auto, route, how)
    came = [(row, outcome_of(one, auto, route, how)) for row, one in zip(rows, past, strict=True)]
    answered = [row for row, outcome in came if outcome == "answered"]
    routed = [row for row, outcome in came if outcome == "routed" and row.truth]
    return Replay(auto, route, counts, share("answered", answered), _wrong_queue(routed, how.queues))


def _wrong_queue(routed: Sequence[Seen], queues: Mapping[str, str]) -> dict[str, Share]:
    """Where people finally moved a ticket is not kept; what they said it was about is, and that has its queue."""
    sent: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in routed:
        if (queue := queues.get(row.intent)) and (right := queues.get(row.truth)):
            sent[queue] += 1
            wrong[queue] += right != queue
    return {name: Share(name, wrong[name], n, *wilson(wrong[name], n)) for name, n in sent.most_common()}


def proven(connection: Connection) -> dict[str, Any]:
    """What was last worked out: date, overall, and by intent name; {} when it never was."""
    found = kept(connection, PROVEN) or {}
    return dict(found) | {"by": {one["intent"]: one for one in found.get("intents", ())}} if found else {}


@dataclass(frozen=True)
class IntentLine:
    """One intent: how often, how right, how it is handled."""

    name: str
    number: int
    automatic: int
    precision: Share
    mode: str
    threshold: float | None
    enough: bool


def by_intent(rows: Sequence[Seen], rules: Mapping[str, Rules]) -> list[IntentLine]:
    """Per intent: the evidence for what it is allowed to do."""
    ruled: dict[str, IntentRule] = {
        name: rule for one in rules.values() for name, rule in one.intents.items()
    }
    lines = []
    for name, number in Counter(row.intent for row in rows).most_common():
        inside = [row for row in rows if row.intent == name]
        automatic = [row for row in inside if row.outcome in ANSWERED]
        precision, rule = share(name, inside), ruled.get(name)
        lines.append(
            IntentLine(
                name,
                number,
                len(automatic),
                precision,
                str(rule.mode) if rule else "–",
                rule.auto if rule else None,
                precision.n >= LEAST,
            )
        )
    return lines


def sample(connection: Connection, size: int = 5) -> Sequence[RowMapping]:
    """Automatic answers put before a human, with what the customer said; oldest first."""
    shown = [
        tickets.c[name] for name in ("desk", "ticket_id", "intent", "confidence", "first_seen_at", "url")
    ]
    own = and_(decisions.c.desk == tickets.c.desk, decisions.c.ticket_id == tickets.c.ticket_id)
    words = select(func.substr(decisions.c.words, 1, TEXT)).where(own).order_by(decisions.c.at).limit(1)
    query = select(
        *shown,
        words.scalar_subquery().label("words"),
        func.substr(tickets.c.subject, 1, 200).label("subject"),
    )
    pending = tickets.c.check_verdict == "pending"
    return (
        connection.execute(query.where(pending).order_by(tickets.c.first_seen_at).limit(size))
        .mappings()
        .all()
    )


def checks(connection: Connection) -> Share:
    """Of the sample that people have looked at: how many answers were right."""
    query = select(tickets.c.check_verdict, func.count()).where(
        tickets.c.check_verdict.in_(["right", "wrong"])
    )
    found = dict.fromkeys(("right", "wrong"), 0)
    for verdict, number in connection.execute(query.group_by(tickets.c.check_verdict)):
        found[verdict] = number
    total = found["right"] + found["wrong"]
    return Share("checked", found["right"], total, *wilson(found["right"], total))


def settle_check(
    connection: Connection, desk: str, ticket_id: str, *, right: bool, intent: str, now: datetime
) -> str | None:
    """A person's verdict on one automatic answer, kept as a label; the verdict before, None without such a ticket."""
    own = and_(tickets.c.desk == desk, tickets.c.ticket_id == ticket_id)
    row = connection.execute(select(tickets.c.check_verdict, tickets.c.intent).where(own)).first()
    if row is None or not row.check_verdict:
        return None
    truth = row.intent if right else intent
    connection.execute(update(tickets).where(own).values(check_verdict="right" if right else "wrong"))
    if truth:
        _label(connection, desk, ticket_id, truth, now)
    return str(row.check_verdict)


def _label(connection: Connection, desk: str, ticket_id: str, truth: str, now: datetime) -> None:
    own = and_(labels.c.desk == desk, labels.c.ticket_id == ticket_id)
    facts: dict[str, Any] = {"intent": truth, "source": "check", "at": now}
    if not connection.execute(update(labels).where(own).values(**facts)).rowcount:
        connection.execute(insert(labels), {"desk": desk, "ticket_id": ticket_id, **facts})
