"""What goes with the weekly message besides its words: the page with its plots as mail shows it, PNG and PDF."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.model import Attachment
from core.ports import Channel
from core.reports.plots import render_pdf, render_png
from core.reports.reporting import render_html, weekly

log = logging.getLogger(__name__)


def enclosed(app: Any, channel: Channel, facts: Mapping[str, Any]) -> dict[str, Any]:
    """`html` and `attachments` of the week that the facts name, for channels that carry files. The figures are the
    ledger's as they stand now. The words go without plots rather than not at all."""
    week = str(facts.get("week", ""))
    if not week or not channel.can.files:
        return {}
    try:
        return _made(app, week)
    except Exception:  # matplotlib, fonts, a locked database: none of it may keep the report from going
        log.exception("the plots of %s could not be made: the message is sent without them", week)
        return {}


def _made(app: Any, week: str) -> dict[str, Any]:
    report = weekly(app.engine, app.hours, week, app.clock(), app)
    cid = f"{week}.plots@backstop"
    base = app.settings.public_url.rstrip("/")
    html = render_html(report, f"{base}/week?week={week}" if base else "", picture=f"cid:{cid}")
    files = (
        Attachment(f"backstop-{week}.png", "image/png", render_png(report), cid),
        Attachment(f"backstop-{week}.pdf", "application/pdf", render_pdf(report)),
    )
    return {"html": html, "attachments": files}
