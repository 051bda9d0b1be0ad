"""Adds the state of keyframes that are kept and never read. Programs that do not know it must not open the database."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change no row. SQLite rebuilds the table, so that `.schema` explains the new word."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("keyframes", recreate="always"):
            pass
