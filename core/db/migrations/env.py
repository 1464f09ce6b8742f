"""Alembic's entry point: runs revisions on the engine that `core.db.migrate` hands over."""

from alembic import context

from core.db.engine import AisBase, Base


def ours(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:  # noqa: FBT001 - Alembic's hook
    """On PostgreSQL the rebuildable AIS tables lie in the same database; they are not Alembic's."""
    return not (kind == "table" and name in AisBase.metadata.tables)


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, include_object=ours)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
