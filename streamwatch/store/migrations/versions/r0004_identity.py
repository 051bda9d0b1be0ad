"""Adds the identity of the database, so that a folder of pictures can tell whose they are."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a table with one row, which is never changed."""
    identity = op.create_table("identity", sa.Column("key", sa.String(32), nullable=False, primary_key=True))
    op.bulk_insert(identity, [{"key": uuid4().hex}])
