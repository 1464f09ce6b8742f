"""The table of a back-test: the shipped one is what its program makes and says synthetic; a bad cell is named."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ais.backtest import back_test
from ais.backtest_table import gain_svg, read_table, shipped_table, synthetic_table
from core.errors import InputError, NotFound


def test_the_shipped_table_is_synthetic_and_reproducible() -> None:
    assert shipped_table().read_text(encoding="utf-8") == synthetic_table(20261124, 600)
    table = read_table(shipped_table())
    assert table.synthetic
    assert len(table.rows) == 600
    assert 0.5 < back_test(table.rows, [10]).area < 1


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("inspection,score\na,1\n", 1, "hit"),
        ("", 1, "inspection"),
        ("inspection,score,hit\na,1,yes\nb,many,no\n", 3, "score"),
        ("# note\ninspection,score,hit\na,nan,yes\n", 3, "score"),
        ("inspection,score,hit\na,1,maybe\n", 2, "hit"),
        ("inspection,score,hit\na\n", 2, "score"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, text: str, row: int, column: str) -> None:
    file = tmp_path / "past.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_table(file)
    assert (raised.value.code, raised.value.params["row"], raised.value.params["column"]) == ("ais.backtest_cell", row, column)


def test_a_table_of_inspectors_is_not_called_synthetic(tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_text("inspection,score,hit\na,1,yes\n", encoding="utf-8")
    assert not read_table(file).synthetic
    with pytest.raises(NotFound):
        read_table(tmp_path / "none.csv")


def test_the_drawing_is_well_formed_and_draws_every_point() -> None:
    found = back_test(read_table(shipped_table()).rows, [10])
    drawn = ET.fromstring(gain_svg(found, "a < b & c", "x", "y"))  # noqa: S314  # our own text
    lines = [one.get("points", "").split() for one in drawn.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(lines[1]) == len(found.gain)
    assert lines[1][0] == "60.0,360.0"
    assert lines[1][-1] == "380.0,40.0"
