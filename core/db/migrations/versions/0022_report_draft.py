"""what the inspector has signed, before the supervisor seals the bundle"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reports_bundle", schema=None) as batch_op:
        batch_op.add_column(sa.Column("draft", core.db.Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("reports_bundle", schema=None) as batch_op:
        batch_op.drop_column("draft")
