"""Statutory working days of China, terms and lateness (companion spec, section 0)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from config import pack_path
from core.catalogue import error_text
from core.errors import InputError
from core.workdays import (
    SHANGHAI,
    Due,
    ProvisionalRule,
    Roll,
    Unit,
    WorkCalendar,
    add_months,
    default_calendar,
    is_late,
    load_calendar,
    read_table,
)

CALENDAR = default_calendar()
VECTORS = [  # start, n, unit, raw, due, provisional: retold from the companion spec
    ("2026-09-29", 3, "working_day", None, "2026-10-09", False),
    ("2026-09-30", 1, "working_day", None, "2026-10-08", False),
    ("2026-09-30", 9, "working_day", None, "2026-10-19", False),
    ("2026-09-28", 30, "working_day", None, "2026-11-13", False),
    ("2026-04-27", 9, "working_day", None, "2026-05-12", False),
    ("2026-05-06", 3, "working_day", None, "2026-05-09", False),
    ("2026-05-06", 4, "working_day", None, "2026-05-11", False),
    ("2026-02-11", 15, "working_day", None, "2026-03-10", False),
    ("2026-03-02", 8, "working_day", None, "2026-03-12", False),
    ("2026-03-02", 15, "working_day", None, "2026-03-23", False),
    ("2026-03-02", 20, "working_day", None, "2026-03-30", False),
    ("2026-03-02", 25, "working_day", None, "2026-04-07", False),
    ("2026-03-02", 30, "working_day", None, "2026-04-14", False),
    ("2026-04-15", 2, "month", None, "2026-06-15", False),
    ("2026-02-11", 1, "month", None, "2026-03-11", False),
    ("2026-03-02", 6, "month", None, "2026-09-02", False),
    ("2026-08-05", 2, "month", "2026-10-05", "2026-10-08", False),
    ("2026-08-31", 6, "month", "2027-02-28", "2027-03-01", True),
]


@pytest.mark.parametrize(("start", "n", "unit", "raw", "due", "provisional"), VECTORS)
def test_vector(start: str, n: int, unit: str, raw: str | None, due: str, provisional: bool) -> None:
    got = CALENDAR.due(date.fromisoformat(start), n, Unit(unit))
    assert (got.day, got.provisional) == (date.fromisoformat(due), provisional)
    assert got.raw == date.fromisoformat(raw or due)


def test_vectors_of_the_shared_spec(shared_data: Path) -> None:
    spec = yaml.safe_load((shared_data.parent / "spec" / "cases.yaml").read_text(encoding="utf-8"))["conventions"]
    for vector in spec["date_vectors"]:
        got = CALENDAR.due(vector["start"], vector["n"], Unit(vector["unit"]))
        assert (got.day, got.provisional) == (vector["due"], vector.get("provisional", False)), vector
        assert got.raw == vector.get("raw", vector["due"]), vector
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    listed = spec["calendar_2026"]
    assert [day for day in days if day.weekday() < 5 and not CALENDAR.is_working_day(day)] == listed["weekday_off"]
    assert [day for day in days if day.weekday() > 4 and CALENDAR.is_working_day(day)] == listed["weekend_on"]
    assert sum(map(CALENDAR.is_working_day, days)) == listed["working_days_in_year"]


def test_our_table_agrees_with_the_package() -> None:
    bare = WorkCalendar({}, CALENDAR.provisional)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [bare.is_working_day(day) for day in days] == [CALENDAR.is_working_day(day) for day in days]


def test_loading_the_missing_table_makes_a_due_day_certain(tmp_path: Path) -> None:
    assert CALENDAR.due(date(2026, 8, 31), 6, Unit.MONTH).provisional
    table = tmp_path / "2027.toml"
    table.write_text('source = "a notice"\nyear = 2027\nweekday_off = [2027-03-01]\nweekend_on = []\n', encoding="utf-8")
    got = load_calendar([table]).due(date(2026, 8, 31), 6, Unit.MONTH)
    assert (got.day, got.provisional) == (date(2027, 3, 2), False)


def test_far_and_early_years_never_fail() -> None:
    assert CALENDAR.due(date(2031, 9, 30), 1, Unit.WORKING_DAY).day == date(2031, 10, 6)  # 1 to 3 off, then a weekend
    assert CALENDAR.due(date(2031, 9, 30), 1, Unit.WORKING_DAY).provisional
    assert CALENDAR.due(date(1999, 1, 1), 3, Unit.CALENDAR_DAY).provisional
    assert not CALENDAR.due(date(2031, 1, 1), 0, Unit.CALENDAR_DAY, Roll.NONE).provisional


def test_a_year_the_package_has_only_in_part_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    import chinese_calendar

    from core import workdays

    monkeypatch.setattr(chinese_calendar, "holidays", {**chinese_calendar.holidays, date(2027, 1, 1): "New Year's Day"})
    workdays._library_years.cache_clear()
    try:
        assert not CALENDAR.is_known(2027)
    finally:
        workdays._library_years.cache_clear()


def test_roll_can_be_switched_off() -> None:
    day = date(2026, 10, 5)
    assert CALENDAR.due(date(2026, 8, 5), 2, Unit.MONTH, Roll.NONE) == Due(day, day, provisional=False)


@pytest.mark.parametrize(
    ("start", "n", "unit", "raw", "due"),
    [
        ("2026-11-24", 14, "calendar_day", "2026-12-08", "2026-12-08"),
        ("2026-09-21", 10, "calendar_day", "2026-10-01", "2026-10-08"),  # runs into the National Day week
        ("2026-10-10", 0, "calendar_day", "2026-10-10", "2026-10-10"),  # a Saturday that is worked
        ("2026-10-01", 0, "working_day", "2026-10-01", "2026-10-08"),
        ("2026-11-24", 0, "working_day", "2026-11-24", "2026-11-24"),
    ],
)
def test_calendar_days_and_terms_of_no_length(start: str, n: int, unit: str, raw: str, due: str) -> None:
    got = CALENDAR.due(date.fromisoformat(start), n, Unit(unit))
    assert got == Due(date.fromisoformat(due), date.fromisoformat(raw), provisional=False)


@pytest.mark.parametrize(("announced", "provisional"), [((2028,), True), ((2029,), True), ((2028, 2029), False)])
def test_a_term_that_rolls_over_new_year_needs_both_tables(
    tmp_path: Path, announced: tuple[int, ...], provisional: bool
) -> None:
    tables = {
        2028: 'source = "a notice"\nyear = 2028\nweekday_off = []\nweekend_on = []\n',
        2029: 'source = "a notice"\nyear = 2029\nweekday_off = [2029-01-01]\nweekend_on = []\n',
    }
    for year in announced:
        (tmp_path / f"{year}.toml").write_text(tables[year], encoding="utf-8")
    got = load_calendar(sorted(tmp_path.iterdir())).due(date(2028, 12, 1), 30, Unit.CALENDAR_DAY)
    assert got == Due(date(2029, 1, 2), date(2028, 12, 31), provisional=provisional)  # a Sunday, then New Year's Day


def test_the_shipped_packs_are_what_a_new_calendar_holds() -> None:
    fresh = load_calendar()
    assert sorted(fresh.tables) == [2026]
    assert "State Council" in fresh.tables[2026].source
    assert not fresh.is_working_day(date(2031, 10, 1))
    assert fresh.is_working_day(date(2031, 10, 6))


def test_a_sites_own_table_replaces_ours(tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text('source = "a later notice"\nyear = 2026\nweekday_off = [2026-11-25]\nweekend_on = []\n', encoding="utf-8")
    assert load_calendar([table]).due(date(2026, 11, 24), 1, Unit.WORKING_DAY).day == date(2026, 11, 26)


def test_no_working_day_lies_between_a_day_and_itself() -> None:
    assert CALENDAR.working_days_between(date(2026, 11, 24), date(2026, 11, 24)) == 0
    assert CALENDAR.working_days_between(date(2026, 9, 30), date(2026, 10, 7)) == 0
    assert CALENDAR.working_days_between(date(2026, 10, 7), date(2026, 10, 8)) == 1


@pytest.mark.parametrize(("start", "n", "due"), [("2028-01-31", 1, "2028-02-29"), ("2026-01-31", 1, "2026-02-28"),
                                                 ("2026-12-31", 2, "2027-02-28"), ("2026-05-31", 0, "2026-05-31")])  # fmt: skip
def test_months_clamp(start: str, n: int, due: str) -> None:
    assert add_months(date.fromisoformat(start), n) == date.fromisoformat(due)


@pytest.mark.parametrize("n", [-1, 10_001, 10**9])
@pytest.mark.parametrize("unit", list(Unit))
def test_an_impossible_term_is_refused(n: int, unit: Unit) -> None:
    with pytest.raises(InputError) as caught:
        CALENDAR.due(date(2026, 1, 1), n, unit)
    assert caught.value.code == "workdays.term"
    assert error_text(caught.value, "zh").title == f"期限 {n} 无法计算"
    assert error_text(caught.value, "en").title == f"A term of {n} cannot be counted"


def test_the_longest_term_still_counts() -> None:
    assert CALENDAR.due(date(2026, 1, 1), 10_000, Unit.CALENDAR_DAY).raw == date(2053, 5, 19)
    assert CALENDAR.due(date(2026, 1, 31), 10_000, Unit.MONTH).raw == date(2859, 5, 31)


@pytest.mark.parametrize(
    ("start", "n", "unit"),
    [(date(9000, 12, 1), 1, Unit.MONTH), (date(9000, 1, 1), 1, Unit.CALENDAR_DAY), (date(9000, 1, 1), 1, Unit.WORKING_DAY)],
)
def test_a_term_at_the_end_of_the_calendar_is_refused_and_never_crashes(start: date, n: int, unit: Unit) -> None:
    with pytest.raises(InputError) as caught:
        CALENDAR.due(start, n, unit)
    assert caught.value.code == "workdays.term"
    assert "1" in error_text(caught.value, "en").title
    assert "1" in error_text(caught.value, "zh").title


def test_the_last_year_of_the_calendar_is_still_reached() -> None:
    assert add_months(date(8999, 12, 31), 2) == date(9000, 2, 28)
    assert CALENDAR.due(date(8999, 12, 31), 1, Unit.CALENDAR_DAY, Roll.NONE).day == date(9000, 1, 1)


def test_late_from_midnight_in_shanghai() -> None:
    due = date(2026, 11, 13)
    assert not is_late(due, datetime(2026, 11, 13, 23, 59, 59, tzinfo=SHANGHAI))
    assert is_late(due, datetime(2026, 11, 14, tzinfo=SHANGHAI))
    assert not is_late(due, datetime(2026, 11, 13, 15, 59, 59, tzinfo=UTC))
    assert is_late(due, datetime(2026, 11, 13, 16, tzinfo=UTC))
    assert CALENDAR.due(date(2026, 11, 12), 1, Unit.WORKING_DAY).ends_at == datetime(2026, 11, 13, 16, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"^an instant needs a time zone$"):
        is_late(due, datetime(2026, 11, 13))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("year = 2027", "3 validation errors for YearTable"),
        ("not toml [ year", "Expected '=' after a key in a key/value pair"),
        ("weekday_off = [2027-03-06]\nweekend_on = []", "2027-03-06"),  # a Saturday
        ("weekday_off = [2027-03-07, 2027-03-06]\nweekend_on = []", "2027-03-06"),  # the first wrong day is named
        ("weekday_off = []\nweekend_on = [2027-03-05]", "2027-03-05"),  # a Friday
        ("weekday_off = [2026-03-02]\nweekend_on = []", "2026-03-02"),
        ("weekday_off = []\nweekend_on = [2028-01-01]", "2028-01-01"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place_and_reason(tmp_path: Path, body: str, reason: str) -> None:
    path = tmp_path / "2027.toml"
    path.write_text(body if "year" in body else f'source = "x"\nyear = 2027\n{body}', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert caught.value.code == "workdays.bad_table"
    assert error_text(caught.value, "en").title.startswith(f"The holiday table {path} cannot be used: {reason}")
    assert error_text(caught.value, "zh").title.startswith(f"节假日表 {path} 无法使用：{reason}")
    assert "\n" not in error_text(caught.value, "en").title


def test_a_table_that_is_not_there_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_calendar([tmp_path / "2027.toml"])
    assert str(tmp_path / "2027.toml") in error_text(caught.value, "zh").title
    assert "No such file" in error_text(caught.value, "en").title


@pytest.mark.parametrize("day", ["2027-03-05", "2027-03-01"])
def test_friday_and_monday_may_be_days_off(tmp_path: Path, day: str) -> None:
    path = tmp_path / "2027.toml"
    path.write_text(f'source = "x"\nyear = 2027\nweekday_off = [{day}]\nweekend_on = [2027-03-06]\n', encoding="utf-8")
    assert read_table(path).weekday_off == {date.fromisoformat(day)}


def test_packs_name_their_source() -> None:
    assert isinstance(CALENDAR.provisional, ProvisionalRule)
    for path in pack_path("workdays").glob("*.toml"):
        assert "source = " in path.read_text(encoding="utf-8")
    assert CALENDAR.working_days_between(date(2026, 9, 29), date(2026, 10, 9)) == 3
    assert CALENDAR.working_days_between(date(2026, 10, 9), date(2026, 9, 29)) == -3


def test_due_days_are_exact_on_every_day_of_the_tables() -> None:
    """Every start day from 2004 to 2026, against a plain list of the days worked, counted without our code."""
    import bisect

    import chinese_calendar

    first, last = date(2004, 1, 1), date(2026, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    worked = [day for day in days if chinese_calendar.is_workday(day)]
    checked = 0
    for start in days:
        after = bisect.bisect_right(worked, start)
        for n in (1, 15):
            if after + n <= len(worked):
                got = CALENDAR.due(start, n, Unit.WORKING_DAY)
                assert (got.day, got.provisional) == (worked[after + n - 1], False), (start, n)
                checked += 1
        for raw in (start + timedelta(days=20), add_months(start, 2)):
            rolled = bisect.bisect_left(worked, raw)
            if rolled < len(worked):
                n, unit = (20, Unit.CALENDAR_DAY) if raw == start + timedelta(days=20) else (2, Unit.MONTH)
                assert CALENDAR.due(start, n, unit).day == worked[rolled], (start, raw)
    assert checked > 2 * 8_300


def test_no_day_from_2027_on_fails() -> None:
    for offset in range(12 * 366):
        start = date(2027, 1, 1) + timedelta(days=offset)
        for n, unit in ((1, Unit.WORKING_DAY), (20, Unit.CALENDAR_DAY), (6, Unit.MONTH)):
            due = CALENDAR.due(start, n, unit)
            assert due.provisional
            assert due.day >= due.raw > start


def test_the_calendar_as_it_was_known(tmp_path: Path) -> None:
    table = tmp_path / "2027.toml"
    table.write_text('source = "a notice"\nyear = 2027\nweekday_off = [2027-03-01]\nweekend_on = []\n', encoding="utf-8")
    later = load_calendar([table])
    assert (CALENDAR.known_until(), later.known_until()) == (2026, 2027)
    before = later.as_known_until(2026)
    assert before.known_until() == 2026
    assert before.due(date(2026, 8, 31), 6, Unit.MONTH) == CALENDAR.due(date(2026, 8, 31), 6, Unit.MONTH)
    assert later.as_known_until(2027) is later
