"""append-only books of inspection"""

import sqlalchemy as sa
from alembic import op

import core.db
from core.db.triggers import append_only

revision = "0021"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inspection_entry",
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("part", core.db.Json(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("book", "ref", "seq", name=op.f("pk_inspection_entry")),
    )
    op.create_index("ix_inspection_entry_subject", "inspection_entry", ["subject"])
    for statement in append_only("inspection_entry", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("inspection_entry")
