"""Owns engines and transactions. SQLite: ``yunjian.db`` (FULL) and ``ais.db`` (NORMAL); PostgreSQL: one database.

Never keeps a transaction open across I/O: callers do their file and network work before or after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator

from core.errors import StorageFull

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = JSON


class Base(DeclarativeBase):
    """Tables of ``yunjian.db``; table names start with their folder's name. Changed by Alembic revisions only."""

    metadata = MetaData(naming_convention=_NAMING)


class AisBase(DeclarativeBase):
    """Tables of ``ais.db``: positions and what can be rebuilt from the logs; made by ``create_all``."""

    metadata = MetaData(naming_convention=_NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps no zone, so it is dropped on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy passes it
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text_of_time(at: datetime) -> str:
    """The text that SQLite keeps for an instant. Other texts read as the same instant, so whoever looks for edits compares with this."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class Database:
    """``read()`` and ``write()`` sessions on the domain database, ``ais_read()`` and ``ais_write()`` on the positions."""

    def __init__(self, data_dir: Path, url: str = "", busy_timeout_s: float = 5.0) -> None:
        self.data_dir = data_dir
        self.is_sqlite = not url
        if self.is_sqlite:
            data_dir.mkdir(parents=True, exist_ok=True)
        self._url = url or f"sqlite:///{data_dir / 'yunjian.db'}"
        ais_url = url or f"sqlite:///{data_dir / 'ais.db'}"
        self._read = _engine(self._url, "BEGIN", "FULL", busy_timeout_s)
        self._write = _engine(self._url, "BEGIN IMMEDIATE", "FULL", busy_timeout_s)
        self._ais_read = _engine(ais_url, "BEGIN", "NORMAL", busy_timeout_s)
        self._ais_write = _engine(ais_url, "BEGIN IMMEDIATE", "NORMAL", busy_timeout_s)

    @property
    def url(self) -> str:
        return self._url

    @property
    def engine(self) -> Engine:
        """The writing engine of the domain database, for migrations."""
        return self._write

    def create_ais_tables(self) -> None:
        """Make what is missing: tables, and columns that a later version added (each of those has a default)."""
        AisBase.metadata.create_all(self._ais_write)
        held = inspect(self._ais_write)
        for table in AisBase.metadata.sorted_tables:
            known = {column["name"] for column in held.get_columns(table.name)}
            for column in table.columns:
                if column.name not in known:
                    made = CreateColumn(column).compile(dialect=self._ais_write.dialect)
                    with self._ais_write.begin() as connection:
                        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {made}"))

    @contextmanager
    def read(self) -> Iterator[Session]:
        yield from _read_session(self._read)

    @contextmanager
    def ais_read(self) -> Iterator[Session]:
        yield from _read_session(self._ais_read)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One short transaction: commits at the end of the block, rolls back on an exception."""
        yield from _write_session(self._write, "yunjian.db")

    @contextmanager
    def ais_write(self) -> Iterator[Session]:
        yield from _write_session(self._ais_write, "ais.db")

    def ping(self) -> None:
        """Raises what the driver raises where the database does not answer."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        for engine in (self._read, self._write, self._ais_read, self._ais_write):
            engine.dispose()


def _read_session(engine: Engine) -> Iterator[Session]:
    with Session(engine, autoflush=False) as session:
        yield session
        session.rollback()


def _write_session(engine: Engine, name: str) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        try:
            yield session
            session.commit()
        except OperationalError as error:
            session.rollback()
            if "disk is full" in str(error):
                raise StorageFull("storage_full", name=name) from error
            raise
        except BaseException:
            session.rollback()
            raise


def _engine(url: str, begin: str, synchronous: str, busy_timeout_s: float) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
