"""The first tables."""

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables up."""
    op.create_table(
        "bs_balance",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("since", Utc(), nullable=True),
        sa.Column("in_desk", sa.Integer(), server_default="0", nullable=False),
        sa.Column("in_ledger", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.JSON(), nullable=True),
        sa.Column("healed", sa.JSON(), nullable=True),
        sa.Column("stuck", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bs_balance_at", "bs_balance", ["at"], unique=False)
    op.create_table(
        "bs_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("what", sa.Text(), server_default="", nullable=False),
        sa.Column("old", sa.Text(), server_default="", nullable=False),
        sa.Column("new", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bs_claim_links",
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("used_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "bs_counts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("labels", sa.String(length=255), nullable=False),
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("name", "labels", "process"),
    )
    op.create_table(
        "bs_decisions",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("intent", sa.Text(), server_default="", nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("alternatives", sa.JSON(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("band", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("rules_version", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("actions", sa.JSON(), nullable=True),
        sa.Column("notices", sa.JSON(), nullable=True),
        sa.Column("escalates", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("bs_decisions_at", "bs_decisions", ["at"], unique=False)
    op.create_index("bs_decisions_ticket", "bs_decisions", ["desk", "ticket_id"], unique=False)
    op.create_table(
        "bs_desks",
        sa.Column("desk", sa.String(length=255), nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("swept_at", Utc(), nullable=True),
        sa.Column("hook_heard_at", Utc(), nullable=True),
        sa.Column("found_at", Utc(), nullable=True),
        sa.Column("started_at", Utc(), nullable=True),
        sa.Column("paused_at", Utc(), nullable=True),
        sa.Column("paused_by", sa.Text(), server_default="", nullable=False),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("desk"),
    )
    op.create_table(
        "bs_events",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("received_at", Utc(), nullable=True),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deaths", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("bs_events_due", "bs_events", ["state", "due_at"], unique=False)
    op.create_index("bs_events_outcome", "bs_events", ["state", "desk", "outcome"], unique=False)
    op.create_index("bs_events_received", "bs_events", ["received_at"], unique=False)
    op.create_index("bs_events_ticket", "bs_events", ["desk", "ticket_id"], unique=False)
    op.create_table(
        "bs_executors",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("beat_at", Utc(), nullable=True),
        sa.Column("started_at", Utc(), nullable=True),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bs_history",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("what", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bs_history_at", "bs_history", ["at"], unique=False)
    op.create_index("bs_history_ticket", "bs_history", ["desk", "ticket_id", "id"], unique=False)
    op.create_table(
        "bs_labels",
        sa.Column("desk", sa.String(length=255), nullable=False),
        sa.Column("ticket_id", sa.String(length=255), nullable=False),
        sa.Column("intent", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("desk", "ticket_id"),
    )
    op.create_table(
        "bs_login_links",
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("user", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("used_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "bs_meta",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "bs_notices",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("notice_key", sa.Text(), server_default="", nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("audience", sa.Text(), server_default="", nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Text(), server_default="", nullable=False),
        sa.Column("template", sa.Text(), server_default="", nullable=False),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("rung", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", Utc(), nullable=True),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("opened_at", Utc(), nullable=True),
        sa.Column("sent_at", Utc(), nullable=True),
        sa.Column("delivered_at", Utc(), nullable=True),
        sa.Column("provider_id", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("fallback_of", sa.Text(), server_default="", nullable=False),
        sa.Column("bundle", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("bs_notices_address", "bs_notices", ["address", "created_at"], unique=False)
    op.create_index("bs_notices_bundle", "bs_notices", ["bundle"], unique=False)
    op.create_index("bs_notices_due", "bs_notices", ["state", "due_at"], unique=False)
    op.create_index("bs_notices_key", "bs_notices", ["notice_key"], unique=False)
    op.create_index("bs_notices_provider", "bs_notices", ["provider_id"], unique=False)
    op.create_index("bs_notices_ticket", "bs_notices", ["desk", "ticket_id"], unique=False)
    op.create_table(
        "bs_tickets",
        sa.Column("desk", sa.String(length=255), nullable=False),
        sa.Column("ticket_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_email", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_name", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("intent", sa.Text(), server_default="", nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("band", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("rules_version", sa.Text(), server_default="", nullable=False),
        sa.Column("handled_message_id", sa.Text(), server_default="", nullable=False),
        sa.Column("handled_at", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=True),
        sa.Column("first_seen_at", Utc(), nullable=True),
        sa.Column("updated_at", Utc(), nullable=True),
        sa.Column("waiting_since", Utc(), nullable=True),
        sa.Column("escalated_at", Utc(), nullable=True),
        sa.Column("promise_at", Utc(), nullable=True),
        sa.Column("ladder", sa.JSON(), nullable=True),
        sa.Column("rung", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_due_at", Utc(), nullable=True),
        sa.Column("acknowledged_at", Utc(), nullable=True),
        sa.Column("claimed_at", Utc(), nullable=True),
        sa.Column("claimed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_by_email", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_via", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("auto_resolved_at", Utc(), nullable=True),
        sa.Column("reescalated_at", Utc(), nullable=True),
        sa.Column("closed_at", Utc(), nullable=True),
        sa.Column("desk_updated_at", Utc(), nullable=True),
        sa.Column("final_intent", sa.Text(), server_default="", nullable=False),
        sa.Column("check_verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("thread", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("desk", "ticket_id"),
    )
    op.create_index("bs_tickets_check", "bs_tickets", ["check_verdict", "first_seen_at"], unique=False)
    op.create_index("bs_tickets_customer", "bs_tickets", ["desk", "customer_id"], unique=False)
    op.create_index("bs_tickets_due", "bs_tickets", ["next_due_at"], unique=False)
    op.create_index("bs_tickets_email", "bs_tickets", ["customer_email"], unique=False)
    op.create_index("bs_tickets_escalated", "bs_tickets", ["escalated_at"], unique=False)
    op.create_index("bs_tickets_seen", "bs_tickets", ["first_seen_at"], unique=False)
    op.create_index("bs_tickets_state", "bs_tickets", ["state", "desk"], unique=False)
    op.create_index("bs_tickets_state_seen", "bs_tickets", ["state", "first_seen_at"], unique=False)
    op.create_index("bs_tickets_waiting", "bs_tickets", ["state", "waiting_since"], unique=False)
    op.create_table(
        "bs_tokens",
        sa.Column("desk", sa.String(length=255), nullable=False),
        sa.Column("access", sa.Text(), server_default="", nullable=False),
        sa.Column("refresh", sa.Text(), server_default="", nullable=False),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("leased_by", sa.Text(), server_default="", nullable=False),
        sa.Column("leased_until", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("desk"),
    )
    op.create_table(
        "bs_users",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", Utc(), nullable=True),
        sa.Column("disabled_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "bs_writes",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fact_key", sa.Text(), server_default="", nullable=False),
        sa.Column("desk", sa.Text(), server_default="", nullable=False),
        sa.Column("ticket_id", sa.Text(), server_default="", nullable=False),
        sa.Column("what", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("actions", sa.JSON(), nullable=True),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_at", Utc(), nullable=True),
        sa.Column("done_at", Utc(), nullable=True),
        sa.Column("vendor_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("bs_writes_address", "bs_writes", ["address", "done_at"], unique=False)
    op.create_index("bs_writes_fact", "bs_writes", ["fact_key"], unique=False)
    op.create_index("bs_writes_state", "bs_writes", ["state"], unique=False)
    op.create_index("bs_writes_ticket", "bs_writes", ["desk", "ticket_id"], unique=False)
    op.create_index("bs_writes_what", "bs_writes", ["what", "state", "desk"], unique=False)


def downgrade() -> None:
    """Take the tables down."""
    op.drop_index("bs_writes_what", table_name="bs_writes")
    op.drop_index("bs_writes_ticket", table_name="bs_writes")
    op.drop_index("bs_writes_state", table_name="bs_writes")
    op.drop_index("bs_writes_fact", table_name="bs_writes")
    op.drop_index("bs_writes_address", table_name="bs_writes")
    op.drop_table("bs_writes")
    op.drop_table("bs_users")
    op.drop_table("bs_tokens")
    op.drop_index("bs_tickets_waiting", table_name="bs_tickets")
    op.drop_index("bs_tickets_state_seen", table_name="bs_tickets")
    op.drop_index("bs_tickets_state", table_name="bs_tickets")
    op.drop_index("bs_tickets_seen", table_name="bs_tickets")
    op.drop_index("bs_tickets_escalated", table_name="bs_tickets")
    op.drop_index("bs_tickets_email", table_name="bs_tickets")
    op.drop_index("bs_tickets_due", table_name="bs_tickets")
    op.drop_index("bs_tickets_customer", table_name="bs_tickets")
    op.drop_index("bs_tickets_check", table_name="bs_tickets")
    op.drop_table("bs_tickets")
    op.drop_index("bs_notices_ticket", table_name="bs_notices")
    op.drop_index("bs_notices_provider", table_name="bs_notices")
    op.drop_index("bs_notices_key", table_name="bs_notices")
    op.drop_index("bs_notices_due", table_name="bs_notices")
    op.drop_index("bs_notices_bundle", table_name="bs_notices")
    op.drop_index("bs_notices_address", table_name="bs_notices")
    op.drop_table("bs_notices")
    op.drop_table("bs_meta")
    op.drop_table("bs_login_links")
    op.drop_table("bs_labels")
    op.drop_index("bs_history_ticket", table_name="bs_history")
    op.drop_index("bs_history_at", table_name="bs_history")
    op.drop_table("bs_history")
    op.drop_table("bs_executors")
    op.drop_index("bs_events_ticket", table_name="bs_events")
    op.drop_index("bs_events_received", table_name="bs_events")
    op.drop_index("bs_events_outcome", table_name="bs_events")
    op.drop_index("bs_events_due", table_name="bs_events")
    op.drop_table("bs_events")
    op.drop_table("bs_desks")
    op.drop_index("bs_decisions_ticket", table_name="bs_decisions")
    op.drop_index("bs_decisions_at", table_name="bs_decisions")
    op.drop_table("bs_decisions")
    op.drop_table("bs_counts")
    op.drop_table("bs_claim_links")
    op.drop_table("bs_changes")
    op.drop_index("bs_balance_at", table_name="bs_balance")
    op.drop_table("bs_balance")
