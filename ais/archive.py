"""Owns closed days: tracks older than the retention leave ``ais.db`` for one Parquet file a day, and are read back from both.

Never deletes a row whose file is not whole on disk.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from ais import parquet_store
from ais.live import Position
from ais.store import delete_positions, first_position_ms, positions_between, track
from core.context import Services

_DAY_MS = 86_400_000


def folder(services: Services) -> Path:
    return services.settings.data_dir / "tracks"


def close_days(services: Services) -> list[date]:
    """Move every day before the retention to Parquet, drop files older than `ais.archive_days`; returns the days moved."""
    settings = services.settings.ais
    today = services.clock.now().date()
    with services.db.ais_read() as session:
        first_ms = first_position_ms(session)
    moved: list[date] = []
    day = None if first_ms is None else datetime.fromtimestamp(first_ms / 1000, UTC).date()
    while day is not None and day < today - timedelta(days=settings.track_days):
        if _close(services, day):
            moved.append(day)
        day += timedelta(days=1)
    if settings.archive_days:
        for path in folder(services).glob("*.parquet"):
            if date.fromisoformat(path.stem) < today - timedelta(days=settings.archive_days):
                path.unlink()
    return moved


def _close(services: Services, day: date) -> bool:
    from_ms = _start_ms(day)
    with services.db.ais_read() as session:
        blocks = [np.array(block, dtype=np.float64) for block in positions_between(session, from_ms, from_ms + _DAY_MS)]
    if not blocks:
        return False
    parquet_store.write_day(folder(services) / f"{day.isoformat()}.parquet", np.concatenate(blocks))
    with services.db.ais_write() as session:
        delete_positions(session, from_ms, from_ms + _DAY_MS)
    return True


def _start_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def track_of(services: Services, mmsi: int, since: datetime | None = None, limit: int = 100_000) -> list[Position]:
    """One ship's positions, oldest first, from closed days and live rows alike; the newest `limit` of them."""
    since_ms = 0 if since is None else round(since.timestamp() * 1000)
    files = [
        path
        for path in sorted(folder(services).glob("*.parquet"))
        if _start_ms(date.fromisoformat(path.stem)) + _DAY_MS > since_ms
    ]
    closed = parquet_store.read_track(files, mmsi, since_ms)
    with services.db.ais_read() as session:
        live = track(session, mmsi, since_ms, limit)
    merged = {position.at_ms: position for position in (*closed, *live)}
    return [merged[at_ms] for at_ms in sorted(merged)][-limit:]
