from __future__ import annotations

import pytest

from inspection.hull.cells import HullCell
from inspection.hull.grade import grade_pack, indications


def _cell(side: str, corrosion: float | None, defects: float | None, seen: float = 1.0, area: float = 5.0) -> HullCell:
    assert side in {"port", "starboard"}
    return HullCell("port" if side == "port" else "starboard", (0.0, 5.0), (5.0, 6.0), area, seen, corrosion, defects)


@pytest.mark.parametrize(
    ("per_cent", "imo", "d610", "iso"),
    [
        (0.0, "GOOD", "10", "Ri0"),
        (0.01, "GOOD", "10", "Ri1"),
        (0.02, "GOOD", "9", "Ri1"),
        (1.0, "GOOD", "6", "Ri3"),
        (3.0, "GOOD", "5", "Ri4"),
        (3.1, "FAIR", "4", "Ri4"),
        (20.0, "FAIR", "2", "Ri5"),
        (60.0, "POOR", "0", "Ri5"),
    ],
)
def test_limits_of_the_standards(per_cent: float, imo: str, d610: str, iso: str) -> None:
    pack = grade_pack()
    assert (pack.imo.grade(per_cent), pack.d610.grade(per_cent), pack.iso4628.grade(per_cent)) == (imo, d610, iso)
    assert all(len(scale.names) == len(scale.limits_pct) + 1 for scale in (pack.imo, pack.d610, pack.iso4628))


def test_an_even_hull_has_one_grade_and_a_patchy_one_shows_its_neighbours() -> None:
    even = indications([_cell("port", 0.5, 2.0) for _ in range(10)])[0]
    assert even.defects is not None
    assert (even.defects.low, even.defects.per_cent, even.defects.high) == pytest.approx((2.0, 2.0, 2.0))
    assert even.imo == ("GOOD",)
    assert even.d610 == ("6",)
    patchy = indications([_cell("port", 0.0, value) for value in (0.0, 0.0, 0.0, 0.0, 0.0, 24.0, 0.0, 0.0)])[0]
    assert patchy.defects is not None
    assert patchy.defects.low < 3.0 < patchy.defects.high
    assert patchy.imo == ("GOOD", "FAIR")


def test_the_share_is_of_what_was_seen_and_large_cells_count_more() -> None:
    cells = [_cell("port", 0.0, 10.0, area=9.0), _cell("port", 0.0, 0.0, area=1.0), *[_cell("port", None, None, 0.0)] * 5]
    cells += [_cell("port", 0.0, 10.0, seen=0.5, area=18.0), _cell("port", 0.0, 0.0, area=1.0)]
    whole, port, starboard, _ = indications(cells)
    assert whole.defects is not None
    assert whole.defects.per_cent == pytest.approx(180.0 / 20.0)
    assert port.defects == whole.defects
    assert starboard.defects is None
    assert starboard.imo == ()


def test_too_little_seen_gives_no_grade() -> None:
    assert indications([_cell("port", 1.0, 1.0) for _ in range(3)])[0].imo == ()
