"""The score against a simulated ship's truth counts what the survey could see, and nothing else."""

from __future__ import annotations

from core.ids import Imo
from core.ship import ShipGeometry
from inspection.hull import HullCell, HullMap, ShipMarks, score_map, write_ship_file
from inspection.hull.truth import planted_defects


def cell(side, seen_share, low=(0.0, 5.0), high=(60.0, 8.0)):
    return HullCell(side, low, high, area_m2=100.0, seen_share=seen_share, corrosion_pct=None, defect_pct=None)


def test_a_side_that_no_photo_shows_is_not_held_against_the_survey(tmp_path):
    geometry = ShipGeometry(60.0, 11.0, 7.0, 5.0)
    write_ship_file(tmp_path, 5, geometry, ShipMarks("SIM TEST", Imo(1000019), "NOWHERE"), mm_per_px=10.0)
    on_port = sum(one.side == "port" for one in planted_defects(tmp_path))
    assert 0 < on_port < len(planted_defects(tmp_path))

    def planted(*cells):
        return score_map(HullMap(geometry, simulated=True, findings=(), cells=cells, dropped=0), tmp_path).planted

    assert planted(cell("port", 1.0), cell("starboard", 0.0)) == on_port
    assert planted(cell("port", 0.0), cell("starboard", 0.0)) == 0
    assert planted(cell("port", 0.1, low=(0.0, 5.0), high=(30.0, 8.0)), cell("port", 0.1, low=(30.0, 5.0))) == on_port
