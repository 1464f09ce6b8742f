"""Owns the acts of the register: importing files of ships, past inspections and lists.

Never decides a rule: reading, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from ais.join import RegisterIndex
from ais.layouts import Layout, find_layout, load_layout
from ais.ranking import RegisterData
from ais.records import Company, PortReport
from ais.register import Issue, history_of, parse_register, particulars
from ais.register_store import (
    Changes,
    Mark,
    RegisterValue,
    known_mark,
    load_inspections,
    load_ratings,
    load_records,
    load_register,
    save_records,
    save_register,
)
from ais.rules import RulePack
from core.context import Services
from core.db import Database
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


def import_register(
    services: Services,
    path: Path,
    layout: str | None = None,
    *,
    as_of: date | None = None,
    write: bool = True,
) -> ImportResult:
    """Read a CSV or XLSX of ships or records; its headers tell which, or `layout` does. Importing it again changes nothing.

    `layout`: the name of a shipped layout, or the path of a TOML file that an authority wrote for its own export. `as_of`: the
    day of the data, where neither file nor layout has it. Without `write` it is only tried.

    Raises:
        NotFound: no such file.
        InputError: empty, not text, no layout knows its headers, or the layout file is wrong.
    """
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    if path.stat().st_size > _MAX_REGISTER_BYTES:
        raise InputError("ais.register_too_large", name=path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
    parsed = parse_register(data, path.name, None if layout is None else layout_of(layout), as_of)
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
        if not write:
            session.rollback()
    return ImportResult(path.name, parsed.layout_id, parsed.rows, parsed.rows_used, changes, tuple(parsed.issues))


def layout_of(name: str) -> Layout:
    """A shipped layout by its name, or the layout file at that path.

    Raises:
        InputError: neither; or the file is wrong.
    """
    return load_layout(Path(name)) if name.lower().endswith(".toml") else find_layout(name)


def register_data(services: Services, pack: RulePack, known_at: datetime | None = None) -> RegisterData:
    """What the register holds for a regime; with `known_at` only what had been entered by then.

    The last few answers are kept: the register changes by imports, the list is asked for all the time.
    """
    with services.db.read() as session:
        key = pack.regime, pack.region, known_mark(session, known_at)
        with _LOCK:
            held = _HELD.setdefault(services.db, {})
            found = held.pop(key, None)
        if found is None:
            inspections = load_inspections(session, pack.region, known_at)
            found = RegisterData(
                RegisterIndex(particulars(load_register(session, known_at))),
                history_of(inspections),
                load_ratings(session, pack.regime, known_at),
                load_records(session, Company, known_at=known_at),
                load_records(session, PortReport, known_at=known_at),
            )
    with _LOCK:
        held[key] = found  # the newest last
        while len(held) > _KEPT:
            del held[next(iter(held))]
    return found


_KEPT = 2  # today and a past day
_HELD: WeakKeyDictionary[Database, dict[tuple[str, str, Mark], RegisterData]] = WeakKeyDictionary()
_LOCK = Lock()


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
