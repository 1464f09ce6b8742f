"""Alembic's entry point: runs revisions on the engine that `core.db.migrate` hands over."""

from alembic import context

from core.db.engine import Base

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
