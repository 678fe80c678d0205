"""What the desk's own AI holds, and when and how it handed a ticket over to people."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No ticket of before is known to have been with an AI."""
    with op.batch_alter_table("bs_tickets") as tickets:
        tickets.add_column(sa.Column("ai_hold", sa.Text(), server_default="", nullable=False))
        tickets.add_column(sa.Column("handed_over", sa.Text(), server_default="", nullable=False))
        tickets.add_column(sa.Column("handed_over_at", Utc(), nullable=True))
    op.create_index("bs_tickets_handed_over", "bs_tickets", ["handed_over_at"], unique=False)
