"""The first tables."""

import sqlalchemy as sa
from alembic import op

from streamwatch.store.tables import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables and their indexes."""
    op.create_table(
        "passages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("camera", sa.String(64), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_passages"),
        sa.UniqueConstraint("key", name="uq_passages_key"),
    )
    op.create_index("ix_passages_camera_opened_at", "passages", ["camera", "opened_at"])
    op.create_index("ix_passages_opened_at", "passages", ["opened_at"])
    op.create_table(
        "keyframes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("passage_id", sa.Integer(), nullable=False),
        sa.Column("camera", sa.String(64), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("crop_x", sa.Integer(), nullable=False),
        sa.Column("crop_y", sa.Integer(), nullable=False),
        sa.Column("crop_width", sa.Integer(), nullable=False),
        sa.Column("crop_height", sa.Integer(), nullable=False),
        sa.Column("scale", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name="fk_keyframes_passage_id_passages"),
        sa.PrimaryKeyConstraint("id", name="pk_keyframes"),
        sa.UniqueConstraint("key", name="uq_keyframes_key"),
    )
    op.create_index("ix_keyframes_camera_captured_at", "keyframes", ["camera", "captured_at"])
    op.create_index("ix_keyframes_captured_at", "keyframes", ["captured_at"])
    op.create_index("ix_keyframes_passage_id", "keyframes", ["passage_id"])
    op.create_index("ix_keyframes_state_captured_at", "keyframes", ["state", "captured_at"])
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("keyframe_id", sa.Integer()),
        sa.Column("camera", sa.String(64)),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("outcome", sa.String(32)),
        sa.Column("charged", sa.Boolean()),
        sa.Column("fee", sa.Integer(), nullable=False),
        sa.Column("latency", sa.Double()),
        sa.Column("http_status", sa.Integer()),
        sa.Column("gateway_code", sa.Text(), nullable=False),
        sa.Column("platform_code", sa.Integer()),
        sa.Column("ret_code", sa.Integer()),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("answer_id", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("picture_url", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["keyframe_id"], ["keyframes.id"], name="fk_calls_keyframe_id_keyframes", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("key", name="uq_calls_key"),
    )
    op.create_index("ix_calls_camera_started_at", "calls", ["camera", "started_at"])
    op.create_index("ix_calls_keyframe_id", "calls", ["keyframe_id"])
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_table(
        "sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("camera", sa.String(64), nullable=False),
        sa.Column("plate", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("confidence", sa.Double()),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("passage_id", sa.Integer(), nullable=False),
        sa.Column("keyframe_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["keyframe_id"], ["keyframes.id"], name="fk_sightings_keyframe_id_keyframes"),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name="fk_sightings_passage_id_passages"),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
        sa.UniqueConstraint("key", name="uq_sightings_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sightings_camera_last_seen", "sightings", ["camera", "last_seen"])
    op.create_index("ix_sightings_first_seen", "sightings", ["first_seen"])
    op.create_index("ix_sightings_keyframe_id", "sightings", ["keyframe_id"])
    op.create_index("ix_sightings_last_seen", "sightings", ["last_seen"])
    op.create_index("ix_sightings_passage_id", "sightings", ["passage_id"])
    op.create_index("ix_sightings_plate", "sightings", ["plate"])
    op.create_table(
        "readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("keyframe_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer()),
        sa.Column("sighting_id", sa.Integer()),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("plate", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("repaired", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double()),
        sa.Column("corners", sa.JSON(none_as_null=True)),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_readings_call_id_calls", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["keyframe_id"], ["keyframes.id"], name="fk_readings_keyframe_id_keyframes"),
        sa.ForeignKeyConstraint(
            ["sighting_id"], ["sightings.id"], name="fk_readings_sighting_id_sightings", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_readings"),
        sa.UniqueConstraint("key", name="uq_readings_key"),
    )
    op.create_index("ix_readings_call_id", "readings", ["call_id"])
    op.create_index("ix_readings_keyframe_id", "readings", ["keyframe_id"])
    op.create_index("ix_readings_sighting_id", "readings", ["sighting_id"])
