"""Owns the PDF of a shift's targeting report: page data and one typeset run; a missing glyph is an error, never a box.

Never ranks and never decides: everything it says is in `ais.shift_report`. The same report gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from pyhanko.pdf_utils.reader import PdfFileReader

from ais.codes import ship_types
from ais.shift_report import ShiftLine, ShiftReport
from config import Settings, pack_path
from core.auth import Role
from core.catalogue import Lang, entries, text
from core.clock import rfc3339
from core.workdays import SHANGHAI
from reports.render import TEMPLATES
from reports.typeset import typeset

_SHIPS_PRINTED = 300  # the CSV has all; a list longer than this is no list for a shift
_LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ShiftPdf:
    """A report set in one language."""

    pdf: bytes
    pages: int


def shift_pdf(report: ShiftReport, lang: Lang, settings: Settings, shift: str = "") -> ShiftPdf:
    """Tagged PDF/A-3a. `shift`: its name in words; without it the times stand for it.

    Raises:
        InputError: a character that no font has (``reports.glyph_missing``).
        EnvironmentFault: out of memory or time.
    """
    pack = tomllib.loads(pack_path("reports", "report.toml").read_text(encoding="utf-8"))
    with TemporaryDirectory(prefix="yunjian-shift-") as folder:
        root = Path(folder).resolve()
        shutil.copytree(TEMPLATES, root, dirs_exist_ok=True)
        data = page_data(report, lang, shift or _between(report), pack["utc_offset_hours"])
        (root / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        done = typeset(root, "shift.typ", settings, report.known_at, float(pack["typeset_seconds"]))
    pages = int(PdfFileReader(BytesIO(done.pdf)).root["/Pages"]["/Count"])
    return ShiftPdf(done.pdf, pages)


def page_data(report: ShiftReport, lang: Lang, shift: str, utc_offset_hours: int) -> dict[str, object]:
    """What the template reads; everything that a person wrote reaches it as data."""
    record = json.loads(json.dumps(asdict(report), default=_plain))
    shown = [
        {**line, "type": _type(one, lang)} for line, one in zip(record["lines"], report.lines[:_SHIPS_PRINTED], strict=False)
    ]
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {
        "lang": lang,
        "other": "en" if lang == "zh" else "zh",
        "text": {key: entry for key, entry in entries().items() if key.startswith("reports.pdf.")},
        "record": record,
        "shown": shown,
        "more": len(report.lines) - len(shown),
        "most": max((line.points_high for line in report.lines), default=1),
        "roles": {role.value: text(f"role.{role.value}", lang) for role in Role},
        "shift": shift,
        "late": report.made_at - report.until > _LATE,
        "simulated": any(line.simulated for line in report.lines) or report.fictitious,
        "sha256": hashlib.sha256(canonical.encode()).hexdigest(),
        "utc_offset_hours": utc_offset_hours,
    }


def _between(report: ShiftReport) -> str:
    since, until = (one.astimezone(SHANGHAI) for one in (report.since, report.until))
    return f"{since:%Y-%m-%d %H:%M} – {until:%Y-%m-%d %H:%M}"


def _type(line: ShiftLine, lang: Lang) -> str:
    label = ship_types().types.get(line.ship_type or "")
    return line.ship_type or "–" if label is None else label.zh if lang == "zh" else label.en


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
