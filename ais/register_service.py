"""Owns the acts of the register: importing files of ships, past inspections and lists.

Never decides a rule: reading, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ais.join import RegisterIndex
from ais.ranking import RegisterData
from ais.register import Issue, history_of, parse_register, particulars
from ais.register_store import (
    Changes,
    load_inspections,
    load_ratings,
    load_register,
    save_inspections,
    save_ratings,
    save_register,
)
from ais.rules import RulePack
from core.context import Services
from core.errors import InputError, NotFound

_MAX_REGISTER_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a register file gave; bad cells and rows are named, good ones are in."""

    file: str
    layout: str
    rows: int
    rows_used: int
    changes: Changes
    issues: tuple[Issue, ...]


def import_register(services: Services, path: Path) -> ImportResult:
    """Read a CSV of ships, past inspections or lists; its headers tell which. Importing it again changes nothing.

    Raises:
        NotFound: no such file.
        InputError: empty, not text, or no layout knows its headers.
    """
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    if path.stat().st_size > _MAX_REGISTER_BYTES:
        raise InputError("ais.register_too_large", name=path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
    parsed = parse_register(data, path.name)
    with services.db.write() as session:
        changes = _sum(
            save_register(session, parsed.values),
            save_inspections(session, parsed.inspections),
            save_ratings(session, parsed.ratings),
        )
    return ImportResult(path.name, parsed.layout_id, parsed.rows, parsed.rows_used, changes, tuple(parsed.issues))


def _sum(*changes: Changes) -> Changes:
    return Changes(
        sum(change.added for change in changes),
        sum(change.changed for change in changes),
        sum(change.unchanged for change in changes),
    )


def register_data(services: Services, pack: RulePack) -> RegisterData:
    """What the register holds for a regime."""
    with services.db.read() as session:
        values = load_register(session)
        inspections = load_inspections(session, pack.region)
        ratings = load_ratings(session, pack.regime)
    return RegisterData(RegisterIndex(particulars(values)), history_of(inspections), ratings)
