"""Owns the layouts of register files: those of `config/register/*.toml`, and one that an authority writes for its own export.

Never opens a register file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ais.cells import DAYS, MANY, NUMBERS, TIMES, Parse, Unit, converted, day_written, parse_cell, time_written
from config import pack_path
from core.errors import InputError, YunJianError

RegisterKind = Literal[
    "ship", "inspection", "rating", "certificate", "crew_certificate", "manning", "rest", "company", "port_report", "port",
]  # fmt: skip
META = frozenset(("source", "as_of", "licence"))
_MAX_LAYOUT_BYTES = 1 << 20


class Column(BaseModel):
    """What a column holds and how it is read. `unknown`: cells that stand for no value; `zh`: its header in Chinese files.

    `format`: how a day or time is written (strptime, or ``excel-serial``); ISO is understood besides. `unit`: of a number, if it
    is not the register's (m, kW, t). `separator`: between several values of one cell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    parse: Parse
    zh: str | None = None
    unknown: frozenset[str] = frozenset()
    format: str | None = None
    unit: Unit | None = None
    separator: str = Field(default=";", min_length=1, max_length=3)

    @model_validator(mode="after")
    def _fitting(self) -> Column:
        if self.format is not None and self.parse not in DAYS | TIMES:
            raise ValueError(f"format belongs to a day or a time, not to {self.parse}")
        if self.unit is not None and self.parse not in NUMBERS:
            raise ValueError(f"unit belongs to a number, not to {self.parse}")
        if self.separator != ";" and self.parse not in MANY:
            raise ValueError(f"separator belongs to {' or '.join(sorted(MANY))}, not to {self.parse}")
        return self


class FileForm(BaseModel):
    """How the file itself is written. `header_row`: counted from 1; `sheet`: of a workbook, else its first one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    header_row: int = Field(default=1, ge=1, le=1000)
    sheet: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "gb18030", "utf-16"] | None = None
    thousands: Literal["", ",", " ", "'", "\u00a0"] = ""


class Layout(BaseModel):
    """One kind of register file, told by its headers. `trust`: the smaller number wins where sources differ.

    `values`: what the codes of a column mean. `fixed`: fields that every row of the file has alike. `zone`: of times that are
    written without one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    kind: RegisterKind
    label_zh: str
    label_en: str
    required: frozenset[str]
    trust: int
    source: str | None = None
    as_of: date | None = None
    licence: str | None = None
    zone: str | None = None
    file: FileForm = FileForm()
    columns: dict[str, Column]
    values: dict[str, dict[str, str]] = {}
    fixed: dict[str, str] = {}

    @model_validator(mode="after")
    def _whole(self) -> Layout:
        if strange := sorted(self.values.keys() - self.columns.keys()):
            raise ValueError(f"values of a column that is not there: {strange[0]}")
        try:
            ZoneInfo(self.zone or "UTC")
        except (KeyError, ValueError) as error:
            raise ValueError(f"no time zone {self.zone!r}") from error
        fields = [column.field for column in self.columns.values()] + list(self.fixed)
        if twice := sorted(one for one in set(fields) if fields.count(one) > 1):
            raise ValueError(f"field given twice: {twice[0]}")
        for header, meanings in self.values.items():
            column = self.columns[header]
            for code, meaning in meanings.items() if column.parse != "mapped" else ():
                try:
                    parse_cell(column.parse, meaning)
                except (ValueError, YunJianError) as error:
                    raise ValueError(f"values.{header}.{code}: {meaning!r} is no {column.parse}") from error
        return self

    def aliases(self) -> dict[str, str]:
        """Chinese header to the header of the layout."""
        return {column.zh: header for header, column in self.columns.items() if column.zh is not None}

    def read(self, header: str, text: str) -> str:
        """The canonical text of a cell.

        Raises:
            ValueError: the cell is not what the column holds.
        """
        column, meanings = self.columns[header], self.values.get(header, {})
        if text in meanings:
            text = meanings[text]
            if column.parse == "mapped":
                return text
        try:
            return parse_cell(column.parse, self._plain(column, text))
        except YunJianError as error:
            raise ValueError(text) from error

    def _plain(self, column: Column, text: str) -> str:
        """The cell as the parser of its kind wants it."""
        if column.parse in MANY:
            parts = [part.strip() for part in text.split(column.separator)]
            return ";".join(_day(column, part) if column.parse == "dates" else part for part in parts if part)
        if column.parse in NUMBERS:
            return converted(text, column.unit or "m", self.file.thousands)
        if column.parse in TIMES:
            at = datetime.fromisoformat(text if column.format is None else time_written(text, column.format))
            return (at.replace(tzinfo=ZoneInfo(self.zone)) if at.tzinfo is None and self.zone else at).isoformat()
        return _day(column, text)


