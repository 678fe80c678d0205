"""Alembic's environment: run by `core.ledger.db.migrate` on a connection that holds the lock."""

from alembic import context

from core.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="bs_version",
    render_as_batch=True,
    transactional_ddl=True,  # on SQLite, too: all or nothing, and a second process waits and finds it done
    include_name=lambda name, kind, _parents: kind != "table" or str(name).startswith("bs_"),
)
with context.begin_transaction():
    context.run_migrations()
