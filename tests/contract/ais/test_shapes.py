"""What `ais` hands over has the field names that `inspection.record` reads, and every text it says is in the catalogue."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from ais.generate import write_scenario
from ais.ranking import Selection, ShipSheet
from ais.targeting import Criterion
from core.catalogue import entries
from inspection.record import CriterionPart, SelectionPart, ShipPart
from tests.unit.ais.test_ranking import one


def test_selection_ship_and_criteria_map_one_to_one() -> None:
    for ours, theirs in ((Criterion, CriterionPart), (Selection, SelectionPart), (ShipSheet, ShipPart)):
        assert {field.name for field in fields(ours)} == set(theirs.model_fields), ours
    line = one()
    SelectionPart.model_validate(asdict(line.selection))
    ShipPart.model_validate(asdict(line.sheet))


def test_every_catalogue_key_and_error_code_in_the_code_exists() -> None:
    root = Path(__file__).resolve().parents[3]
    known = entries()
    used: set[str] = set()
    for path in [*(root / "ais").glob("*.py"), root / "console/cli/ais.py", root / "console/cli/targets.py"]:
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'(?:say|text)\(\s*(?:settings, )?"((?:targets|ais)\.[a-z_.]+)"', text))
        used |= {f"error.{code}" for code in re.findall(r'(?:InputError|NotFound|Refused)\("(ais\.[a-z_]+)"', text)}
    assert len(used) > 30
    assert used <= set(known)
    for key in used:
        if key.startswith("error."):
            assert {"zh", "en", "next_zh", "next_en"} <= set(known[key]), key


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    start = datetime(2026, 11, 24, 2, tzinfo=UTC)
    first, second = (write_scenario(tmp_path / name, 7, start) for name in ("a", "b"))
    for one_file, other in zip((first.nmea, *first.register_files), (second.nmea, *second.register_files), strict=True):
        assert one_file.read_bytes() == other.read_bytes()
    assert write_scenario(tmp_path / "c", 8, start).nmea.read_bytes() != first.nmea.read_bytes()
