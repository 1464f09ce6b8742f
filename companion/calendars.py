"""Owns which working-day calendar is in force here: the shipped tables with the site's own year tables over them.

Never counts; `core.workdays` does. A new or changed table is seen at the next command or sweep.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from config import Settings
from core.workdays import WorkCalendar, load_calendar


def calendar_of(settings: Settings) -> WorkCalendar:
    """The calendar with every ``<year>.toml`` in the site's folder of tables. Raises InputError for a wrong table."""
    folder = settings.companion.workday_tables
    paths = sorted(Path(folder).glob("[0-9]*.toml")) if folder else []
    return _calendar(tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=8)
def _calendar(tables: tuple[tuple[Path, int], ...]) -> WorkCalendar:
    return load_calendar(path for path, _ in tables)
