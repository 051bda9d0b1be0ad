"""Adds permits with their vehicles, decisions, openings of barriers, and what the outside is told."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

from streamwatch.store.tables import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the tables. SQLite rebuilds `identity`, so that `.schema` explains its new column."""
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("identity", recreate=recreate) as batch:
        batch.add_column(sa.Column("permits_at", UtcDateTime()))
    op.create_table(
        "permits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("group_name", sa.String(64), nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=True),
        sa.Column("valid_until", UtcDateTime(), nullable=True),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("lanes", sa.JSON(), nullable=True),
        sa.Column("spaces", sa.Integer(), nullable=True),
        sa.Column("when_full", sa.String(16), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(16), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_permits"),
        sa.UniqueConstraint("code", name="uq_permits_code"),
        sa.UniqueConstraint("key", name="uq_permits_key"),
    )
    op.create_index("ix_permits_holder", "permits", ["holder"])
    op.create_index("ix_permits_source_reference", "permits", ["source", "reference"], unique=True)
    op.create_index("ix_permits_valid_until", "permits", ["valid_until"])
    op.create_table(
        "vehicles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=False),
        sa.Column("plate", sa.String(255), nullable=False),
        sa.Column("skeleton", sa.String(255), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name="fk_vehicles_permit_id_permits", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_vehicles"),
    )
    op.create_index("ix_vehicles_permit_id_plate", "vehicles", ["permit_id", "plate"], unique=True)
    op.create_index("ix_vehicles_plate", "vehicles", ["plate"])
    op.create_index("ix_vehicles_skeleton", "vehicles", ["skeleton"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("camera", sa.String(64), nullable=False),
        sa.Column("sighting_key", sa.String(32), nullable=False),
        sa.Column("passage_id", sa.Integer(), nullable=True),
        sa.Column("keyframe_id", sa.Integer(), nullable=True),
        sa.Column("reading_key", sa.String(32), nullable=False),
        sa.Column("plate", sa.String(255), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("permit_id", sa.Integer(), nullable=True),
        sa.Column("permit_plate", sa.String(255), nullable=False),
        sa.Column("near", sa.JSON(), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("revised", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(16), nullable=True),
        sa.Column("answered_by", sa.String(128), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answer_plate", sa.String(255), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("passed_at", UtcDateTime(), nullable=True),
        sa.Column("passed_plate", sa.String(255), nullable=True),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("clock_trusted", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.ForeignKeyConstraint(
            ["keyframe_id"], ["keyframes.id"], name="fk_decisions_keyframe_id_keyframes", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name="fk_decisions_passage_id_passages", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name="fk_decisions_permit_id_permits", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("key", name="uq_decisions_key"),
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])
    op.create_index(
        "ix_decisions_inside",
        "decisions",
        ["passed_plate"],
        sqlite_where=sa.text("inside"),
        postgresql_where=sa.text("inside"),
    )
    op.create_index("ix_decisions_keyframe_id", "decisions", ["keyframe_id"])
    op.create_index("ix_decisions_lane_decided_at", "decisions", ["lane", "decided_at"])
    op.create_index("ix_decisions_passed_plate_passed_at", "decisions", ["passed_plate", "passed_at"])
    op.create_index("ix_decisions_passage_id", "decisions", ["passage_id"])
    op.create_index("ix_decisions_permit_id", "decisions", ["permit_id"])
    op.create_index("ix_decisions_plate_decided_at", "decisions", ["plate", "decided_at"])
    op.create_index("ix_decisions_sighting_key_lane", "decisions", ["sighting_key", "lane"], unique=True)
    op.create_table(
        "openings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("barrier", sa.String(64), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name="fk_openings_decision_id_decisions", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_openings"),
        sa.UniqueConstraint("key", name="uq_openings_key"),
    )
    op.create_index("ix_openings_decision_id", "openings", ["decision_id"])
    op.create_index("ix_openings_lane_requested_at", "openings", ["lane", "requested_at"])
    op.create_index("ix_openings_requested_at", "openings", ["requested_at"])
    op.create_index("ix_openings_state", "openings", ["state"])
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("camera", sa.String(64), nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("key", name="uq_events_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_recorded_at", "events", ["recorded_at"])
    op.create_table(
        "receivers",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("next_try", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_receivers"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("given_up_at", UtcDateTime(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_dead_letters_event_id_events", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_event_id", "dead_letters", ["event_id"])
    op.create_index("ix_dead_letters_receiver_event_id", "dead_letters", ["receiver", "event_id"], unique=True)
