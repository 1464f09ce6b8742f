"""Owns bringing a database to the newest schema with Alembic, from the first table on.

Never runs by itself: `console` calls it at start, `yunjian db migrate` by hand.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from core.db.engine import Database

SCRIPTS = Path(__file__).with_name("migrations")


def alembic_config(db: Database) -> Config:
    """Alembic's configuration bound to `db`, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["engine"] = db.engine
    return config


def migrate(db: Database) -> None:
    """Upgrade the domain database to the head revision and make the rebuildable AIS tables."""
    command.upgrade(alembic_config(db), "head")
    db.create_ais_tables()
