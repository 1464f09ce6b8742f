"""books of the reforms service"""

import sqlalchemy as sa
from alembic import op

import core.db
from core.db.triggers import append_only

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companion_book_entry",
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("values", core.db.Json(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("book", "ref", "seq", name=op.f("pk_companion_book_entry")),
    )
    op.create_index("ix_companion_book_entry_subject", "companion_book_entry", ["subject"])
    for statement in append_only("companion_book_entry", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("companion_book_entry")
