"""Owns reading register files (CSV) into sourced facts, with errors by row and column, and the register in memory.

Never writes to the database and never throws a good row away because of a bad one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ais.layouts import Layout, RegisterKind, layout_for
from ais.register_store import Inspection, Rating, RatingKind, RegisterValue
from core.errors import InputError

IssueCode = Literal["cell", "no_key", "no_source", "missing_cell"]

_META = frozenset(("source", "as_of", "licence"))
_RATING_KINDS: dict[str, RatingKind] = {"flag": "flag", "ro": "ro", "company": "company"}


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
    inspections: list[Inspection] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Particular:
    """All facts about one ship; for each field the most trusted and newest value."""

    subject: str
    values: dict[str, RegisterValue]

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


def parse_register(data: bytes, name: str) -> ParsedRegister:
    """Read a CSV file.

    Raises:
        InputError: empty, not text, or with headers that no layout knows.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("ais.register_not_text", name=name) from error
    if not text.strip():
        raise InputError("ais.register_empty", name=name)
    if "\0" in text:
        raise InputError("ais.register_not_text", name=name)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        headers = frozenset(header.strip() for header in reader.fieldnames or ())
        layout = layout_for(headers)
        parsed = ParsedRegister(layout.id, layout.kind)
        for row in reader:
            _take(layout, parsed, reader.line_num, {(key or "").strip(): value for key, value in row.items()})
    except csv.Error as error:
        raise InputError("ais.register_not_text", name=name) from error
    if parsed.rows == 0:
        raise InputError("ais.register_empty", name=name)
    return parsed


def _take(layout: Layout, parsed: ParsedRegister, line: int, row: dict[str, str | list[str] | None]) -> None:
    parsed.rows += 1
    cells: dict[str, str] = {}
    for header, column in layout.columns.items():
        raw = row.get(header)
        text = raw.strip() if isinstance(raw, str) else ""
        if not text:
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
    made = _MAKERS[layout.kind](parsed, facts, _Provenance(source, date.fromisoformat(as_of), licence, layout.trust))
    if made is not None:
        parsed.issues.append(Issue(line, made, "", "no_key" if layout.kind == "ship" else "missing_cell"))
        return
    parsed.rows_used += 1


@dataclass(frozen=True, slots=True)
class _Provenance:
    source: str
    as_of: date
    licence: str
    trust: int


def _ship(parsed: ParsedRegister, facts: dict[str, str], origin: _Provenance) -> str | None:
    if "imo" in facts:
        subject = f"imo:{facts['imo']}"
    elif "mmsi" in facts:
        subject = f"mmsi:{facts['mmsi']}"
    else:
        return "imo, mmsi"
    parsed.values.extend(
        RegisterValue(subject, name, value, origin.source, origin.as_of, origin.licence, origin.trust)
        for name, value in facts.items()
    )
    return None


def _inspection(parsed: ParsedRegister, facts: dict[str, str], origin: _Provenance) -> str | None:
    needed = ("imo", "inspected_on", "authority", "region", "deficiencies", "detained")
    if missing := [name for name in needed if name not in facts]:
        return ", ".join(missing)
    parsed.inspections.append(
        Inspection(
            imo=int(facts["imo"]),
            inspected_on=date.fromisoformat(facts["inspected_on"]),
            authority=facts["authority"],
            region=facts["region"].lower(),
            deficiencies=int(facts["deficiencies"]),
            detained=facts["detained"] == "yes",
            source=origin.source,
            as_of=origin.as_of,
            licence=origin.licence,
        )
    )
    return None


def _rating(parsed: ParsedRegister, facts: dict[str, str], origin: _Provenance) -> str | None:
    needed = ("kind", "regime", "key", "valid_from", "valid_to")
    if missing := [name for name in needed if name not in facts]:
        return ", ".join(missing)
    parsed.ratings.append(
        Rating(
            kind=_RATING_KINDS[facts["kind"]],
            regime=facts["regime"],
            key=facts["key"].upper(),
            valid_from=date.fromisoformat(facts["valid_from"]),
            valid_to=date.fromisoformat(facts["valid_to"]),
            rating=facts.get("rating"),
            attested=None if "attested" not in facts else facts["attested"] == "yes",
            source=origin.source,
            licence=origin.licence,
        )
    )
    return None


_MAKERS: dict[RegisterKind, Callable[[ParsedRegister, dict[str, str], _Provenance], str | None]] = {
    "ship": _ship,
    "inspection": _inspection,
    "rating": _rating,
}


def particulars(values: Iterable[RegisterValue]) -> list[Particular]:
    """Facts grouped by ship. `values` come the most trusted and newest first; the first one of a field counts."""
    ships: dict[str, dict[str, RegisterValue]] = {}
    for value in values:
        ships.setdefault(value.subject, {}).setdefault(value.field, value)
    return [Particular(subject, facts) for subject, facts in ships.items()]


def history_of(inspections: Sequence[Inspection]) -> dict[int, list[Inspection]]:
    """Inspections by IMO number, oldest first."""
    history: dict[int, list[Inspection]] = {}
    for item in inspections:
        history.setdefault(item.imo, []).append(item)
    return history
