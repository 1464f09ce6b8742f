"""Owns statutory working days of China and the counting of terms: working days, calendar days, months, lateness.

Never fails for a year whose holiday table is missing: the due day is then provisional and says so.
Rules: companion spec, section 0 (start day not counted, months clamp, the last day rolls to a working day).
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
from pydantic import BaseModel, ConfigDict, ValidationError

from config import pack_path
from core.errors import InputError

SHANGHAI = ZoneInfo("Asia/Shanghai")
_LONGEST_TERM = 10_000  # counted units; keeps a mistyped term from counting for minutes
_LATEST_YEAR = 9000


class Unit(StrEnum):
    """What a term counts in."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    MONTH = "month"


class Roll(StrEnum):
    """What happens when the last day is off: switchable per deadline."""

    NEXT_WORKING_DAY = "next_working_day"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Due:
    """A due day in Asia/Shanghai. `raw` is the day before rolling; `provisional` = a table it rests on is missing."""

    day: date
    raw: date
    provisional: bool

    @property
    def ends_at(self) -> datetime:
        """First instant that is late: midnight after the due day, local time."""
        return datetime.combine(self.day + timedelta(days=1), time(), SHANGHAI)


class YearTable(BaseModel):
    """One year's announced holidays, as in ``config/workdays/<year>.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    year: int
    weekday_off: frozenset[date]
    weekend_on: frozenset[date]


class ProvisionalRule(BaseModel):
    """Days off (``MM-DD``) in a year without a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    fixed_off: frozenset[str]


@dataclass(frozen=True)
class WorkCalendar:
    """Which days are worked. `tables` come first, then the ``chinesecalendar`` package, then the provisional rule."""

    tables: dict[int, YearTable]
    provisional: ProvisionalRule
    last_year: int = _LATEST_YEAR

    def is_known(self, year: int) -> bool:
        """True where the year's holidays have been announced and are loaded."""
        return year <= self.last_year and (year in self.tables or year in _library_years())

    def known_until(self) -> int:
        """The last year whose holidays are loaded."""
        return self._known_until

    @cached_property
    def _known_until(self) -> int:
        return max(year for year in (*self.tables, *_library_years()) if year <= self.last_year)

    def as_known_until(self, year: int) -> WorkCalendar:
        """The calendar as it was when nothing after `year` had been announced: to tell an old decision again."""
        return self if year >= self.known_until() else replace(self, last_year=year)

    def is_working_day(self, day: date) -> bool:
        """True for a day on which offices work, make-up weekend days included."""
        if not self.is_known(day.year):
            return day.weekday() < 5 and f"{day:%m-%d}" not in self.provisional.fixed_off
        table = self.tables.get(day.year)
        if table is not None:
            return day in table.weekend_on or (day.weekday() < 5 and day not in table.weekday_off)
        return _library_works(day)

    def due(self, start: date, n: int, unit: Unit, roll: Roll = Roll.NEXT_WORKING_DAY) -> Due:
        """The due day of a term of `n` units that begins on `start`; the start day is not counted.

        Raises:
            InputError: a negative term, or one beyond any calendar.
        """
        if unit is Unit.WORKING_DAY:
            return self.add_working_days(start, n)
        raw = add_months(start, n) if unit is Unit.MONTH else _plus_days(start, _checked(n))
        if roll is Roll.NONE:
            return Due(raw, raw, provisional=False)
        return self.rolled(raw)

    def add_working_days(self, start: date, n: int) -> Due:
        """The n-th working day after `start`; n = 0 is `start` itself, rolled. Raises InputError as `due`."""
        if _checked(n) == 0:
            return self.rolled(start)
        day, left, years = start, n, set[int]()
        while left:
            day = _plus_days(day, 1)
            years.add(day.year)
            left -= self.is_working_day(day)
        return Due(day, day, provisional=not all(self.is_known(year) for year in years))

    def rolled(self, raw: date) -> Due:
        """`raw`, or the next working day after it."""
        day = raw
        while not self.is_working_day(day):
            day = _plus_days(day, 1)
        return Due(day, raw, provisional=not (self.is_known(raw.year) and self.is_known(day.year)))

    def working_days_between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`; negative if `last` lies before `first`."""
        if last < first:
            return -self.working_days_between(last, first)
        return sum(self.is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def add_months(start: date, n: int) -> date:
    """The same day of the month `n` months on, clamped to the month's end: 08-31 + 6 months = 02-28 or 29."""
    months = start.year * 12 + start.month - 1 + _checked(n)
    year, month = divmod(months, 12)
    if year > _LATEST_YEAR:
        raise InputError("workdays.term", n=n)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def is_late(due_day: date, at: datetime) -> bool:
    """True for any instant after the last second (23:59:59) of the due day in Asia/Shanghai.

    Our reading: the whole second 23:59:59 is still on time. Raises ValueError for a time without zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return local_day(at) > due_day


def local_day(at: datetime) -> date:
    """The calendar day in Asia/Shanghai of an instant: what a term starts from."""
    return at.astimezone(SHANGHAI).date()


def load_calendar(extra: Iterable[Path] = ()) -> WorkCalendar:
    """The calendar from ``config/workdays`` with a site's `extra` year tables over it.

    Raises:
        InputError: a table that cannot be read, or whose days do not fit its year or the week.
    """
    paths = [*sorted(pack_path("workdays").glob("[0-9]*.toml")), *extra]
    tables = {table.year: table for table in map(read_table, paths)}
    rule = tomllib.loads(pack_path("workdays", "provisional.toml").read_text(encoding="utf-8"))
    return WorkCalendar(tables, ProvisionalRule.model_validate(rule))


def read_table(path: Path) -> YearTable:
    """One year's table, checked. Raises InputError."""
    try:
        table = YearTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError("workdays.bad_table", path=path, reason=str(error).splitlines()[0]) from error
    foreign = {day for day in table.weekday_off | table.weekend_on if day.year != table.year}
    misplaced = {day for day in table.weekday_off if day.weekday() > 4} | {day for day in table.weekend_on if day.weekday() < 5}
    if wrong := sorted(foreign | misplaced):
        raise InputError("workdays.bad_table", path=path, reason=wrong[0].isoformat())
    return table


@cache
def default_calendar() -> WorkCalendar:
    """The calendar of the packs that ship with the product."""
    return load_calendar()


@cache
def _library_works(day: date) -> bool:
    """The package answers slowly and always the same."""
    return bool(chinese_calendar.is_workday(day))


@cache
def _library_years() -> frozenset[int]:
    """Years the package has in full: one that holds only the New Year of the next year does not count."""
    return frozenset(day.year for day in chinese_calendar.holidays if day.month == 10)


def _checked(n: int) -> int:
    if not 0 <= n <= _LONGEST_TERM:
        raise InputError("workdays.term", n=n)
    return n


def _plus_days(day: date, n: int) -> date:
    if day.year >= _LATEST_YEAR:
        raise InputError("workdays.term", n=n)
    return day + timedelta(days=n)
