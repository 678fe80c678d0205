"""What the figures mean: verdicts and advice, only as far as the interval supports them, and the definitions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.reports.figures import Figure, Point, Verdict

HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What turns or hides text, or drives a terminal."""
NAME = 120  # letters of a name

ESCALATION = (0.20, 0.30)  # the target
RULES_NEEDED, THRESHOLDS_LOW = 0.40, 0.15
AGAIN = 0.05


def plain(name: str) -> str:
    """Return a name that came from outside (a classifier's intent), as one line of ordinary length that hides
    nothing."""
    line = " ".join(HIDDEN.sub("", name).split())
    return line if len(line) <= NAME else f"{line[:NAME]}…"


def judge_escalation(now: Point, trend: Sequence[Point], routed: list[str]) -> Figure:
    """Return share of handled tickets that needed a human: 20 to 30 % is the target."""
    low, high = now.low, now.high if now.high is not None else 1.0
    advice = ""
    if low > RULES_NEEDED:
        names = f" Most handed over: {', '.join(routed)}." if routed else ""
        advice = f"More auto-response rules are needed: the share is above 40 % with 95 % confidence.{names}"
    elif high < THRESHOLDS_LOW:
        advice = "The thresholds may be too low: the share is under 15 % with 95 % confidence. Check the sample on the Quality page."
    verdict = (
        Verdict.ABOVE
        if low > ESCALATION[1]
        else Verdict.BELOW
        if high < ESCALATION[0]
        else Verdict.MET
        if low >= ESCALATION[0] and high <= ESCALATION[1]
        else Verdict.UNCLEAR
    )
    meanings = {
        Verdict.MET: "Between 20 and 30 %, as intended.",
        Verdict.ABOVE: "More tickets than intended need a human.",
        Verdict.BELOW: "Fewer tickets than intended reach a human.",
        Verdict.UNCLEAR: _unclear(now, "20 to 30 %"),
    }
    return Figure(
        "escalation_rate",
        "Escalation rate",
        "share",
        now,
        "20–30 %",
        *ESCALATION,
        verdict,
        meanings[verdict],
        advice,
        0,
        tuple(trend),
    )


def judge_response(now: Point, trend: Sequence[Point], target: float) -> Figure:
    """Median business time from the customer's wait to the first human: under one hour is the target."""
    advice = ""
    if now.high is not None and now.high < target:
        verdict, meaning = (Verdict.MET, "At least half of the escalations reach a human within the hour.")
    elif now.n and now.low > target:
        verdict, meaning = Verdict.ABOVE, "Escalations wait longer than an hour of business time."
        advice = "Look at the hours and desks below: too few people on duty, or notices that nobody sees."
    else:
        verdict, meaning = Verdict.UNCLEAR, _unclear(now, "one hour")
    return Figure(
        "escalation_response",
        "Escalation response time",
        "seconds",
        now,
        "under 1 h",
        0.0,
        target,
        verdict,
        meaning,
        advice,
        0,
        tuple(trend),
    )


def judge_reescalation(now: Point, trend: Sequence[Point], pending: int, worst: list[str]) -> Figure:
    """Return share of automatic answers after which the customer came back: under 5 % is the target."""
    advice = ""
    high = now.high if now.high is not None else 1.0
    if now.n and now.low > AGAIN:
        verdict, meaning = Verdict.ABOVE, "Too many automatic answers do not help."
        names = f" for {', '.join(worst)}" if worst else ""
        advice = f"Raise the automatic threshold{names}, or write a better answer."
    elif pending:
        verdict = Verdict.PENDING
        meaning = f"{pending} of {now.n} answers are not seven days old yet; the share can only rise."
    elif now.n and high < AGAIN:
        verdict, meaning = Verdict.MET, "Automatic answers resolve the ticket."
    else:
        verdict, meaning = Verdict.UNCLEAR, _unclear(now, "5 %")
    return Figure(
        "reescalation_rate",
        "Re-escalation rate",
        "share",
        now,
        "under 5 %",
        0.0,
        AGAIN,
        verdict,
        meaning,
        advice,
        pending,
        tuple(trend),
    )


def _unclear(now: Point, limit: str) -> str:
    if now.n == 0:
        return "Nothing to count this week."
    return f"With {now.n} counted, the interval includes the limit of {limit}."


DEFINITIONS = (
    (
        "Week",
        "Monday to Sunday on the calendar of the configured time zone. A ticket belongs to the week in which it was first seen; an escalation or an automatic answer to the week in which it happened.",
    ),
    (
        "Handled",
        "Tickets about which something was decided. Those that needed no action (machine mail, staff, already answered) are not among them.",
    ),
    (
        "Escalation rate",
        "Handled tickets for which a human was asked, a later re-escalation included, of all handled. Target 20–30 %; above 40 %: more auto-response rules are needed; below 15 %: the thresholds may be too low.",
    ),
    (
        "Escalation response time",
        "Business time from the start of the customer's wait to the first human assignee or first human public reply; the median. Unclaimed for more than an hour counts as longer than any other; unclaimed for less, or closed before anybody came, is left out. Target under 1 hour.",
    ),
    (
        "Re-escalation rate",
        "Automatic answers after which the same customer (same customer id, or same address) came back within 7 days, on the same ticket or with a new one on the same intent, of all automatic answers of the week. Target under 5 %.",
    ),
    (
        "Resolved",
        "An automatic answer whose 7 days have passed without the customer coming back. Until then it is open, not resolved.",
    ),
    (
        "Promise",
        "The time named in the acknowledgment. Kept: a human came, or the ticket was closed, by then.",
    ),
    (
        "Could promise",
        "The shortest time in which a human answered 95 % of a desk's tickets of that priority in the last 90 days, separately for business and other hours. Tickets still waiting count as not answered. Whole days are business days. Shown from 40 cases on.",
    ),
    ("At night", "From 22:00 to 07:00 in the configured time zone."),
    (
        "Interval",
        "95 %: Wilson's for shares, order statistics for the median. A verdict is only shown if the whole interval supports it; otherwise it says “too few to say”.",
    ),
    ("Earlier weeks", "Counted once their quiet period is over, and then kept."),
    (
        "Balance",
        "The desk's own list of tickets against the ledger. Healed: missed by webhooks, found by the comparison and handled then.",
    ),
)
