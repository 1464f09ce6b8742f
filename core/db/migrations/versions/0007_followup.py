"""rectification, alerts and contacts of a case"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inspection_rectification",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("deficiency_id", sa.String(), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=False),
        sa.Column("submitted_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("evidence_ids", core.db.Json(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("judged_by", sa.String(), nullable=True),
        sa.Column("judged_at", core.db.UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["inspection_case.id"], name=op.f("fk_inspection_rectification_case_id_inspection_case")
        ),
        sa.ForeignKeyConstraint(
            ["deficiency_id"],
            ["inspection_deficiency.id"],
            name=op.f("fk_inspection_rectification_deficiency_id_inspection_deficiency"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_rectification")),
    )
    op.create_index("ix_inspection_rectification_case_id", "inspection_rectification", ["case_id"])
    op.create_index("ix_inspection_rectification_deficiency_id", "inspection_rectification", ["deficiency_id"])
    op.create_table(
        "inspection_alert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("deficiency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("facts", core.db.Json(), nullable=False),
        sa.Column("raised_at", core.db.UtcDateTime(), nullable=False),
        sa.Column("seen_by", sa.String(), nullable=True),
        sa.Column("seen_at", core.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["inspection_case.id"], name=op.f("fk_inspection_alert_case_id_inspection_case")),
        sa.ForeignKeyConstraint(
            ["deficiency_id"],
            ["inspection_deficiency.id"],
            name=op.f("fk_inspection_alert_deficiency_id_inspection_deficiency"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_alert")),
        sa.UniqueConstraint("key", name=op.f("uq_inspection_alert_key")),
    )
    op.create_index("ix_inspection_alert_case_id", "inspection_alert", ["case_id"])
    op.create_table(
        "inspection_contact",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("lang", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["inspection_case.id"], name=op.f("fk_inspection_contact_case_id_inspection_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "channel", "recipient", name=op.f("pk_inspection_contact")),
    )


def downgrade() -> None:
    op.drop_table("inspection_contact")
    op.drop_table("inspection_alert")
    op.drop_table("inspection_rectification")
