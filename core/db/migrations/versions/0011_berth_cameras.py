"""stills of berth cameras and the last attempt at each"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0011"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ais_berth_still",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("berth", sa.String(), nullable=False),
        sa.Column("taken_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("seen_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ais_berth_still")),
    )
    op.create_index("ix_ais_berth_still_camera_taken_at", "ais_berth_still", ["camera", "taken_at"])
    op.create_index("ix_ais_berth_still_sha256", "ais_berth_still", ["sha256"])
    op.create_table(
        "ais_berth_camera",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("tried_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_ais_berth_camera")),
    )
