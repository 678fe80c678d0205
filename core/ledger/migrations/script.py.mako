"""${message}"""

import sqlalchemy as sa
from alembic import op

import core.ledger.schema

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take the tables down."""
    ${downgrades if downgrades else "pass"}
