"""Adds what recovery after a crash needs: the answer of a call, and if the clock was right."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns. SQLite rebuilds the tables, so that `.schema` explains the columns."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for table in ("passages", "keyframes", "calls"):
        with op.batch_alter_table(table, recreate=recreate) as batch:
            batch.add_column(sa.Column("clock_trusted", sa.Boolean(), server_default=sa.true(), nullable=False))
            if table == "calls":
                batch.add_column(sa.Column("answer", sa.JSON(none_as_null=True)))
