"""random samples, challenge codes, drawn lines and private interviews of a call"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("video_room", sa.Column("private_of", sa.String(), nullable=True))
    op.create_table(
        "video_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.Column("written_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["video_room.id"], name=op.f("fk_video_note_room_id_video_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_note")),
    )
    op.create_index(op.f("ix_video_note_room_id"), "video_note", ["room_id"])
    op.add_column("video_request", sa.Column("unit", sa.String(), nullable=True))
    op.add_column("video_request", sa.Column("challenge", sa.String(), nullable=True))
    op.create_table(
        "video_sample",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("item_ref", sa.String(), nullable=False),
        sa.Column("plan", core.db.Json(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("drawn", core.db.Json(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["video_room.id"], name=op.f("fk_video_sample_room_id_video_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_sample")),
    )
    op.create_index(op.f("ix_video_sample_room_id"), "video_sample", ["room_id"])
    op.create_table(
        "video_stroke",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("evidence_id", sa.String(), nullable=False),
        sa.Column("seat_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("points", core.db.Json(), nullable=False),
        sa.Column("drawn_at", core.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["video_room.id"], name=op.f("fk_video_stroke_room_id_video_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_stroke")),
    )
    op.create_index(op.f("ix_video_stroke_evidence_id"), "video_stroke", ["evidence_id"])


def downgrade() -> None:
    op.drop_table("video_note")
    op.drop_table("video_stroke")
    op.drop_table("video_sample")
    op.drop_column("video_request", "challenge")
    op.drop_column("video_request", "unit")
    op.drop_column("video_room", "private_of")
