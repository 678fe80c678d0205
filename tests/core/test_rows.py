"""What comes out of the ledger is typed as the tables are."""

from __future__ import annotations

from dataclasses import fields

import pytest

from core.ledger import rows, schema

TABLES = {
    rows.EventRow: schema.events,
    rows.TicketRow: schema.tickets,
    rows.DecisionRow: schema.decisions,
    rows.WriteRow: schema.writes,
    rows.NotificationRow: schema.notices,
    rows.HistoryRow: schema.history,
    rows.DeskRow: schema.desks,
    rows.ClaimLinkRow: schema.claim_links,
}


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_each_row_has_the_columns_of_its_table(kind):
    assert {one.name for one in fields(kind)} == set(TABLES[kind].columns.keys())
