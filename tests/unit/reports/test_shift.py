"""The targeting report of a shift as CSV and PDF: no formula, no missing glyph, expired lists said, roles instead of names."""

from __future__ import annotations

import csv
import io
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ais.register_store import Rating, RatingKind
from ais.shift_csv import COLUMNS, safe, shift_csv
from ais.shift_report import (
    ListTerm,
    ShiftDecision,
    ShiftLine,
    ShiftReport,
    ShiftSignal,
    list_terms,
    shift_at,
    shift_rules,
    shift_times,
)
from ais.targeting import Window
from ais.text import Bilingual
from config import Settings
from core.catalogue import Lang
from core.errors import InputError
from core.workdays import SHANGHAI
from reports.shift import shift_pdf

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = date(2026, 11, 24)
LINE = ShiftLine(
    key="2000286", rank=1, tied_with=1, name="SIM 示范轮", imo="2000286", mmsi="538999004", flag="MH", ship_type="bulk_carrier",
    simulated=True, where="in_port", hours=None, points_low=3, points_high=7, profile_best="SRS", profile_worst="HRS",
    priority=None, window=Window(DAY, DAY + timedelta(days=30)), reasons=(Bilingual("船龄超过 12 年", "older than 12 years"),),
    local=(Bilingual("重点船", "key ship"),),
    signals=(ShiftSignal(Bilingual("航次异常", "odd voyage"), 0.8, Bilingual("操纵异常", "erratic")),), last="select",
)  # fmt: skip
TAKEN = ShiftDecision(
    AT,
    "2000286",
    "SIM 示范轮",
    "confirm_factor",
    Bilingual("操纵异常", "erratic"),
    '=HYPERLINK("http://x","y")',
    "inspector",
    1,
    "a" * 64,
)
REPORT = ShiftReport(
    port=Bilingual("演示港", "Demo port"), fictitious=False, since=AT - timedelta(hours=12), until=AT, made_at=AT + timedelta(hours=5),
    known_at=AT, on=DAY, regime="tokyo", regime_name=Bilingual("东京备忘录", "Tokyo MOU"), regime_version="2014-01-01",
    regime_from=date(2014, 1, 1), regime_to=None, in_force=True, unverified=("the day from which age is counted",),
    lists=(
        ListTerm("flag", "expired", 3, date(2025, 7, 1), date(2026, 6, 30), ("list of flags",)),
        ListTerm("ro", "missing", 0, None, None, ()),
    ),
    hours_ahead=24.0, ais_source="udp", ais_sentences=12, ranked=9, excluded=2, lines=(LINE,), decisions=(TAKEN,),
)  # fmt: skip


def rows(report: ShiftReport, lang: Lang) -> list[list[str]]:
    return list(csv.reader(io.StringIO(shift_csv(report, lang).decode("utf-8-sig"))))


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "\n=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe(cell) == f"'{cell}"
    line = replace(LINE, name=cell, reasons=(Bilingual(cell, cell),), flag=cell)
    for lang in ("zh", "en"):
        head, row = rows(replace(REPORT, lines=(line,), decisions=(replace(TAKEN, reason=cell),)), lang)
        assert len(head) == len(row) == len(COLUMNS)
        assert not any(one.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for one in row)


def test_numbers_stay_numbers() -> None:
    assert (safe(-3), safe(2.5), safe(None), safe("12")) == (-3, 2.5, "", "12")
    row = dict(zip(COLUMNS, rows(REPORT, "en")[1], strict=True))
    assert (row["points_low"], row["points_high"], row["priority"], row["last"]) == ("3", "7", "?", "selected")
    assert (row["known_at"], row["regime"]) == ("2026-11-24T12:00:00.000Z", "Tokyo MOU 2014-01-01")
    assert row["decisions"] == '11-24 20:00 Inspector overriding factor confirmed erratic =HYPERLINK("http://x","y")'


