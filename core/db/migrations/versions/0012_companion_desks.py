"""steps of list entries, signed codes with their revocation, rewards, due diligence of numbers"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0012"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companion_list_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companion_list_note")),
        sa.ForeignKeyConstraint(
            ["ref"], ["companion_list_entry.ref"], name=op.f("fk_companion_list_note_ref_companion_list_entry")
        ),
    )
    op.create_index("ix_companion_list_note_ref", "companion_list_note", ["ref"])
    op.create_table(
        "companion_code_issued",
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("registry_name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("issued_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("revoked_at", core.db.UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_companion_code_issued")),
    )
    op.create_index("ix_companion_code_issued_subject", "companion_code_issued", ["subject"])
    op.create_table(
        "companion_code_key_revoked",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_companion_code_key_revoked")),
    )
    op.create_table(
        "companion_reward",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("penalty_fen", sa.BigInteger(), nullable=False),
        sa.Column("computed_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companion_reward")),
        sa.UniqueConstraint("lead", name=op.f("uq_companion_reward_lead")),
    )
    with op.batch_alter_table("companion_pool_number") as batch:
        batch.add_column(sa.Column("verified_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("used_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("companion_pool_number") as batch:
        batch.drop_column("used_on")
        batch.drop_column("verified_on")
    for table in ("companion_reward", "companion_code_key_revoked", "companion_code_issued", "companion_list_note"):
        op.drop_table(table)
