"""What the desk's own tickets suggest: intents with counts and examples, a group for each. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from core.admin.setup.clusters import clusters
from core.classify.starter import starter
from core.model import NO_INTENT, Outcome, Priority
from core.pipeline.replay import Replayed

EXAMPLES, ENOUGH, ALIKE = 3, 3, 0.8
OWN = "Similar tickets of yours, named after their most frequent words."
HINTS = {
    "billing_dispute": "billing payments finance accounting chargebacks rechnungen",
    "refund_request": "refunds billing payments finance returns",
    "payment_problem": "payments billing finance checkout",
    "invoice_request": "invoices billing accounting rechnungen finance",
    "pricing_question": "sales pricing quotes",
    "product_question": "sales presales products",
    "order_status": "orders shipping logistics delivery fulfilment bestellungen",
    "order_change": "orders fulfilment logistics",
    "return_exchange": "returns orders logistics warehouse",
    "damaged_or_wrong_item": "returns orders quality warehouse",
    "cancellation": "retention accounts billing",
    "login_problem": "accounts access technical it",
    "account_change": "accounts",
    "account_compromise": "security fraud trust accounts",
    "critical_bug": "technical engineering incidents tech",
    "bug_report": "technical engineering tech bugs",
    "how_to": "technical helpdesk tech",
    "feature_request": "product feedback",
    "complaint": "escalations complaints customer care",
    "human_request": "escalations care",
}
"""Intent → words that the groups who take it are often named by."""


@dataclass(frozen=True)
class Proposal:
    """One intent as the tickets show it. `why`: what the group was chosen by."""

    name: str
    description: str
    count: int
    priority: str
    queue: str
    why: str
    examples: tuple[str, ...]
    lines: tuple[str, ...] = ()  # of one found in the tickets themselves: what it would be recognised by

    def as_json(self) -> dict[str, Any]:
        """Return it as the state keeps it."""
        return asdict(self)


def proposals(
    rows: Iterable[Replayed], words: Mapping[str, str], queues: Sequence[str], route: float
) -> list[Proposal]:
    """Return the starter's intents that were found, the most frequent first. `words`: ticket → what its customer
    wrote."""
    by: dict[str, list[Replayed]] = {}
    for row in rows:
        if row.intent != NO_INTENT and row.confidence >= route:
            by.setdefault(row.intent, []).append(row)
    known = {one.name: one for one in starter().intents}
    found = []
    for name, ones in sorted(by.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        if name in known:
            queue, why = queue_for(name, ones, queues)
            sure = sorted(ones, key=lambda row: -row.confidence)
            examples = tuple(words[row.ticket_id] for row in sure if words.get(row.ticket_id))[:EXAMPLES]
            about = known[name]
            found.append(Proposal(name, about.description, len(ones), about.priority, queue, why, examples))
    return found


def found_here(
    rows: Iterable[Replayed], words: Mapping[str, str], queues: Sequence[str], route: float
) -> list[Proposal]:
    """Wishes that many tickets share and no starter intent takes. What needs no answer, as automatic mail, is left out."""
    open_ones = {
        row.ticket_id: row
        for row in rows
        if row.outcome != Outcome.LEFT_ALONE and (row.intent == NO_INTENT or row.confidence < route)
    }
    texts = {ticket: words[ticket] for ticket in open_ones if words.get(ticket)}
    found = []
    rest = [said for ticket, said in words.items() if ticket not in texts]
    for one in clusters(texts, rest, (about.name for about in starter().intents)):
        queue, why = queue_for(one.name, [open_ones[ticket] for ticket in one.tickets], queues)
        sample = one.lines[:EXAMPLES]
        found.append(
            Proposal(one.name, OWN, len(one.tickets), Priority.NORMAL, queue, why, sample, one.lines)
        )
    return found


def queue_for(intent: str, rows: Iterable[Replayed], queues: Sequence[str]) -> tuple[str, str]:
    """Return a group for an intent, and why: where people left such tickets, else the one with the nearest name, else
    none."""
    spelt = {name.casefold(): name for name in queues}
    ended = [{spelt[q.casefold()] for q in row.final_queue if q.casefold() in spelt} for row in rows]
    votes = Counter(name for names in ended for name in names)
    judged = sum(bool(names) for names in ended)
    if votes:
        best, number = votes.most_common(1)[0]
        if number >= ENOUGH and number * 2 > judged:
            return best, f"your team put {number} of {judged} there"
    name = nearest(intent, queues)
    return (name, "by its name") if name else ("", "")


def nearest(intent: str, queues: Sequence[str]) -> str:
    """Return the group whose name is most like the intent's words, "" when none is."""
    wanted = [*intent.split("_"), *HINTS.get(intent, "").split()]
    best, score = "", 0.0
    for queue in queues:
        parts = re.findall(r"\w{3,}", queue.casefold())
        for rank, word in enumerate(wanted):
            like = (
                max((SequenceMatcher(None, word, part).ratio() for part in parts), default=0.0) - rank / 1000
            )
            if like > score and like >= ALIKE - rank / 1000:
                best, score = queue, like
    return best