def _day(column: Column, text: str) -> str:
    """A year alone stays a year: ``%Y`` would make the first of January of it."""
    year = column.parse == "date_or_year" and len(text) == 4 and text.isdigit()
    return text if column.format is None or year else day_written(text, column.format)


@cache
def layouts() -> tuple[Layout, ...]:
    """Every layout, the ones with more required headers first, so that the closest fits first."""
    found = [
        Layout.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(pack_path("register").glob("*.toml"))
    ]
    return tuple(sorted(found, key=lambda layout: (-len(layout.required), layout.id)))


def layout_for(headers: frozenset[str]) -> Layout:
    """The layout whose required headers are all there, in its own or the Chinese words.

    Raises:
        InputError: no layout fits; names the closest one and the headers it misses.
    """
    fitting = [layout for layout in layouts() if layout.required <= translated(layout, headers)]
    if fitting:
        return max(fitting, key=lambda layout: len(translated(layout, headers) & layout.columns.keys()))
    closest = min(layouts(), key=lambda layout: len(layout.required - translated(layout, headers)) / len(layout.required))
    raise InputError("ais.register_layout", closest=closest.id, missing=_missing(closest, headers))


def find_layout(name: str) -> Layout:
    """The layout with that id.

    Raises:
        InputError: no such layout; names all.
    """
    found = next((layout for layout in layouts() if layout.id == name), None)
    if found is None:
        raise InputError("ais.register_no_layout", name=name, known=", ".join(sorted(layout.id for layout in layouts())))
    return found


def layout_path(name: str) -> Path:
    """The file of a shipped layout.

    Raises:
        InputError: no such layout; names all.
    """
    return pack_path("register", f"{find_layout(name).id}.toml")


def load_layout(path: Path) -> Layout:
    """A layout file that an authority wrote for its own export.

    Raises:
        InputError: unreadable or wrong; names the place.
    """
    try:
        if path.stat().st_size > _MAX_LAYOUT_BYTES:
            raise InputError("ais.register_too_large", name=path.name)
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("ais.register_layout_file", file=path.name, place="-", reason=str(error)) from error
    try:
        layout = Layout.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "-"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError("ais.register_layout_file", file=path.name, place=place, reason=reason) from error
    for place, reason in _strange(layout):
        raise InputError("ais.register_layout_file", file=path.name, place=place, reason=reason)
    return layout


def fields_of(kind: RegisterKind) -> dict[str, frozenset[Parse]]:
    """What the register knows of this kind: field -> how the shipped layouts read it."""
    found: dict[str, set[Parse]] = {}
    for layout in layouts():
        for column in layout.columns.values() if layout.kind == kind else ():
            found.setdefault(column.field, set()).add(column.parse)
    return {name: frozenset(parses - {"mapped"}) for name, parses in found.items()}


def _strange(layout: Layout) -> Iterator[tuple[str, str]]:
    """Fields that the register does not know, or that are read so that a later reckoning could not use them."""
    known = fields_of(layout.kind)
    places = {f"columns.{header}": column.field for header, column in layout.columns.items()}
    for place, name in {**places, **{f"fixed.{name}": name for name in layout.fixed}}.items():
        if name not in known:
            yield place, f"no field {name!r}; known: {', '.join(sorted(known))}"
    for header, column in layout.columns.items():
        reads = known.get(column.field, frozenset())
        if column.parse != "mapped" and column.parse not in reads and not (column.parse == "date" and "date_or_year" in reads):
            yield f"columns.{header}", f"parse of {column.field!r} is {' or '.join(sorted(reads))}"
        for meaning in layout.values.get(header, {}).values() if column.parse == "mapped" else ():
            if not _canonical(reads, meaning):
                yield f"values.{header}", f"{meaning!r} is no {' or '.join(sorted(reads))}"
    for name, value in layout.fixed.items():
        if not _canonical(known[name], value):
            yield f"fixed.{name}", f"{value!r} is no {' or '.join(sorted(known[name]))}"
    if missing := sorted(layout.required - layout.columns.keys()):
        yield "required", f"no column {missing[0]!r}"


def _canonical(reads: frozenset[Parse], text: str) -> bool:
    """True where one of these kinds takes the text and leaves it as it is."""
    for parse in reads:
        try:
            if parse_cell(parse, text) == text:
                return True
        except (ValueError, YunJianError):
            continue
    return False


def check_headers(layout: Layout, headers: frozenset[str]) -> None:
    """Raises InputError where a header that the layout needs is missing."""
    if not layout.required <= translated(layout, headers):
        raise InputError("ais.register_layout", closest=layout.id, missing=_missing(layout, headers))


def translated(layout: Layout, headers: frozenset[str]) -> frozenset[str]:
    names = layout.aliases()
    return frozenset(names.get(header, header) for header in headers)


def _missing(layout: Layout, headers: frozenset[str]) -> str:
    return ", ".join(sorted(layout.required - translated(layout, headers)))
