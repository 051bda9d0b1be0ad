"""Adds the time when a passage was written, because retention counts from that time."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

from streamwatch.store.tables import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column. For rows that exist already, the best guess is the time when the passage was seen."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("passages") as batch:
        batch.add_column(sa.Column("recorded_at", UtcDateTime()))
    op.execute("UPDATE passages SET recorded_at = opened_at")
    with op.batch_alter_table("passages", recreate=recreate) as batch:
        batch.alter_column("recorded_at", existing_type=UtcDateTime(), nullable=False)
        batch.create_index("ix_passages_recorded_at", ["recorded_at"])
