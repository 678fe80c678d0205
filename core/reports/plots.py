"""The weekly report as one page of plots: PNG for chat, PDF for the file."""

from __future__ import annotations

import io
from math import isinf
from typing import Any

from core.reports.figures import Figure, Share, WeeklyReport
from core.reports.numbers import amount, counted, interval

INK, CALM, WARM, FAINT = "#1d2733", "#2f6f8f", "#b4532a", "#d9e2e8"


def render_png(report: WeeklyReport) -> bytes:
    """Return the plots as PNG, for Slack and other chats."""
    return _draw(report, "png")


def render_pdf(report: WeeklyReport) -> bytes:
    """Return the plots as PDF, for mail and the archive."""
    return _draw(report, "pdf")


def _draw(report: WeeklyReport, kind: str) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    # names come from outside: no mathematical typesetting
    look: Any = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "text.parse_math": False,
    }
    with rc_context(look):
        sheet = Sheet(figsize=(11.7, 8.3), layout="constrained")
        FigureCanvasAgg(sheet)
        mark = "  ·  generated history" if report.generated else ""
        sheet.suptitle(f"Backstop, week {report.week}{mark}", x=0.01, ha="left", fontsize=15, color=INK)
        axes = sheet.subplot_mosaic([["0", "1", "2"], ["intent", "intent", "hour"]])
        for place, figure in enumerate(report.figures):
            _trend(axes[str(place)], figure)
        _bars(axes["intent"], report.by_intent[:12], "Escalated, by intent")
        _hours(axes["hour"], report.by_hour)
        out = io.BytesIO()
        # no dates inside: the same week makes the same file
        sheet.savefig(out, format=kind, dpi=110, metadata={"CreationDate": None} if kind == "pdf" else None)
    return out.getvalue()


def _trend(axes: Any, figure: Figure) -> None:
    unit, scale = figure.unit, 100.0 if figure.unit == "share" else 1 / 60
    points = [p for p in (*figure.trend, figure.now) if p.value is not None and not isinf(p.value)]
    places = range(len(points))
    values = [(p.value or 0.0) * scale for p in points]
    tops = [scale * (p.high if p.high is not None else p.value or 0.0) for p in points]
    below = [max(0.0, v - p.low * scale) for v, p in zip(values, points, strict=True)]
    above = [max(0.0, top - v) for v, top in zip(values, tops, strict=True)]
    axes.axhspan(figure.target_low * scale, figure.target_high * scale, color=FAINT, zorder=0)
    axes.errorbar(places, values, yerr=[below, above], color=CALM, marker="o", ms=4, lw=1.4, elinewidth=0.8)
    axes.set_xticks(list(places), [p.week[-3:] for p in points])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("%" if unit == "share" else "minutes")
    axes.set_title(
        f"{figure.name}: {amount(figure.now.value, unit)}", loc="left", color=INK, fontweight="bold"
    )
    axes.set_xlabel(
        f"{counted(figure)} · {interval(figure.now, unit)}\n{figure.verdict} (target {figure.target})"
    )


def _bars(axes: Any, shares: tuple[Share, ...], title: str) -> None:
    places = list(range(len(shares)))[::-1]
    axes.barh(places, [share.n for share in shares], color=FAINT, label="handled")
    axes.barh(places, [share.k for share in shares], color=WARM, height=0.45, label="escalated")
    axes.set_yticks(places, [_plain(share.name) for share in shares])
    axes.set_title(title, loc="left", color=INK)
    axes.legend(frameon=False, loc="lower right")


def _hours(axes: Any, shares: tuple[Share, ...]) -> None:
    hours = list(range(24))
    axes.bar(hours, [share.n for share in shares], color=FAINT)
    axes.bar(hours, [share.k for share in shares], color=WARM, width=0.45)
    axes.set_title("By hour of first contact", loc="left", color=INK)
    axes.set_xticks(range(0, 24, 3))


def _plain(text: str) -> str:
    """Return a text in characters that the built-in font can draw."""
    return "".join(c if c.isprintable() and ord(c) < 0x500 else "?" for c in text)[:40]  # noqa: PLR2004
