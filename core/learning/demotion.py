"""Demotion: an intent whose automatic answers turn out wrong is no longer answered automatically, until a person promotes it.

The rules are not changed: demotions are stored beside them, and every process reads them before it decides.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from core.classify.thresholds import CONFIDENCE, TARGET, lower_bound, rows_needed
from core.demoted import DEMOTED, honour
from core.learning.labelled_tickets import JudgedRow, asked_again, truth_of
from core.ledger import db
from core.ledger.rows import every
from core.ledger.schema import changes, labels, tickets
from core.notifications.alerts import alarm

if TYPE_CHECKING:
    from core.app import App

log = logging.getLogger(__name__)

PROMOTED = "promoted"


@dataclass(frozen=True)
class Evidence:
    """How many of an intent's automatic answers have a known result, and how many were right."""

    intent: str
    n: int
    right: int

    @property
    def bound(self) -> float:
        """The lower bound of the share of right ones (exact, one-sided)."""
        return lower_bound(self.right, self.n)

    @property
    def fails(self) -> bool:
        """Whether there are enough answers with too few right ones, or so many wrong ones that few answers rule the target out."""
        wrong = self.n - self.right
        ruled_out = 1 - lower_bound(wrong, self.n) < TARGET if self.n else False
        return ruled_out or (self.n >= rows_needed() and self.right / self.n < TARGET)

    def __str__(self) -> str:

        sure = f"at least {self.bound:.1%} with {CONFIDENCE:.0%} confidence"
        return f"{self.right} of {self.n} automatic answers were right ({sure}), {TARGET:.0%} is asked for"


def _kept(conn: Connection, name: str) -> dict[str, Any]:
    return dict(db.kept(conn, name) or {})


def review(app: App, now: datetime) -> list[Evidence]:
    """Demote the intents that the evidence no longer supports; return those demoted now. People are notified once."""
    answering = {
        rule.name
        for rules in app.rules.values()
        for rule in rules.intents.values()
        if rule.reply or rule.action
    }
    with app.engine.begin() as conn:
        found = [one for one in evidence(conn, now) if one.fails and one.intent in answering]
        kept = _kept(conn, DEMOTED)
        new = [one for one in found if one.intent not in kept]
        if new:
            kept |= {one.intent: {"at": now.isoformat(), "why": str(one)} for one in new}
            db.keep(conn, DEMOTED, kept)
            _record(conn, now, "Backstop", ((one.intent, "act", "suggest") for one in new))
    for one in new:
        remedy = (
            f"better its examples or raise its threshold, then `backstop thresholds --promote {one.intent}`"
        )
        what = f"{one.intent} is no longer answered automatically: {one}. {remedy}"
        log.warning("%s", what)
        alarm(app, f"demoted:{one.intent}:{now:%Y-%m-%d}", "", "", what, now)
    honour(app)
    return new


def evidence(conn: Connection, now: datetime) -> list[Evidence]:
    """Return per intent, the automatic answers since the last promotion whose end is known."""
    since = {name: datetime.fromisoformat(at) for name, at in _kept(conn, PROMOTED).items()}
    same = (labels.c.desk == tickets.c.desk) & (labels.c.ticket_id == tickets.c.ticket_id)
    query = select(*JudgedRow.columns()).select_from(tickets.outerjoin(labels, same))
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    again = asked_again(conn, now)
    for row in every(JudgedRow, conn.execute(query.where(tickets.c.auto_resolved_at.is_not(None)))):
        truth, _ = truth_of(row, now, again)
        answered = row.auto_resolved_at
        if truth and answered and (row.intent not in since or answered > since[row.intent]):
            counted[row.intent][0] += 1
            counted[row.intent][1] += truth == row.intent
    return [Evidence(intent, n, right) for intent, (n, right) in sorted(counted.items())]


def promote(engine: Engine, intent: str, now: datetime, by: str = "command line") -> bool:
    """Let an intent answer again and start its count anew; return False when it was not demoted."""
    with engine.begin() as conn:
        kept, promoted = _kept(conn, DEMOTED), _kept(conn, PROMOTED)
        if kept.pop(intent, None) is None:
            return False
        db.keep(conn, DEMOTED, kept)
        value: Mapping[str, str] = promoted | {intent: now.isoformat()}
        db.keep(conn, PROMOTED, value)
        _record(conn, now, by, [(intent, "suggest", "act")])
    return True


def _record(conn: Connection, now: datetime, who: str, what: Iterable[tuple[str, str, str]]) -> None:
    for intent, old, new in what:
        row = {"at": now, "who": who, "what": f"intent {intent}", "old": old, "new": new}
        conn.execute(changes.insert().values(**row))
