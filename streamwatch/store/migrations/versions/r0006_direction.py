"""Adds the direction of a vehicle."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a column. The direction is unknown for rows that exist already."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("passages") as batch:
        batch.add_column(sa.Column("direction", sa.String(16)))
    op.execute("UPDATE passages SET direction = 'unknown'")
    with op.batch_alter_table("passages", recreate=recreate) as batch:
        batch.alter_column("direction", existing_type=sa.String(16), nullable=False)
