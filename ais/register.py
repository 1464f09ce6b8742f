"""Owns reading register files (CSV, XLSX) into sourced facts, with errors by row and column, and the register in memory.

Never writes to the database and never throws a good row away because of a bad one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from typing import Literal

from pydantic import ValidationError

from ais.cells import MANY
from ais.layouts import META, Layout, RegisterKind, check_headers, layout_for, translated
from ais.records import Certificate, Company, CrewCertificate, ManningLine, PortReport, RestPeriod, WorldPort
from ais.register_store import Inspection, Rating, Recorded, RegisterValue, adapter
from ais.sheets import read_sheet
from core.catalogue import Lang
from core.errors import InputError

IssueCode = Literal["cell", "no_key", "no_source", "missing_cell"]


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
        return None if value is None else value.said_by

    @property
    def imo(self) -> int | None:
        text = self.get("imo")
        return None if text is None else int(text)


def parse_register(data: bytes, name: str, layout: Layout | None = None, as_of: date | None = None) -> ParsedRegister:
    """Read a CSV or XLSX file; without `layout` its headers tell which. `as_of`: day of the data where the file has none.

    Raises:
        InputError: empty, not a table, with headers that the layout does not know, or with one that it uses twice.
    """
    sheet = read_sheet(data, name, None if layout is None else layout.file)
    layout = layout_for(sheet.headers) if layout is None else layout
    check_headers(layout, sheet.headers)
    if twice := sorted(translated(layout, sheet.repeated) & layout.columns.keys()):
        raise InputError("ais.register_header_twice", name=name, column=twice[0])
    if as_of is not None:
        layout = layout.model_copy(update={"as_of": as_of})
    parsed = ParsedRegister(layout.id, layout.kind)
    names = layout.aliases()
    said = {names.get(header, header): header for header in sheet.headers}
    for line, row in sheet.rows:
        _take(layout, parsed, line, {names.get(header, header): text for header, text in row.items()}, said)
    if parsed.rows == 0:
        raise InputError("ais.register_empty", name=name)
    return parsed


def _take(layout: Layout, parsed: ParsedRegister, line: int, row: Mapping[str, str], said: Mapping[str, str]) -> None:
    """`said`: what the file calls a column of the layout."""
    parsed.rows += 1
    cells = dict(layout.fixed)
    for header, column in layout.columns.items():
        text = row.get(header, "")
        if not text or text in column.unknown:
            continue
        try:
            cells[column.field] = layout.read(header, text)
        except ValueError:
            parsed.issues.append(Issue(line, said.get(header, header), text[:60], "cell"))
    source = cells.get("source") or layout.source
    as_of = cells.get("as_of") or (layout.as_of.isoformat() if layout.as_of else None)
    licence = cells.get("licence") or layout.licence
    if source is None or as_of is None or licence is None:
        parsed.issues.append(Issue(line, "source, as_of, licence", "", "no_source"))
        return
    facts = {key: value for key, value in cells.items() if key not in META}
    origin = {"source": source, "as_of": as_of, "licence": licence}
    if layout.kind == "ship":
        made = _ship(parsed, facts, origin, layout.trust)
    else:
        try:
            made = _record(parsed, RECORDS[layout.kind], layout, facts | origin)
        except ValidationError as error:
            for wrong in error.errors():
                name = str(wrong["loc"][0]) if wrong["loc"] else "-"
                header = next((key for key, column in layout.columns.items() if column.field == name), name)
                parsed.issues.append(Issue(line, said.get(header, header), str(wrong["input"])[:60], "cell"))
            return
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
    many = {column.field for column in layout.columns.values() if column.parse in MANY}
    values: dict[str, object] = {name: value.split(";") if name in many else value for name, value in facts.items()}
    parsed.records.append(adapter(kind).validate_python(dict.fromkeys(_MAY_BE_EMPTY & _names(kind)) | values))
    return None


def _names(kind: type[Recorded]) -> frozenset[str]:
    return frozenset(one.name for one in fields(kind))


_MAY_BE_EMPTY = frozenset(("rating", "attested"))
RECORDS: dict[str, type[Recorded]] = {
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
