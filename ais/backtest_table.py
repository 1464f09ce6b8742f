"""Owns the table of past inspections that a back-test reads, the synthetic one that is shipped, and the gain curve as a drawing.

Never measures: `ais.backtest` does. A synthetic table says so in its first line, and whoever reads it is told.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ais.backtest import BackTest, Scored
from config import pack_path
from core.errors import InputError, NotFound

_COLUMNS = ("inspection", "score", "hit")
_SYNTHETIC = "# SYNTHETIC"
_MAX_BYTES = 64 << 20
FIRSTS = (10, 20, 50, 100, 200)
"""How many of the first ships the precision is given for."""


@dataclass(frozen=True, slots=True)
class Table:
    """Past inspections. `synthetic`: made by a program, not by inspectors."""

    name: str
    synthetic: bool
    rows: tuple[Scored, ...]


def shipped_table() -> Path:
    """The synthetic table of the demonstration."""
    return pack_path("backtest", "synthetic_inspections.csv")


def read_table(path: Path) -> Table:
    """A CSV file with `inspection` (a reference), `score` (of the ranking the day before) and `hit` (yes, no).

    Raises:
        NotFound: no such file. InputError: not such a table; names row and column.
    """
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    if path.stat().st_size > _MAX_BYTES:
        raise InputError("ais.register_too_large", name=path.name)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
    remarks = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    reader = csv.DictReader(lines[remarks:], strict=True)
    found: list[Scored] = []
    try:
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError("ais.backtest_cell", name=path.name, row=remarks + 1, column=missing[0], value="")
        found.extend(_scored(path.name, remarks + reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
    return Table(path.name, any(line.startswith(_SYNTHETIC) for line in lines[:remarks]), tuple(found))


def _scored(name: str, line: int, row: dict[str, str | None]) -> Scored:
    cells = {column: (row[column] or "").strip() for column in _COLUMNS}
    try:
        score = float(cells["score"])
    except ValueError:
        score = math.nan
    good = {"inspection": bool(cells["inspection"]), "score": math.isfinite(score), "hit": cells["hit"] in {"yes", "no"}}
    for column in _COLUMNS:
        if not good[column]:
            raise InputError("ais.backtest_cell", name=name, row=line, column=column, value=cells[column][:60])
    return Scored(cells["inspection"], score, cells["hit"] == "yes")


def synthetic_table(seed: int, rows: int) -> str:
    """Made-up inspections: points of a ranking from 0 to 12, and hits that grow likelier with the points by a made-up law."""
    random = Random(seed)  # noqa: S311  # a demonstration, not a secret
    lines = [
        f"{_SYNTHETIC}: made by ais.backtest_table.synthetic_table(seed={seed}, rows={rows}); no real ship, no real inspection.",
        ",".join(_COLUMNS),
    ]
    for number in range(1, rows + 1):
        points = min(12, int(random.expovariate(0.4)))
        hit = random.random() < 0.03 + 0.04 * points
        lines.append(f"SYN-{number:04d},{points},{'yes' if hit else 'no'}")
    return "\n".join(lines) + "\n"


def gain_svg(found: BackTest, title: str, across: str, up: str) -> str:
    """The gain curve against chance (dashed), 400 by 400 units, with the given words."""
    size, left, top = 320, 60, 40

    def at(point: Sequence[float]) -> str:
        return f"{left + point[0] * size:.1f},{top + (1 - point[1]) * size:.1f}"

    curve = " ".join(at(point) for point in found.gain)
    ticks = "".join(
        f'<text x="{left + share * size:.0f}" y="{top + size + 16}" text-anchor="middle">{share:.0%}</text>'
        f'<text x="{left - 6}" y="{top + (1 - share) * size + 4:.0f}" text-anchor="end">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    words = [_escaped(one) for one in (title, across, up)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 420" font-family="sans-serif" font-size="11" role="img">'
        f'<title>{words[0]}</title><rect width="400" height="420" fill="white"/>'
        f'<text x="{left}" y="22" font-size="13">{words[0]}</text>'
        f'<rect x="{left}" y="{top}" width="{size}" height="{size}" fill="none" stroke="#888"/>'
        f'<polyline points="{at((0, 0))} {at((1, 1))}" fill="none" stroke="#888" stroke-dasharray="4 4"/>'
        f'<polyline points="{curve}" fill="none" stroke="#0b5cad" stroke-width="2"/>{ticks}'
        f'<text x="{left + size / 2:.0f}" y="{top + size + 36}" text-anchor="middle">{words[1]}</text>'
        f'<text transform="translate(16 {top + size / 2:.0f}) rotate(-90)" text-anchor="middle">{words[2]}</text></svg>\n'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
