"""Keyframes that are kept and never read: a state that earlier programs do not know, and so must not meet."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """No row changes. SQLite rebuilds the table, so that `.schema` explains the new word."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("keyframes", recreate="always"):
            pass
