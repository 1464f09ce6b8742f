"""The register at rest: imported twice, corrected later, asked for a past day; two sources that differ; remote checks."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from ais import import_register
from ais.layouts import find_layout, layouts
from ais.records import Certificate, RestPeriod, WorldPort
from ais.register import parse_register, particulars, template_rows
from ais.register_service import register_data
from ais.register_store import Inspection, load_inspections, load_records, load_register
from ais.rules import load_rules
from console.cli import register as register_cli
from core.clock import ManualClock
from core.context import Services
from core.errors import InputError
from core.journal import entries

SHIPS = "imo_number,ship_name,flag,source,as_of,licence\n"
PAST = "imo_number,inspected_on,authority,region,deficiencies,detained,mode,source,as_of,licence\n"


def load(services: Services, folder: Path, text: str, layout: str | None = None) -> tuple[int, int, int]:
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    result = import_register(services, path, layout)
    assert result.issues == ()
    return result.changes.added, result.changes.changed, result.changes.unchanged


def test_a_second_import_changes_nothing(services: Services, tmp_path: Path) -> None:
    text = SHIPS + "9074729,EVER TEST,PA,list A,2026-01-01,CC0\n"
    assert load(services, tmp_path, text) == (3, 0, 0)
    assert load(services, tmp_path, text) == (0, 0, 3)


def test_the_answer_of_a_past_day_stays_after_new_data_came_in(services: Services, tmp_path: Path, clock: ManualClock) -> None:
    pack = load_rules("rules/tokyo_mou_nir.toml")
    load(services, tmp_path, SHIPS + "9074729,EVER TEST,PA,list A,2026-01-01,CC0\n")
    load(services, tmp_path, PAST + "9074729,2026-02-01,Yingkou,Tokyo,3,no,onboard,list B,2026-03-01,CC0\n")
    before = clock.now()
    clock.advance(timedelta(days=3).total_seconds())
    assert load(services, tmp_path, SHIPS + "9074729,EVER TEST,LR,list A,2026-11-26,CC0\n") == (0, 1, 2)
    load(services, tmp_path, PAST + "9074729,2026-02-01,Yingkou,Tokyo,9,yes,onboard,list B,2026-11-26,CC0\n")
    then, now = register_data(services, pack, before), register_data(services, pack)
    assert [(one.deficiencies, one.detained) for one in then.history[9074729]] == [(3, False)]
    assert [(one.deficiencies, one.detained) for one in now.history[9074729]] == [(9, True)]
    with services.db.read() as session:
        old, new = particulars(load_register(session, before)), particulars(load_register(session))
        nothing = load_register(session, before - timedelta(seconds=1))
    assert (old[0].get("flag"), new[0].get("flag"), nothing) == ("PA", "LR", [])


def test_two_sources_that_differ_are_both_kept(services: Services, tmp_path: Path) -> None:
    load(services, tmp_path, SHIPS + "9074729,EVER TEST,PA,list A,2026-01-01,CC0\n9074729,EVER TEST,LR,list B,2026-06-01,CC0\n")
    with services.db.read() as session:
        ship = particulars(load_register(session))[0]
    assert (ship.get("flag"), [(one.field, one.value, one.source) for one in ship.others]) == ("LR", [("flag", "PA", "list A")])


def test_the_same_inspection_from_two_sources_counts_once(services: Services, tmp_path: Path) -> None:
    row = "9074729,2026-02-01,Yingkou,tokyo,{},no,onboard,{},2026-0{}-01,CC0\n"
    load(services, tmp_path, PAST + row.format(6, "B", 3) + row.format(7, "C", 4))
    with services.db.read() as session:
        assert [one.deficiencies for one in load_inspections(session, "tokyo")] == [7]
        assert len(load_records(session, Inspection, 9074729)) == 2


def test_certificates_and_rest_rows_with_chinese_headers(services: Services, tmp_path: Path) -> None:
    head = ",".join(template_rows(find_layout("ship_survey"), "zh"))
    row = "9074729,SMC,S-1,SIMRO,2022-01-01,2027-01-01,否,2024-01-02;2025-01-03,,SIMCO-1,,,survey office,2026-01-01,internal"
    load(services, tmp_path, f"{head}\n{row}\n")
    head = ",".join(template_rows(find_layout("rest_hours"), "en"))
    load(services, tmp_path, f"{head}\n9074729,P1,2026-11-24T06:00+08:00,2026-11-24T12:00+08:00,ship,2026-11-24,internal\n")
    with services.db.read() as session:
        [certificate] = load_records(session, Certificate, 9074729)
        [rest] = load_records(session, RestPeriod, 9074729)
    assert (certificate.code, certificate.interim, certificate.annual_on) == (
        "SMC",
        False,
        (date(2024, 1, 2), date(2025, 1, 3)),
    )
    assert rest.starts_at.isoformat().replace("+00:00", "Z") == "2026-11-23T22:00:00Z"


def test_a_time_without_zone_is_named(services: Services) -> None:
    head = ",".join(template_rows(find_layout("rest_hours"), "en"))
    parsed = parse_register(
        f"{head}\n9074729,P1,2026-11-24T06:00,2026-11-24T12:00Z,ship,2026-11-24,internal\n".encode(), "a.csv"
    )
    assert [(one.row, one.column, one.code) for one in parsed.issues] == [
        (2, "rest_from", "cell"),
        (2, "starts_at", "missing_cell"),
    ]


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_xlsx_and_gb18030_are_read_like_csv() -> None:
    head: list[object] = ["imo_number", "ship_name", "build_date", "source", "as_of", "licence"]
    row: list[object] = [9074729, "测试轮", date(2010, 2, 3), "名单", date(2026, 1, 1), "内部"]
    parsed = parse_register(workbook(head, row, [9074728, *row[1:]]), "a.xlsx")
    assert (parsed.layout_id, parsed.rows, parsed.rows_used) == ("yunjian_ships", 2, 1)
    assert {one.field: one.value for one in parsed.values} == {"imo": "9074729", "name": "测试轮", "build_date": "2010-02-03"}
    text = ",".join(str(cell) for cell in head) + "\n" + ",".join(str(cell) for cell in row) + "\n"
    chinese = parse_register(text.encode("gb18030"), "a.csv")
    assert [one.value for one in chinese.values] == [one.value for one in parsed.values]


def test_what_only_begins_like_an_xlsx_is_one_clear_error() -> None:
    whole = workbook(["imo_number"], [1])
    for data in (b"PK\x03\x04junk", whole[: len(whole) // 2]):
        with pytest.raises(InputError) as caught:
            parse_register(data, "a.xlsx")
        assert caught.value.code == "ais.register_not_text"


def test_every_template_is_recognised_from_its_own_headers_in_both_languages() -> None:
    for layout in layouts():
        if layout.source is not None:
            continue
        for lang in ("zh", "en"):
            head = ",".join(template_rows(layout, lang))
            with pytest.raises(InputError) as caught:
                parse_register(f"{head}\n".encode(), "empty.csv")
            assert caught.value.code == "ais.register_empty", layout.id
            assert parse_register(f"{head}\n,x\n".encode(), "a.csv").layout_id == layout.id


def test_an_unknown_layout_names_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        find_layout("nothing")
    assert "rest_hours" in str(caught.value.params["known"])


def test_the_world_port_index_loads(services: Services, shared_data: Path) -> None:
    result = import_register(services, shared_data / "registry" / "world_port_index.csv")
    assert (result.layout, result.rows, result.rows_used) == ("world_port_index", 3768, 3768)
    with services.db.read() as session:
        ports = load_records(session, WorldPort)
    assert any(port.locode == "CN YIK" or port.name.lower().startswith("yingkou") for port in ports)


def test_cli_template_import_and_show(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(services.settings.data_dir))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    run = CliRunner()
    path = tmp_path / "ships.xlsx"
    assert run.invoke(register_cli.app, ["template", "ship_registration", "--out", str(path)]).exit_code == 0
    book = load_workbook(path)
    headers = [str(cell.value) for cell in book.worksheets[0][1]]
    row = {"imo_number": 9074729, "ship_name": "EVER TEST", "flag": "PA", "source": "A", "as_of": "2026-01-01", "licence": "x"}
    book.worksheets[0].append([row.get(header) for header in headers])
    book.save(path)
    done = run.invoke(register_cli.app, ["import", str(path), "--layout", "ship_registration", "--json"])
    assert json.loads(done.stdout)["data"]["added"] == 3, done.stderr
    shown = json.loads(run.invoke(register_cli.app, ["show", "9074729", "--json"]).stdout)["data"]["items"]
    assert [(one["field"], one["value"], one["counts"]) for one in shown] == [
        ("flag", "PA", True), ("imo", "9074729", True), ("name", "EVER TEST", True),
    ]  # fmt: skip
    assert run.invoke(register_cli.app, ["show", "9307839"]).exit_code == 2
    assert "rest_hours" in run.invoke(register_cli.app, ["layouts"]).stdout


def test_an_authoritys_own_layout_file(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(services.settings.data_dir))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    run, export, own = CliRunner(), tmp_path / "export.csv", tmp_path / "own.toml"
    own.write_text(run.invoke(register_cli.app, ["layout", "example"]).stdout, encoding="utf-8")
    rows = "9074729,示范轮,01,328.084\n9307839,坏类型,77,600\n"
    export.write_bytes(f"船舶清单\n船舶识别号,船名,种类,总长(英尺)\n{rows}".encode("gb18030"))
    command = ["import", str(export), "--layout", str(own), "--as-of", "2026-11-20", "--json"]

    def done(*more: str) -> dict[str, Any]:
        return dict(json.loads(run.invoke(register_cli.app, [*command, *more]).stdout)["data"])

    tried = done("--dry-run")
    with services.db.read() as session:
        assert load_register(session) == []
    first, second = done(), done()
    assert tried == first
    assert (first["layout"], first["rows_used"], first["added"], first["changed"]) == ("port_a_ship_list", 2, 9, 0)
    assert first["issues"] == [{"row": 4, "column": "种类", "value": "77", "code": "cell"}]
    assert (second["added"], second["changed"], second["unchanged"]) == (0, 0, 9)
    with services.db.read() as session:
        held = {(one.field, one.value, one.as_of.isoformat(), one.licence) for one in load_register(session, imo=9074729)}
        journal = [row.payload for row in entries(session, "register")]
    assert ("ship_type", "bulk_carrier", "2026-11-20", "Internal use of the authority") in held
    assert [(one["layout"], one["added"]) for one in journal] == [("port_a_ship_list", 9)]
    own.write_text("kind = 1", encoding="utf-8")
    wrong = run.invoke(register_cli.app, command)
    assert (wrong.exit_code, "ais.register_layout_file" in wrong.stderr) == (2, True)
