"""Owns the layouts of register files (`config/register/*.toml`) and how one cell is read.

Never opens a register file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ais.codes import flags, ship_types
from config import pack_path
from core.errors import InputError, YunJianError
from core.ids import Imo, Mmsi

RegisterKind = Literal[
    "ship", "inspection", "rating", "certificate", "crew_certificate", "manning", "rest", "company", "port_report", "port",
]  # fmt: skip
Parse = Literal[
    "imo", "mmsi", "text", "flag", "ship_type", "mapped", "date", "date_or_year", "positive", "count", "yes_no", "trigger",
    "rating", "rating_kind", "source", "as_of", "licence", "datetime", "dates", "codes", "number", "upper", "lower", "mode", "movement",
]  # fmt: skip

TRIGGERS = frozenset(("normal_selection", "accident", "report", "onsite_escalation"))
RATINGS = frozenset((
    "white", "grey", "black", "black_medium", "black_medium_high", "black_high", "black_very_high",
    "high", "medium", "low", "very_low", "no_inspection",
))  # fmt: skip
_YES_NO = {"yes": "yes", "true": "yes", "1": "yes", "是": "yes", "no": "no", "false": "no", "0": "no", "否": "no"}
_MAX_TEXT = 200


class Column(BaseModel):
    """What a column holds and how it is read. `unknown`: cells that stand for no value; `zh`: its header in Chinese files."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    parse: Parse
    zh: str | None = None
    unknown: frozenset[str] = frozenset()


class Layout(BaseModel):
    """One kind of register file, told by its headers. `trust`: the smaller number wins where sources differ."""

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
    columns: dict[str, Column]
    values: dict[str, dict[str, str]] = {}

    def aliases(self) -> dict[str, str]:
        """Chinese header to the header of the layout."""
        return {column.zh: header for header, column in self.columns.items() if column.zh is not None}

    def read(self, header: str, text: str) -> str:
        """The canonical text of a cell.

        Raises:
            ValueError: the cell is not what the column holds.
        """
        column = self.columns[header]
        if column.parse == "mapped":
            return self.values[header][text] if text in self.values.get(header, {}) else _refuse(text)
        try:
            return _PARSERS[column.parse](text)
        except YunJianError as error:
            raise ValueError(text) from error


def _refuse(text: str) -> str:
    raise ValueError(text)


def _one_of(allowed: frozenset[str]) -> Callable[[str], str]:
    return lambda text: text.lower() if text.lower() in allowed else _refuse(text)


def _text(text: str) -> str:
    return re.sub(r"\s+", " ", text) if len(text) <= _MAX_TEXT else _refuse(text)


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _date_or_year(text: str) -> str:
    if re.fullmatch(r"\d{4}", text):
        return text if 1850 <= int(text) <= 2200 else _refuse(text)
    return _date(text)


def _datetime(text: str) -> str:
    """UTC; a time without zone is refused, because ships and authorities keep different ones."""
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC).isoformat() if at.tzinfo is not None else _refuse(text)


def _many(one: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: ";".join(one(part.strip()) for part in text.split(";") if part.strip())


def _number(text: str) -> str:
    value = float(text)
    return f"{value:.10g}" if abs(value) < 1e9 else _refuse(text)


def _positive(text: str) -> str:
    return f"{float(text):g}" if 0 < float(text) < 1e6 else _refuse(text)


def _count(text: str) -> str:
    return str(int(text)) if 0 <= int(text) < 1000 else _refuse(text)


_PARSERS: Mapping[str, Callable[[str], str]] = {
    "imo": lambda text: str(Imo.parse(text)),
    "mmsi": lambda text: str(Mmsi.parse(text)),
    "text": _text,
    "flag": lambda text: text.upper() if text.upper() in flags() else _refuse(text),
    "ship_type": lambda text: text if text in ship_types().types else _refuse(text),
    "date": _date,
    "as_of": _date,
    "date_or_year": _date_or_year,
    "positive": _positive,
    "count": _count,
    "yes_no": lambda text: _YES_NO.get(text.lower()) or _refuse(text),
    "trigger": _one_of(TRIGGERS),
    "rating": _one_of(RATINGS),
    "rating_kind": _one_of(frozenset(("flag", "ro", "company"))),
    "datetime": _datetime,
    "dates": _many(_date),
    "codes": _many(_text),
    "number": _number,
    "upper": lambda text: _text(text).upper(),
    "lower": lambda text: _text(text).lower(),
    "mode": _one_of(frozenset(("onboard", "remote"))),
    "movement": _one_of(frozenset(("in", "out"))),
    "source": _text,
    "licence": _text,
}


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


def layout_named(name: str, headers: frozenset[str]) -> Layout:
    """The layout with that id, for a file with these headers.

    Raises:
        InputError: no such layout, or the headers it needs are missing.
    """
    layout = find_layout(name)
    if not layout.required <= translated(layout, headers):
        raise InputError("ais.register_layout", closest=name, missing=_missing(layout, headers))
    return layout


def find_layout(name: str) -> Layout:
    """The layout with that id.

    Raises:
        InputError: no such layout; names all.
    """
    found = next((layout for layout in layouts() if layout.id == name), None)
    if found is None:
        raise InputError("ais.register_no_layout", name=name, known=", ".join(sorted(layout.id for layout in layouts())))
    return found


def translated(layout: Layout, headers: frozenset[str]) -> frozenset[str]:
    names = layout.aliases()
    return frozenset(names.get(header, header) for header in headers)


def _missing(layout: Layout, headers: frozenset[str]) -> str:
    return ", ".join(sorted(layout.required - translated(layout, headers)))
