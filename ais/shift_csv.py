"""Owns the targeting report of a shift as a CSV that a spreadsheet opens: one row a ship, every row with what it rests on.

Never lets a cell be a formula: a text that a spreadsheet would run gets an apostrophe in front (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ais.codes import ship_types
from ais.shift_report import ShiftDecision, ShiftLine, ShiftReport
from ais.text import Bilingual
from core.catalogue import Lang, text
from core.clock import rfc3339
from core.spreadsheet import plain
from core.workdays import SHANGHAI

COLUMNS = (
    "rank", "tied", "name", "imo", "mmsi", "flag", "type", "where", "hours", "points_low", "points_high", "profile_best",
    "profile_worst", "priority", "window_opens", "window_closes", "reasons", "local", "signals", "decisions", "last", "regime",
    "known_at", "made_at", "simulated",
)  # fmt: skip


def shift_csv(report: ShiftReport, lang: Lang) -> bytes:
    """UTF-8 with a byte order mark, so that Excel reads Chinese; headers and words in one language."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([text(f"targets.report.column.{name}", lang) for name in COLUMNS])
    taken: dict[str, list[ShiftDecision]] = {}
    for one in report.decisions:
        taken.setdefault(one.ship, []).append(one)
    for line in report.lines:
        writer.writerow([safe(cell) for cell in _row(report, line, taken.get(line.key, []), lang)])
    shown = {line.key for line in report.lines}
    for key, left in taken.items():  # a ship that has sailed since keeps its decisions in the report
        if key not in shown:
            cells: dict[str, object] = {"name": left[0].name, "decisions": _decisions(left, lang)}
            writer.writerow([safe(cells.get(name)) for name in COLUMNS])
    return target.getvalue().encode("utf-8-sig")


def safe(cell: object) -> str | int | float:
    """The cell as it is written: numbers stay numbers, a text never begins like a formula."""
    if cell is None:
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell
    return plain(str(cell))


def _row(report: ShiftReport, line: ShiftLine, taken: list[ShiftDecision], lang: Lang) -> Iterable[object]:
    label = ship_types().types.get(line.ship_type or "")
    kind = line.ship_type if label is None else label.zh if lang == "zh" else label.en
    window = line.window
    return (
        line.rank, line.tied_with, line.name, line.imo, line.mmsi, line.flag, kind, text(f"targets.where.{line.where}", lang),
        None if line.hours is None else round(line.hours, 1), line.points_low, line.points_high, line.profile_best,
        line.profile_worst, line.priority or "?", None if window is None else window.opens.isoformat(),
        None if window is None else window.closes.isoformat(), _said(line.reasons, lang), _said(line.local, lang),
        _said((one.words for one in line.signals), lang), _decisions(taken, lang),
        None if line.last is None else text(f"targets.decision.{line.last}", lang),
        f"{report.regime_name.of(lang)} {report.regime_version}", rfc3339(report.known_at), rfc3339(report.made_at),
        text(f"targets.report.{'yes' if line.simulated else 'no'}", lang),
    )  # fmt: skip


def _said(words: Iterable[Bilingual], lang: Lang) -> str:
    return ("；" if lang == "zh" else "; ").join(one.of(lang) for one in words)


def _decisions(taken: list[ShiftDecision], lang: Lang) -> str:
    lines = []
    for one in taken:
        role = text(f"role.{one.role}", lang) if one.role else text("targets.report.no_account", lang)
        parts = [f"{one.at.astimezone(SHANGHAI):%m-%d %H:%M}", role, text(f"targets.decision.{one.kind}", lang)]
        parts += [part for part in (None if one.factor is None else one.factor.of(lang), one.reason) if part]
        lines.append(" ".join(parts))
    return ("；" if lang == "zh" else "; ").join(lines)
