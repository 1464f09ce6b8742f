"""Owns how one cell of a register file becomes a canonical text: dates, numbers with units, codes of our lists.

Never opens a file and never knows a layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Literal, get_args

from ais.codes import flags, ship_types
from core.ids import Imo, Mmsi

Parse = Literal[
    "imo", "mmsi", "text", "flag", "ship_type", "mapped", "date", "date_or_year", "positive", "count", "yes_no", "trigger",
    "rating", "rating_kind", "source", "as_of", "licence", "datetime", "dates", "codes", "number", "upper", "lower", "mode", "movement",
]  # fmt: skip
Unit = Literal["mm", "cm", "m", "in", "ft", "kw", "w", "ps", "t", "kg"]

EXCEL_SERIAL = "excel-serial"
"""The date format of days counted from 1900, as a spreadsheet exports them without their format."""

TRIGGERS = frozenset(("normal_selection", "accident", "report", "onsite_escalation"))
RATINGS = frozenset((
    "white", "grey", "black", "black_medium", "black_medium_high", "black_high", "black_very_high",
    "high", "medium", "low", "very_low", "no_inspection",
))  # fmt: skip
NUMBERS = frozenset(("positive", "number", "count"))
DAYS = frozenset(("date", "as_of", "date_or_year", "dates"))
TIMES = frozenset(("datetime",))
MANY = frozenset(("dates", "codes"))
_YES_NO = {"yes": "yes", "true": "yes", "1": "yes", "是": "yes", "no": "no", "false": "no", "0": "no", "否": "no"}
_MAX_TEXT = 200
# To metres, kilowatts and tonnes, which is what the register holds. International foot and inch; metric horsepower (DIN 66036).
_FACTORS: Mapping[Unit, float] = {
    "mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, "ft": 0.3048, "kw": 1.0, "w": 0.001, "ps": 0.73549875, "t": 1.0, "kg": 0.001,
}  # fmt: skip


def parse_cell(parse: Parse, text: str) -> str:
    """The canonical text of a cell; several values of one cell are separated by a semicolon.

    Raises:
        ValueError, YunJianError: the cell is not what it should be.
    """
    return _PARSERS[parse](text)


def converted(text: str, unit: Unit, thousands: str) -> str:
    """A number in the register's unit: ``1,234`` ft -> 376.1232. Raises ValueError."""
    plain = text.replace(thousands, "") if thousands else text
    factor = _FACTORS[unit]
    return plain if factor == 1.0 else f"{float(plain) * factor:.10g}"


def day_written(text: str, written: str) -> str:
    """A day written as `written` (strptime, or `EXCEL_SERIAL`) in ISO form; one that is in ISO form already stays.

    Raises:
        ValueError: neither.
    """
    try:
        if written == EXCEL_SERIAL:
            from openpyxl.utils.datetime import from_excel  # noqa: PLC0415 - only where days are counted from 1900

            found = from_excel(float(text))
            return found.date().isoformat() if isinstance(found, datetime) else _refuse(text)
        return datetime.strptime(text, written).date().isoformat()  # noqa: DTZ007  # a day has no zone
    except (ValueError, OverflowError):
        return date.fromisoformat(text[:10] if text[10:] in {"", "T00:00:00"} else text).isoformat()


def time_written(text: str, written: str) -> str:
    """A time written as `written` in ISO form; one in ISO form stays. Raises ValueError."""
    try:
        return datetime.strptime(text, written).isoformat()  # noqa: DTZ007  # the zone is put by the layout
    except ValueError:
        return datetime.fromisoformat(text).isoformat()


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
    return f"{float(text):.10g}" if 0 < float(text) < 1e6 else _refuse(text)


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
    "mapped": _refuse,
}
assert _PARSERS.keys() == set(get_args(Parse))  # noqa: S101  # both lists are written here
