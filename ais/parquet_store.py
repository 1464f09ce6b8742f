"""Owns Parquet files of positions, written and read with DuckDB.

Never leaves half a file: it is written beside and renamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ais.live import Position
from ais.store import PositionRow, position_of
from core.geo import Float

if TYPE_CHECKING:
    import duckdb

_COLUMNS = tuple(column.name for column in PositionRow.__table__.columns)
_WIDE = frozenset(("mmsi", "at_ms"))


def _duckdb() -> duckdb.DuckDBPyConnection:
    """A database of its own in memory; the library is imported when a day is first written or read, not at every start."""
    import duckdb  # noqa: PLC0415

    return duckdb.connect()


def write_day(path: Path, rows: Float) -> None:
    """Rows with values in the order of the table's columns, NaN where there is none; those already in the file stay, a key that is in both is one row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".part")
    columns = {name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(_COLUMNS)}
    with _duckdb() as connection:
        connection.register("fresh", columns)
        casts = ", ".join(
            f"CAST(CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {'BIGINT' if name in _WIDE else 'INTEGER'}) AS {name}"
            for name in _COLUMNS
        )
        earlier = f"UNION SELECT * FROM read_parquet('{_quoted(path)}')" if path.is_file() else ""  # noqa: S608 - our own names
        rows_of = f"SELECT * FROM (SELECT {casts} FROM fresh) {earlier} ORDER BY mmsi, at_ms"  # noqa: S608 - our own names
        connection.execute(f"COPY ({rows_of}) TO '{_quoted(made)}' (FORMAT parquet, COMPRESSION zstd)")
    made.replace(path)


def read_track(files: Sequence[Path], mmsi: int, since_ms: int) -> list[Position]:
    """One ship's positions in these files, oldest first."""
    if not files:
        return []
    names = [str(path) for path in files]
    query = f"SELECT {', '.join(_COLUMNS)} FROM read_parquet(?) WHERE mmsi = ? AND at_ms >= ? ORDER BY at_ms"  # noqa: S608 - our own names
    with _duckdb() as connection:
        return [position_of(*row[1:]) for row in connection.execute(query, [names, mmsi, since_ms]).fetchall()]


def write_track(path: Path, mmsi: int, points: Sequence[Position]) -> None:
    """A track for others: degrees and knots."""
    columns = {
        "mmsi": np.full(len(points), mmsi),
        "at_ms": np.array([point.at_ms for point in points], dtype=np.int64),
        "lon": np.array([point.lonlat.lon for point in points], dtype=np.float64),
        "lat": np.array([point.lonlat.lat for point in points], dtype=np.float64),
        "sog_kn": np.array([np.nan if point.sog_kn is None else point.sog_kn for point in points]),
        "cog_deg_true": np.array([np.nan if point.cog_deg_true is None else point.cog_deg_true for point in points]),
    }
    with _duckdb() as connection:
        connection.register("points", columns)
        rows_of = (
            "SELECT mmsi, epoch_ms(at_ms) AS at_utc, lon, lat, nullif(sog_kn, 'nan') AS sog_kn, "
            "nullif(cog_deg_true, 'nan') AS cog_deg_true FROM points"
        )
        connection.execute(f"COPY ({rows_of}) TO '{_quoted(path)}' (FORMAT parquet)")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
