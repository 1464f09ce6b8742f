"""what waits for a role on a case file, kept beside the case file"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companion_waiting",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["companion_case.id"], name=op.f("fk_companion_waiting_case_id")),
        sa.PrimaryKeyConstraint("case_id", "role", "kind", "part", name=op.f("pk_companion_waiting")),
    )
    op.create_index("ix_companion_waiting_role_case_id", "companion_waiting", ["role", "case_id"])
    op.add_column("companion_case", sa.Column("waits_known", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_companion_case_waits_known", "companion_case", ["waits_known"])


def downgrade() -> None:
    op.drop_index("ix_companion_case_waits_known", "companion_case")
    op.drop_column("companion_case", "waits_known")
    op.drop_table("companion_waiting")
