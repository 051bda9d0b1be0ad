"""Adds who typed a reading, and when."""

import sqlalchemy as sa
from alembic import op

from streamwatch.store.tables import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reading_id", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(64), nullable=False),
        sa.Column("typed_at", UtcDateTime(), nullable=False),
        sa.Column("before", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["reading_id"], ["readings.id"], name="fk_corrections_reading_id_readings", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_reading_id", "corrections", ["reading_id"], unique=True)
    op.create_index("ix_corrections_typed_at", "corrections", ["typed_at"])
