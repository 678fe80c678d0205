"""The first tables."""

from alembic import op

from core.ledger.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Take the tables down."""
    metadata.drop_all(op.get_bind())
