"""Messages that desks hold back: suspended, or taken for spam."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Key, Utc, Words

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of their own: they are no tickets."""
    texts = ("email", "subject", "url", "cause", "intent", "reason", "state")
    op.create_table(
        "bs_limbo",
        sa.Column("desk", Key(255), nullable=False),
        sa.Column("id", Key(255), nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("until", Utc(), nullable=True),
        *(sa.Column(name, Words(), server_default="", nullable=False) for name in texts),
        sa.Column("confidence", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("genuine", "urgent", "known_customer")),
        *(sa.Column(name, Utc(), nullable=True) for name in ("seen_at", "told_at", "warned_at")),
        sa.PrimaryKeyConstraint("desk", "id"),
    )
    op.create_index("bs_limbo_state", "bs_limbo", ["state", "desk"], unique=False)
