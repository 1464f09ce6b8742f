"""Owns reading register files (CSV, XLSX) into sourced facts, with errors by row and column, and the register in memory.

Never writes to the database and never throws a good row away because of a bad one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from typing import Literal

from ais.layouts import Layout, RegisterKind, layout_for, layout_named
from ais.records import Certificate, Company, CrewCertificate, ManningLine, PortReport, RestPeriod, WorldPort
from ais.register_store import Inspection, Rating, Recorded, RegisterValue, adapter
from ais.sheets import read_sheet
from core.catalogue import Lang
from core.errors import InputError

IssueCode = Literal["cell", "no_key", "no_source", "missing_cell"]

_META = frozenset(("source", "as_of", "licence"))


@dataclass(frozen=True, slots=True)
class Issue:
    """What is wrong with a cell or a row. `row` counts lines of the file from 1, the header is row 1."""

    row: int
    column: str
    value: str
    code: IssueCode


@dataclass(slots=True)
class ParsedRegister:
    """Everything usable in a file, and what was not."""

    layout_id: str
    kind: RegisterKind
    rows: int = 0
    rows_used: int = 0
    values: list[RegisterValue] = field(default_factory=list)
    records: list[Recorded] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Particular:
    """All facts about one ship; for each field the most trusted and newest value. `others`: what other sources say instead."""

    subject: str
    values: dict[str, RegisterValue]
    others: tuple[RegisterValue, ...] = ()

    def get(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else value.value

    def number(self, name: str) -> float | None:
        text = self.get(name)
        return None if text is None else float(text)

    def flag(self, name: str) -> bool | None:
        """A yes/no fact."""
        text = self.get(name)
        return None if text is None else text == "yes"

    def day(self, name: str) -> date | None:
        text = self.get(name)
        return None if text is None else date.fromisoformat(text)

    def source(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else f"{value.source} ({value.as_of.isoformat()})"

    @property
    def imo(self) -> int | None:
        text = self.get("imo")
        return None if text is None else int(text)


def parse_register(data: bytes, name: str, layout_id: str | None = None) -> ParsedRegister:
    """Read a CSV or XLSX file; without `layout_id` its headers tell the layout.

    Raises:
        InputError: empty, not a table, or with headers that the layout does not know.
    """
    sheet = read_sheet(data, name)
    layout = layout_for(sheet.headers) if layout_id is None else layout_named(layout_id, sheet.headers)
    parsed = ParsedRegister(layout.id, layout.kind)
    names = layout.aliases()
    for line, row in sheet.rows:
        _take(layout, parsed, line, {names.get(header, header): text for header, text in row.items()})
    if parsed.rows == 0:
        raise InputError("ais.register_empty", name=name)
    return parsed


def _take(layout: Layout, parsed: ParsedRegister, line: int, row: Mapping[str, str]) -> None:
    parsed.rows += 1
    cells: dict[str, str] = {}
    for header, column in layout.columns.items():
        text = row.get(header, "")
        if not text or text in column.unknown:
            continue
        try:
            cells[column.field] = layout.read(header, text)
        except ValueError:
            parsed.issues.append(Issue(line, header, text[:60], "cell"))
    source = cells.get("source") or layout.source
    as_of = cells.get("as_of") or (layout.as_of.isoformat() if layout.as_of else None)
    licence = cells.get("licence") or layout.licence
    if source is None or as_of is None or licence is None:
        parsed.issues.append(Issue(line, "source, as_of, licence", "", "no_source"))
        return
    facts = {key: value for key, value in cells.items() if key not in _META}
    origin = {"source": source, "as_of": as_of, "licence": licence}
    if layout.kind == "ship":
        made = _ship(parsed, facts, origin, layout.trust)
    else:
        made = _record(parsed, _RECORDS[layout.kind], layout, facts | origin)
    if made is not None:
        parsed.issues.append(Issue(line, made, "", "no_key" if layout.kind == "ship" else "missing_cell"))
        return
    parsed.rows_used += 1


def _ship(parsed: ParsedRegister, facts: dict[str, str], origin: dict[str, str], trust: int) -> str | None:
    if "imo" in facts:
        subject = f"imo:{facts['imo']}"
    elif "mmsi" in facts:
        subject = f"mmsi:{facts['mmsi']}"
    else:
        return "imo, mmsi"
    as_of = date.fromisoformat(origin["as_of"])
    parsed.values.extend(
        RegisterValue(subject, name, value, origin["source"], as_of, origin["licence"], trust) for name, value in facts.items()
    )
    return None


def _record(parsed: ParsedRegister, kind: type[Recorded], layout: Layout, facts: dict[str, str]) -> str | None:
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.name not in _MAY_BE_EMPTY]
    if missing := [name for name in needed if name not in facts]:
        return ", ".join(missing)
    many = {column.field for column in layout.columns.values() if column.parse in ("dates", "codes")}
    values: dict[str, object] = {name: value.split(";") if name in many else value for name, value in facts.items()}
    parsed.records.append(adapter(kind).validate_python(dict.fromkeys(_MAY_BE_EMPTY & _names(kind)) | values))
    return None


def _names(kind: type[Recorded]) -> frozenset[str]:
    return frozenset(one.name for one in fields(kind))


_MAY_BE_EMPTY = frozenset(("rating", "attested"))
_RECORDS: dict[str, type[Recorded]] = {
    kind.KIND: kind
    for kind in (
        Inspection, Rating, Certificate, CrewCertificate, ManningLine, RestPeriod, Company, PortReport, WorldPort,
    )
}  # fmt: skip


def template_rows(layout: Layout, lang: Lang) -> list[str]:
    """The header row of an empty file of this layout."""
    return [column.zh if lang == "zh" and column.zh else header for header, column in layout.columns.items()]


def particulars(values: Iterable[RegisterValue]) -> list[Particular]:
    """Facts grouped by ship. `values` come the most trusted and newest first; the first one of a field counts."""
    ships: dict[str, dict[str, RegisterValue]] = {}
    others: dict[str, list[RegisterValue]] = {}
    for value in values:
        if ships.setdefault(value.subject, {}).setdefault(value.field, value).value != value.value:
            others.setdefault(value.subject, []).append(value)
    return [Particular(subject, facts, tuple(others.get(subject, ()))) for subject, facts in ships.items()]


def history_of(inspections: Sequence[Inspection]) -> dict[int, list[Inspection]]:
    """Inspections by IMO number, oldest first."""
    history: dict[int, list[Inspection]] = {}
    for item in inspections:
        history.setdefault(item.imo, []).append(item)
    return history
