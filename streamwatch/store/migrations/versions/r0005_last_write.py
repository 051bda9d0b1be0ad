"""Adds the name of the last transaction, for a commit whose confirmation was lost on the way from a server."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a column. SQLite rebuilds the table, so that `.schema` explains it."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("identity", recreate=recreate) as batch:
        batch.add_column(sa.Column("last_write", sa.String(32)))
