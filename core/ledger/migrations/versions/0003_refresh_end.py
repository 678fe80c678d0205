"""A refresh token's own end is kept, so that people are warned before it."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    op.add_column("bs_tokens", sa.Column("refresh_expires_at", Utc(), nullable=True))


def downgrade() -> None:
    """Take the tables down."""
    op.drop_column("bs_tokens", "refresh_expires_at")
