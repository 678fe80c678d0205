"""Sessions that can be ended, and tries that are counted."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every session of before ends: its cookie names no number."""
    with op.batch_alter_table("bs_users") as users:
        users.add_column(sa.Column("sessions", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "bs_attempts",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("since", Utc(), nullable=True),
        sa.Column("number", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("bs_attempts_since", "bs_attempts", ["since"], unique=False)
