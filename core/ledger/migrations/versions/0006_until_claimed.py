"""Who holds a ticket, by id, and since when they have touched it; a ladder has no end any more.

A ticket whose ladder was climbed to its end waited with no due time. It is due now: its desk is asked who has it, and
where nobody does the last rung is repeated from then on.
"""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and a due time to what waits without one."""
    op.add_column("bs_tickets", sa.Column("claimed_by_id", sa.Text(), nullable=False, server_default=""))
    op.add_column("bs_tickets", sa.Column("touched_at", Utc(), nullable=True))
    op.execute(
        "UPDATE bs_tickets SET next_due_at = updated_at WHERE next_due_at IS NULL AND closed_at IS NULL "
        "AND state IN ('escalated', 'reescalated', 'claimed')"
    )


def downgrade() -> None:
    """Take the columns away; the due times stay."""
    with op.batch_alter_table("bs_tickets") as table:
        table.drop_column("touched_at")
        table.drop_column("claimed_by_id")
