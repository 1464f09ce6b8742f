"""Owns the layouts of register files (`config/register/*.toml`) and how one cell is read.

Never opens a register file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ais.codes import flags, ship_types
from config import pack_path
from core.errors import InputError, YunJianError
from core.ids import Imo, Mmsi

RegisterKind = Literal["ship", "inspection", "rating"]
Parse = Literal[
    "imo", "mmsi", "text", "flag", "ship_type", "mapped", "date", "date_or_year", "positive", "count", "yes_no", "trigger",
    "rating", "rating_kind", "source", "as_of", "licence",
]  # fmt: skip

TRIGGERS = frozenset(("normal_selection", "accident", "report", "onsite_escalation"))
RATINGS = frozenset((
    "white", "grey", "black", "black_medium", "black_medium_high", "black_high", "black_very_high",
    "high", "medium", "low", "very_low", "no_inspection",
))  # fmt: skip
_YES_NO = {"yes": "yes", "true": "yes", "1": "yes", "是": "yes", "no": "no", "false": "no", "0": "no", "否": "no"}
_MAX_TEXT = 200


class Column(BaseModel):
    """What a column holds and how it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    parse: Parse


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
    return re.sub(r"\s+", " ", text)[:_MAX_TEXT]


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _date_or_year(text: str) -> str:
    if re.fullmatch(r"\d{4}", text):
        return text if 1850 <= int(text) <= 2200 else _refuse(text)
    return _date(text)


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
    """The layout whose required headers are all there.

    Raises:
        InputError: no layout fits; names the closest one and the headers it misses.
    """
    for layout in layouts():
        if layout.required <= headers:
            return layout
    closest = min(layouts(), key=lambda layout: len(layout.required - headers) / len(layout.required))
    missing = ", ".join(sorted(closest.required - headers))
    raise InputError("ais.register_layout", closest=closest.id, missing=missing)