def test_a_decision_about_a_ship_that_sailed_stays() -> None:
    gone = replace(TAKEN, ship="9074729", name="GONE")
    found = rows(replace(REPORT, decisions=(TAKEN, gone)), "zh")
    assert [row[COLUMNS.index("name")] for row in found[1:]] == ["SIM 示范轮", "GONE"]
    assert "检查员" in found[2][COLUMNS.index("decisions")]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("zh", ["班次选船报告", "SIM 示范轮", "船龄超过 12 年", "航次异常", "建议：操纵异常", "检查员", "已过期，不采用", "2026-06-30", "待定", "本报告在班次结束后制作"]),
        ("en", ["Targeting report of a shift", "older than 12 years", "proposes: erratic", "Inspector", "expired, refused", "2026-06-30", "Made after the shift"]),
    ],
)  # fmt: skip
def test_the_pages_say_it_in_both_languages(settings: Settings, tmp_path: Path, lang: Lang, said: list[str]) -> None:
    made = shift_pdf(REPORT, lang, settings)
    assert made.pdf.startswith(b"%PDF-")
    assert made.pages == 1
    assert shift_pdf(REPORT, lang, settings).pdf == made.pdf
    path = tmp_path / "shift.pdf"
    path.write_bytes(made.pdf)
    seen = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    seen = " ".join(seen.split())
    assert [one for one in said if one not in seen] == []


def test_a_character_without_a_glyph_is_an_error_never_a_box(settings: Settings) -> None:
    with pytest.raises(InputError) as caught:
        shift_pdf(replace(REPORT, lines=(replace(LINE, name="SHIP \U000e0041\ue123"),)), "en", settings)
    assert caught.value.code == "reports.glyph_missing"


def test_markup_in_data_stays_text(settings: Settings) -> None:
    evil = '#read("/etc/passwd") $x$ *b* <label> @ref [a](b) \\ "'
    assert shift_pdf(replace(REPORT, decisions=(replace(TAKEN, reason=evil),)), "en", settings).pages == 1


def test_an_empty_shift_has_a_page(settings: Settings) -> None:
    assert shift_pdf(replace(REPORT, lines=(), decisions=(), lists=()), "zh", settings).pages == 1


def rating(kind: RatingKind, first: date, last: date, source: str) -> Rating:
    return Rating(kind, "tokyo", "PA", first, last, "black", attested=True, source=source, licence="x")


def test_terms_of_lists_on_their_last_day_and_the_day_after() -> None:
    lines = [
        rating("flag", date(2024, 7, 1), date(2025, 6, 30), "old"), rating("flag", date(2025, 7, 1), date(2026, 6, 30), "new"),
        rating("company", date(2026, 7, 1), date(2027, 6, 30), "later"),
    ]  # fmt: skip
    last, after = date(2026, 6, 30), date(2026, 7, 1)
    assert [(one.state, one.sources) for one in list_terms(lines, last)] == [
        ("in_force", ("new",)), ("missing", ()), ("missing", ()),
    ]  # fmt: skip
    flag, ro, company = list_terms(lines, after)
    assert (flag.state, flag.valid_to, flag.sources) == ("expired", last, ("new",))
    assert (ro.state, company.state) == ("missing", "in_force")


def test_shifts_meet_without_gap_and_night_belongs_to_the_day_it_begins_on() -> None:
    spans = [shift_times(rule.id, DAY) for rule in shift_rules()]
    assert spans[0][1] == spans[1][0]
    assert shift_at(datetime(2026, 11, 24, 7, 59, tzinfo=SHANGHAI)) == ("night", date(2026, 11, 23))
    assert shift_at(datetime(2026, 11, 24, 8, tzinfo=SHANGHAI)) == ("day", DAY)
    assert shift_at(datetime(2026, 11, 24, 20, tzinfo=SHANGHAI)) == ("night", DAY)
    for name, day in (("tea", DAY), ("night", date.max), ("day", date.min)):
        with pytest.raises(InputError):
            shift_times(name, day)
