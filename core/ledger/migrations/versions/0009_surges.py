"""Times in which an intent came far more often than its history explains."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Key, Utc, Words

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row a surge. Its tickets are those of the intent that came while it lasted."""
    op.create_table(
        "bs_surges",
        sa.Column("key", Key(255), nullable=False),
        *(sa.Column(name, Words(), server_default="", nullable=False) for name in ("desk", "intent")),
        *(sa.Column(name, Utc(), nullable=True) for name in ("began_at", "found_at", "ended_at")),
        sa.Column("number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("usual", sa.Float(), nullable=False),
        *(sa.Column(name, Words(), server_default="", nullable=False) for name in ("text", "approved_by")),
        sa.Column("approved_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("bs_surges_desk", "bs_surges", ["desk", "ended_at"], unique=False)
