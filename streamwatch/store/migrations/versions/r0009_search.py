"""Adds the revision of passages, the plate of each passage, and the index for parts of plates."""

from itertools import chain, islice
from typing import Literal

import sqlalchemy as sa
from alembic import op

from streamwatch.store.plate_parts import parts_of

revision = "0009"
down_revision = "0008"

BEST = """
coalesce(
    (SELECT {0} FROM keyframes k JOIN readings r ON r.keyframe_id = k.id JOIN sightings s ON s.id = r.sighting_id
        WHERE k.passage_id = passages.id ORDER BY s.confidence DESC NULLS LAST, s.id LIMIT 1),
    (SELECT {0} FROM sightings s WHERE s.passage_id = passages.id ORDER BY s.confidence DESC NULLS LAST, s.id LIMIT 1),
    (SELECT {1} FROM keyframes k JOIN readings r ON r.keyframe_id = k.id
        WHERE k.passage_id = passages.id AND r.plate <> '' ORDER BY r.confidence DESC NULLS LAST, r.id LIMIT 1){2})
"""
"""SQL for a column of a passage's best sighting, or of its best reading if it has no sighting."""
NONE = ", ''"


def upgrade() -> None:
    """Add the columns and the table, and fill them. SQLite rebuilds the tables, so that `.schema` explains them."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("identity", recreate=recreate) as batch:
        batch.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("0")))
    with op.batch_alter_table("passages", recreate=recreate) as batch:
        batch.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("plate", sa.String(255), nullable=False, server_default=sa.text("''")))
        batch.add_column(sa.Column("engine", sa.String(16)))
        batch.add_column(sa.Column("confidence", sa.Double()))
    op.execute(
        "UPDATE passages SET revision = id, "
        f"plate = {BEST.format('s.plate', 'substr(r.plate, 1, 255)', NONE)}, "
        f"engine = {BEST.format('s.engine', 'r.engine', '')}, "
        f"confidence = {BEST.format('s.confidence', 'r.confidence', '')}"
    )
    op.execute("UPDATE identity SET revision = (SELECT coalesce(max(id), 0) FROM passages)")
    op.create_index("ix_passages_revision", "passages", ["revision"])
    op.create_index("ix_passages_plate_opened_at", "passages", ["plate", "opened_at"])
    op.create_index("ix_passages_outcome_opened_at", "passages", ["outcome", "opened_at"])
    _index()


def _index() -> None:
    """Make the index of plates."""
    bytewise = sa.String(16, collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    table = op.create_table(
        "plate_parts",
        sa.Column("part", bytewise, nullable=False),
        sa.Column("plate", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("part", "plate", name="pk_plate_parts"),
        sqlite_with_rowid=False,
    )
    plates = op.get_bind().execute(sa.text("SELECT plate FROM passages UNION SELECT plate FROM sightings")).scalars()
    rows = chain.from_iterable(({"part": part, "plate": plate} for part in parts_of(plate)) for plate in plates.all())
    while some := list(islice(rows, 10_000)):
        op.bulk_insert(table, some)
