"""Alembic runs this file for each upgrade, on the connection and in the transaction of `schema.upgrade`."""

from alembic import context

from streamwatch.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
