"""show: it only reads the ledger, and loads nothing else."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import click

from core.commands.common import app_of, common, desk_of, out
from core.hours import stamp
from core.ledger.ticket_report import told
from core.model import whole_percent


@click.command()
@click.argument("desk")
@click.argument("ticket")
@common
def show(desk: str, ticket: str, config: str | None, as_json: bool) -> None:
    """Show everything that happened to one ticket, in order, and why."""
    app = app_of(config)
    with app.engine.begin() as conn:
        found = told(conn, desk_of(app, desk), ticket)
    if found is None:
        out(
            as_json,
            {"desk": desk, "ticket": ticket, "story": []},
            f"the ledger does not know {desk} {ticket}",
        )
        raise click.exceptions.Exit(1)
    out(as_json, found, lambda: _told(app.hours.zone, **found))


def _told(
    zone: tzinfo, ticket: dict[str, Any], decisions: list[dict[str, Any]], story: list[dict[str, Any]]
) -> str:
    lines = [
        f"{ticket['desk']} {ticket['ticket_id']}  {ticket['state']}  {ticket['url']}"
        if ticket
        else "nothing is decided about this ticket yet"
    ]
    for one in decisions:
        guesses = ", ".join(f"{name} {whole_percent(c)}%" for name, c in one["alternatives"] or [])
        lines.append(
            f"  {one['intent']} {whole_percent(one['confidence'])}% → {one['outcome']}: {one['reason']}"
        )
        lines.append(
            f"    rule {one['rule']} (version {one['rules_version']}, model {one['model']}); next: {guesses or '-'}"
        )
        if one["evidence"]:
            lines.append(f"    weighed most: {', '.join(one['evidence'])}")
    for one in story:
        due = f" (next try {stamp(datetime.fromisoformat(one['due']), zone)})" if one.get("due") else ""
        lines.append(
            f"{stamp(datetime.fromisoformat(one['at']), zone)}  {one['what']:<12} {one['detail']}{due}"
        )
    return "\n".join(lines)
