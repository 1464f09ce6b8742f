"""hull runs through the job engine, and corrected masks"""

import sqlalchemy as sa
from alembic import op

import core.db
from core.db.triggers import append_only

revision = "0020"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hull_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("jobs", core.db.Json(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hull_run")),
    )
    op.create_index(op.f("ix_hull_run_case_id"), "hull_run", ["case_id"])
    op.create_table(
        "hull_correction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("photo_sha256", sa.String(), nullable=False),
        sa.Column("mask_sha256", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("base", core.db.Json(), nullable=False),
        sa.Column("actions", core.db.Json(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hull_correction")),
    )
    op.create_index(op.f("ix_hull_correction_case_id"), "hull_correction", ["case_id"])
    op.create_index(op.f("ix_hull_correction_photo_sha256"), "hull_correction", ["photo_sha256"])
    for statement in append_only("hull_correction", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("hull_correction")
    op.drop_table("hull_run")
