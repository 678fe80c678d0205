"""Columns that nothing reads are gone."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNUSED = {"bs_decisions": ("notices",), "bs_tickets": ("claimed_by_email", "thread")}


def upgrade() -> None:
    """Both databases drop a column in place."""
    for table, columns in UNUSED.items():
        for column in columns:
            op.drop_column(table, column)
