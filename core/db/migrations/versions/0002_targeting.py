"""targeting tables"""

from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa
from alembic import op

import core.db
from core.db.triggers import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OLD = ("ais_register_value", "ais_inspection", "ais_rating")


def upgrade() -> None:
    op.create_table(
        "ais_target_decision",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ship", sa.String(), nullable=False),
        sa.Column("at", core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("factor", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("evidence_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ais_target_decision")),
        sa.UniqueConstraint("request", name=op.f("uq_ais_target_decision_request")),
    )
    op.create_index(op.f("ix_ais_target_decision_ship"), "ais_target_decision", ["ship"])
    for statement in append_only("ais_target_decision", op.get_bind().dialect.name):
        op.execute(statement)
    _register()


def _register() -> None:
    """Register values and records with the time of their entry; what was there is taken over, entered on the day of its source."""
    connection = op.get_bind()
    old = {
        name: [dict(row) for row in connection.execute(sa.select(sa.text("*")).select_from(sa.table(name))).mappings()]
        for name in _OLD
    }
    for name in _OLD:
        op.drop_table(name)
    values = op.create_table(
        "ais_register_value",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("recorded_at", core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ais_register_value")),
    )
    op.create_index("ix_ais_register_value_fact", "ais_register_value", ["source", "subject", "field"])
    records = op.create_table(
        "ais_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("data", core.db.Json, nullable=False),
        sa.Column("recorded_at", core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ais_record")),
    )
    op.create_index("ix_ais_record_kind_subject", "ais_record", ["kind", "subject"])
    taken = [{**row, "as_of": _day(row["as_of"]), "recorded_at": _midnight(row["as_of"])} for row in old["ais_register_value"]]
    made = [_record("inspection", ("imo", "inspected_on", "authority"), row, row["as_of"]) for row in old["ais_inspection"]]
    made += [_record("rating", ("kind", "regime", "key", "valid_from"), row, row["valid_from"]) for row in old["ais_rating"]]
    for table, rows in ((values, taken), (records, made)):
        if rows:
            op.bulk_insert(table, rows)


def _record(kind: str, key: tuple[str, ...], row: dict[str, Any], on: object) -> dict[str, Any]:
    data = {name: str(value) if isinstance(value, date) else value for name, value in row.items()}
    data |= {name: bool(data[name]) for name in ("detained", "attested") if data.get(name) is not None}
    joined = "|".join(str(data[name]) for name in key)
    subject = f"imo:{data['imo']}" if "imo" in data else joined
    return {
        "kind": kind, "subject": subject, "key": joined, "source": data["source"], "data": data, "recorded_at": _midnight(on),
    }  # fmt: skip


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _midnight(value: object) -> datetime:
    return datetime.combine(_day(value), time(), UTC)


def downgrade() -> None:
    op.drop_table("ais_target_decision")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION IF EXISTS ais_target_decision_refuse()")
    for name in ("ais_record", "ais_register_value"):
        op.drop_table(name)
    _first_tables()


def _first_tables() -> None:
    """The register tables of the first revision, empty: import the register files again."""
    op.create_table(
        "ais_register_value",
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("field", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
    )
    op.create_table(
        "ais_inspection",
        sa.Column("imo", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("inspected_on", sa.Date(), primary_key=True),
        sa.Column("authority", sa.String(), primary_key=True),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("deficiencies", sa.Integer(), nullable=False),
        sa.Column("detained", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
    )
    op.create_index("ix_ais_inspection_imo", "ais_inspection", ["imo"])
    op.create_table(
        "ais_rating",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("regime", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("valid_from", sa.Date(), primary_key=True),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("rating", sa.String(), nullable=True),
        sa.Column("attested", sa.Boolean(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
    )
