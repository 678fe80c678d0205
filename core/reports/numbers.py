"""Words for numbers: how the report says shares, times and intervals."""

from __future__ import annotations

from datetime import timedelta
from math import isinf
from typing import Any

from core.promises import short
from core.reports.figures import Figure, Point, Promises


def percent(share: float | None) -> str:
    """`26.3 %`, a dash where there is nothing."""
    return "–" if share is None else f"{100 * share:.1f} %"


def span(seconds: float | None) -> str:
    """`1 h 05 min`; more than can be said while people still wait."""
    if seconds is None:
        return "–"
    if isinf(seconds):
        return "still waiting"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def amount(value: float | None, unit: str) -> str:
    """Return a figure's value in its unit."""
    return percent(value) if unit == "share" else span(value)


def interval(point: Point, unit: str) -> str:
    """`95 %: 22.1 % to 30.8 %`, or why there is none."""
    if point.n == 0:
        return "nothing to count"
    if isinf(point.low):
        return "more than half still wait"
    if point.high is None:
        return f"95 %: from {amount(point.low, unit)}, upper end open"
    return f"95 %: {amount(point.low, unit)} to {amount(point.high, unit)}"


def kept_share(promises: Promises) -> str:
    """`; 94.1 % kept (95 %: 90.2 % to 96.5 %)`, nothing while all are open."""
    if promises.share is None:
        return ""
    return f"; {percent(promises.share)} kept (95 %: {percent(promises.low)} to {percent(promises.high)})"


def counted(figure: Figure) -> str:
    """`41 of 160`, in words that say what they are."""
    words = "" if figure.unit == "share" else " within the hour"
    return f"{figure.now.k} of {figure.now.n}{words}"


def promise_span(seconds: float) -> str:
    """`1h 30m`, `2d`: a promise as the configuration writes it; a day is a business day."""
    return short(timedelta(seconds=seconds))


def words() -> dict[str, Any]:
    """Return what templates call to say numbers."""
    return {
        "percent": percent,
        "span": span,
        "amount": amount,
        "interval": interval,
        "counted": counted,
        "kept_share": kept_share,
        "promise_span": promise_span,
    }
