"""docs/cases.md: every requirement line of every case names a test or a page that exists; the open ones are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console import access

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
OPEN_LINES = 0  # only ever goes down
SCENARIOS = 116
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def lines() -> dict[tuple[int, str], str]:
    found = {}
    for part in re.split(r"^### Case ", DOC, flags=re.MULTILINE)[1:]:
        number = int(part.split("\n", 1)[0])
        for name, shown in ROW.findall(part):
            if name not in {"line", "---"}:
                found[number, name] = shown
    return found


def test_every_line_names_a_test_or_a_page_that_exists() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"def (test_\w+)\(", written))
    pages = {row.path for row in access.load().rows}
    named = [(key, name) for key, shown in lines().items() for name in re.findall(r"`([^`]+)`", shown)]
    assert [one for one in named if one[1] not in tests | pages] == []
    bare = {shown for shown in lines().values() if "`" not in shown}
    assert bare <= {"**open**", "nothing asked"}


def test_the_open_lines_are_counted() -> None:
    assert sum(shown == "**open**" for shown in lines().values()) == OPEN_LINES


def test_no_line_of_the_requirements_is_left_out(shared_data: Path) -> None:
    spec = (shared_data.parent / "spec" / "companion.md").read_text(encoding="utf-8")
    wanted = set()
    for part in re.split(r"^## Case ", spec, flags=re.MULTILINE)[1:]:
        number, table = int(part.split(".", 1)[0]), part.split("\nScenarios", 1)[0]
        wanted |= {(number, row) for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) if row != "Item"}
    have = set(lines())
    assert [key for key in wanted if (key[0], _plain(key[1])) not in have] == []


def _plain(name: str) -> str:
    """A line's name without its Chinese term and emphasis."""
    return re.sub(r"\s*\([^)]*[\u4e00-\u9fff][^)]*\)", "", name).replace("*", "").strip()


@pytest.mark.parametrize("case", range(1, 22))
def test_each_case_has_its_row(case: int) -> None:
    assert re.search(rf"^\| {case} \| ", DOC, re.MULTILINE)


def test_every_numbered_scenario_is_a_test_that_names_it(shared_data: Path) -> None:
    spec = (shared_data.parent / "spec" / "companion.md").read_text(encoding="utf-8")
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = {(part.lstrip("0"), int(n)) for part, n in re.findall(r"def test_(?:case_)?(common|\d+)_scenario_(\d+)", written)}
    common = re.search(r"\*\*Common acceptance scenarios\*\*\n(.*?)\n\n", spec, re.DOTALL)
    assert common is not None
    wanted = {("common", int(n)) for n in re.findall(r"^(\d+)\. ", common[1], re.MULTILINE)}
    for part in re.split(r"^## Case ", spec, flags=re.MULTILINE)[1:]:
        scenarios = part.partition("\nScenarios")[2]
        wanted |= {(part.split(".", 1)[0], int(n)) for n in re.findall(r"^(\d+)\. ", scenarios, re.MULTILINE)}
    assert len(wanted) == SCENARIOS
    assert sorted(wanted - named) == []
