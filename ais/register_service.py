"""Owns the acts of the register: importing files of ships, past inspections and lists.

Never decides a rule: reading, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ais.join import RegisterIndex
from ais.ranking import RegisterData
from ais.register import Issue, history_of, parse_register, particulars
from ais.register_store import (
    Changes,
    RegisterValue,
    load_inspections,
    load_ratings,
    load_register,
    save_records,
    save_register,
)
from ais.rules import RulePack
from core.context import Services
from core.errors import InputError, NotFound
from core.journal import append

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


def import_register(services: Services, path: Path, layout: str | None = None) -> ImportResult:
    """Read a CSV or XLSX of ships or records; its headers tell which, or `layout` does. Importing it again changes nothing.

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
    parsed = parse_register(data, path.name, layout)
    now = services.clock.now()
    with services.db.write() as session:
        changes = save_register(session, parsed.values, now) + save_records(session, parsed.records, now)
        if changes.added or changes.changed:
            append(
                session, services.clock, stream="register", actor="system", action="register.import",
                payload={
                    "sha256": hashlib.sha256(data).hexdigest(), "layout": parsed.layout_id, "rows": parsed.rows,
                    "added": changes.added, "changed": changes.changed,
                },
            )  # fmt: skip
    return ImportResult(path.name, parsed.layout_id, parsed.rows, parsed.rows_used, changes, tuple(parsed.issues))


def register_data(services: Services, pack: RulePack, known_at: datetime | None = None) -> RegisterData:
    """What the register holds for a regime; with `known_at` only what had been entered by then."""
    with services.db.read() as session:
        values = load_register(session, known_at)
        inspections = load_inspections(session, pack.region, known_at)
        ratings = load_ratings(session, pack.regime, known_at)
    return RegisterData(RegisterIndex(particulars(values)), history_of(inspections), ratings)


def ship_values(services: Services, imo: int) -> list[tuple[RegisterValue, bool]]:
    """Every value of a ship from every source, and whether it is the one that counts.

    Raises:
        NotFound: the register does not know the ship.
    """
    with services.db.read() as session:
        values = [one for one in load_register(session) if one.subject == f"imo:{imo}"]
    if not values:
        raise NotFound("ais.not_registered", imo=imo)
    counting = particulars(values)[0].values
    return [(one, counting[one.field] is one) for one in sorted(values, key=lambda one: one.field)]
