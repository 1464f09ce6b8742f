"""A layout file that an authority writes: columns, units, dates, codes; what is wrong is named; XLSX and GB 18030 read alike."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from ais.layouts import Layout, fields_of, layouts, load_layout
from ais.records import Certificate, PortReport, RestPeriod
from ais.register import ParsedRegister, parse_register
from ais.register_store import Inspection
from config import pack_path
from core.errors import InputError

EXAMPLE = pack_path("register", "examples", "authority_export.toml")
HEADERS = ("船舶识别号", "MMSI", "船名", "种类", "建成", "总吨", "总长(英尺)", "型宽(毫米)")
ROWS: tuple[tuple[object, ...], ...] = (
    ("9074729", "413000001", "示范轮", "01", "2010年02月03日", "12,345", "328.084", "32,200"),
    ("9307839", "无", "不详轮", "不详", "2012", "", "", ""),
    ("9074728", "", "坏编号", "99", "2010-13-01", "x", "-1", "1"),
)
AS_OF = date(2026, 11, 20)


def text(delimiter: str = ",") -> str:
    lines = ["某港船舶清单", delimiter.join(HEADERS)]
    return "\n".join((*lines, *(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS))) + "\n"


def book() -> bytes:
    made = Workbook()
    made.worksheets[0].append(["说明"])
    sheet = made.create_sheet("船舶")
    sheet.append(["某港船舶清单"])
    sheet.append(list(HEADERS))
    typed = [list(row) for row in ROWS]
    typed[0] = [9074729, 413000001, "示范轮", "01", datetime(2010, 2, 3), 12345, 328.084, 32200]  # noqa: DTZ001  # a cell has none
    for row in typed:
        sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def facts(parsed: ParsedRegister) -> set[tuple[str, str, str]]:
    return {(one.subject, one.field, one.value) for one in parsed.values}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("utf-8", text().encode("utf-8-sig")), ("gb18030", text().encode("gb18030")), ("utf-16", text().encode("utf-16")),
        ("xlsx", book()),
    ],
)  # fmt: skip
def test_the_shipped_example_reads_every_kind_of_file_alike(name: str, data: bytes) -> None:
    parsed = parse_register(data, name, load_layout(EXAMPLE), AS_OF)
    assert facts(parsed) == {
        ("imo:9074729", "imo", "9074729"), ("imo:9074729", "mmsi", "413000001"), ("imo:9074729", "name", "示范轮"),
        ("imo:9074729", "ship_type", "bulk_carrier"), ("imo:9074729", "build_date", "2010-02-03"), ("imo:9074729", "flag", "CN"),
        ("imo:9074729", "gross_tonnage", "12345"), ("imo:9074729", "loa_m", "100.0000032"), ("imo:9074729", "beam_m", "32.2"),
        ("imo:9307839", "imo", "9307839"), ("imo:9307839", "name", "不详轮"), ("imo:9307839", "build_date", "2012"),
        ("imo:9307839", "flag", "CN"),
    }  # fmt: skip
    assert (parsed.rows, parsed.rows_used) == (3, 2)
    assert [(one.row, one.column, one.code) for one in parsed.issues] == [
        (5, "船舶识别号", "cell"), (5, "种类", "cell"), (5, "建成", "cell"), (5, "总吨", "cell"), (5, "总长(英尺)", "cell"),
        (5, "imo, mmsi", "no_key"),
    ]  # fmt: skip
    assert {(one.source, one.as_of, one.licence) for one in parsed.values} == {
        ("Port A, ship list", AS_OF, "Internal use of the authority")
    }


def test_without_the_day_of_the_data_no_row_is_taken() -> None:
    parsed = parse_register(text().encode(), "a.csv", load_layout(EXAMPLE))
    assert (parsed.rows_used, {one.code for one in parsed.issues}) == (0, {"cell", "no_source"})


def written(folder: Path, body: str) -> Path:
    path = folder / "own.toml"
    head = 'id = "own"\nlabel_zh = "z"\nlabel_en = "e"\ntrust = 20\nsource = "s"\nlicence = "l"\nas_of = 2026-11-20\n'
    path.write_text(head + body, encoding="utf-8")
    return path


def read(folder: Path, body: str, data: str) -> ParsedRegister:
    return parse_register(data.encode(), "own.csv", load_layout(written(folder, body)))


def test_times_without_zone_codes_and_lists_of_records(tmp_path: Path) -> None:
    reports = read(
        tmp_path,
        'kind = "port_report"\nzone = "Asia/Shanghai"\nrequired = ["IMO"]\n[fixed]\nport = "CNYIK"\n[file]\ndelimiter = ";"\n[columns]\n'
        'IMO = { field = "imo", parse = "imo" }\n"类型" = { field = "movement", parse = "mapped" }\n'
        '"时间" = { field = "planned_at", parse = "datetime", format = "%Y/%m/%d %H:%M" }\n[values."类型"]\n"进" = "in"\n"出" = "out"\n',
        "IMO;类型;时间\n9074729;出;2026/11/26 07:30\n9074729;进;2026-11-26T07:30+08:00\n9074729;停;2026/11/26 07:30\n",
    )
    assert [(one.movement, one.planned_at.isoformat()) for one in reports.records if isinstance(one, PortReport)] == [
        ("out", "2026-11-25T23:30:00+00:00"), ("in", "2026-11-25T23:30:00+00:00"),
    ]  # fmt: skip
    assert [(one.row, one.column, one.code) for one in reports.issues] == [(4, "类型", "cell"), (4, "movement", "missing_cell")]
    papers = read(
        tmp_path,
        'kind = "certificate"\nrequired = ["IMO"]\n[columns]\nIMO = { field = "imo", parse = "imo" }\n'
        'code = { field = "code", parse = "text" }\nno = { field = "number", parse = "text" }\n'
        'annual = { field = "annual_on", parse = "dates", format = "%d.%m.%Y", separator = "、" }\n'
        'until = { field = "expires_on", parse = "date", format = "excel-serial" }\n',
        "IMO,code,no,annual,until\n9074729,DOC,1,03.02.2025、03.02.2026,46350\n",
    )
    assert [(one.annual_on, one.expires_on) for one in papers.records if isinstance(one, Certificate)] == [
        ((date(2025, 2, 3), date(2026, 2, 3)), date(2026, 11, 24))
    ]
    checks = read(
        tmp_path,
        'kind = "inspection"\nrequired = ["IMO"]\n[fixed]\nregion = "tokyo_mou"\n[columns]\nIMO = { field = "imo", parse = "imo" }\n'
        'on = { field = "inspected_on", parse = "date" }\nby = { field = "authority", parse = "text" }\n'
        'n = { field = "deficiencies", parse = "count" }\nheld = { field = "detained", parse = "yes_no" }\n'
        '[values.held]\nJ = "yes"\nN = "no"\n',
        "IMO,on,by,n,held\n9074729,2026-05-04,A,6,J\n9074729,2025-05-04,A,0,是\n",
    )
    assert [(one.region, one.deficiencies, one.detained) for one in checks.records if isinstance(one, Inspection)] == [
        ("tokyo_mou", 6, True), ("tokyo_mou", 0, True),
    ]  # fmt: skip


def test_a_number_that_no_record_takes_is_a_bad_cell() -> None:
    head = "imo_number,port,movement,planned_at,persons_on_board,source,as_of,licence\n"
    row = "9074729,CNYIK,in,2026-11-26T07:30+08:00,12.5,s,2026-11-20,l\n"
    parsed = parse_register((head + row).encode(), "r.csv")
    assert parsed.records == []
    assert [(one.row, one.column, one.value) for one in parsed.issues] == [(2, "persons_on_board", "12.5")]


def test_issues_use_the_headers_of_the_file() -> None:
    head = "IMO编号,船员代号,休息开始,休息结束,来源,数据日期,使用许可\n"
    parsed = parse_register((head + "9074729,P-1,昨天,2026-11-24T06:00+08:00,s,2026-11-20,l\n").encode("gb18030"), "r.csv")
    assert [one for one in parsed.records if isinstance(one, RestPeriod)] == []
    assert parsed.issues[0].column == "休息开始"


SHIP = 'kind = "ship"\nrequired = ["a"]\n[columns]\na = { field = "imo", parse = "imo" }\n'


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("kind = 'ship'\n[", "-"),
        (SHIP.replace("ship", "spaceship", 1), "kind"),
        (SHIP + 'b = { field = "colour", parse = "text" }\n', "columns.b"),
        (SHIP + 'b = { field = "loa_m", parse = "text" }\n', "columns.b"),
        (SHIP + 'b = { field = "loa_m", parse = "positive", unit = "mile" }\n', "columns.b.unit"),
        (SHIP + 'b = { field = "name", parse = "text", format = "%Y" }\n', "columns.b"),
        (SHIP + 'b = { field = "name", parse = "text", separator = "," }\n', "columns.b"),
        (SHIP + 'b = { field = "imo", parse = "imo" }\n', "-"),
        (SHIP + 'b = { field = "ship_type", parse = "mapped" }\n[values.b]\n1 = "submarine"\n', "values.b"),
        (SHIP + 'b = { field = "detained", parse = "yes_no" }\n[values.b]\n1 = "perhaps"\n', "-"),
        (SHIP + '[values.c]\n1 = "x"\n', "-"),
        (SHIP + '[fixed]\nflag = "QQ"\n', "fixed.flag"),
        (SHIP + "[file]\nheader_row = 0\n", "file.header_row"),
        ('zone = "Mars/North"\n' + SHIP, "-"),
        ('kind = "ship"\nrequired = ["z"]\n[columns]\na = { field = "imo", parse = "imo" }\n', "required"),
        (SHIP + 'b = { field = "name", parse = "text", code = "print(1)" }\n', "columns.b.code"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_layout_file_is_named(tmp_path: Path, body: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        load_layout(written(tmp_path, body))
    assert (caught.value.code, caught.value.params["place"]) == ("ais.register_layout_file", place)


def test_a_header_twice_and_a_missing_sheet_are_refused(tmp_path: Path) -> None:
    layout = load_layout(written(tmp_path, SHIP))
    for data, code in ((b"a,a\n9074729,9307839\n", "ais.register_header_twice"), (b"b\n1\n", "ais.register_layout")):
        with pytest.raises(InputError) as caught:
            parse_register(data, "a.csv", layout)
        assert caught.value.code == code
    with pytest.raises(InputError) as caught:
        parse_register(book(), "a.xlsx", layout.model_copy(update={"file": layout.file.model_copy(update={"sheet": "none"})}))
    assert caught.value.code == "ais.register_no_sheet"
    assert parse_register(b"a,b,b\n9074729,1,2\n", "a.csv", layout).rows_used == 1  # a column that nobody uses


def test_every_shipped_layout_could_be_a_layout_file() -> None:
    for layout in layouts():
        known = fields_of(layout.kind)
        assert {column.field for column in layout.columns.values()} <= known.keys(), layout.id
        assert Layout.model_validate(layout.model_dump(exclude_unset=True)) == layout
