"""Ids, clock, ship frame, hull form, evidence, roles: examples with a known answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from core import evidence
from core.clock import FastClock, ManualClock, SystemClock, parse_rfc3339, rfc3339
from core.context import Services
from core.errors import InputError
from core.geo import EnuFrame, LonLat, distance_m
from core.hullform import PART_CODES, HullForm
from core.ids import Imo, Mmsi, new_id
from core.ship import ShipGeometry, ShipPose, ShipRef

SHIP = ShipGeometry(loa_m=180.0, beam_m=30.0, depth_m=15.0, draught_m=8.0)
HULL = HullForm(SHIP)


def test_imo_and_mmsi() -> None:
    assert str(Imo.parse("IMO 9074729")) == "9074729"  # the check-digit example of IMO's own scheme
    for wrong in ("9074728", "907472", "", "IMO", "９０７４７２９"):
        with pytest.raises(InputError):
            Imo.parse(wrong)
    assert (Mmsi(413123456).mid, Mmsi(413123456).is_ship) == (413, True)
    assert str(Mmsi(2)) == "000000002"
    assert Mmsi(2).mid is None
    for text in ("0", "1234567890", "-1", "x"):
        with pytest.raises(InputError):
            Mmsi.parse(text)


def test_ids_sort_by_time_of_making() -> None:
    made = [new_id() for _ in range(200)]
    assert made == sorted(made)
    assert made[0][14] == "7"


def test_times_are_written_as_the_contract_says() -> None:
    at = datetime(2026, 11, 24, 10, 0, 0, 123999, tzinfo=timezone(timedelta(hours=8)))
    assert rfc3339(at) == "2026-11-24T02:00:00.123Z"
    assert parse_rfc3339("2026-11-24T02:00:00.123Z") == datetime(2026, 11, 24, 2, 0, 0, 123000, tzinfo=UTC)
    with pytest.raises(ValueError):
        parse_rfc3339("2026-11-24T02:00:00")


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.sleep(90)
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC), 90.0)


def test_fast_clock_is_shared_by_its_three_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first, second = FastClock(20, start, 1000.0), FastClock(20, start, 1000.0)
    slept: list[float] = []
    monkeypatch.setattr("core.clock.time.time", lambda: 1003.0)
    monkeypatch.setattr("core.clock.time.sleep", slept.append)
    assert first.now() == second.now() == start + timedelta(seconds=60)
    first.sleep(10)
    assert slept == [0.5]
    with pytest.raises(ValueError):
        FastClock(0)
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize(
    ("heading", "east", "north"),
    [(0.0, 5.0, -100.0), (90.0, -100.0, -5.0), (180.0, -5.0, 100.0), (270.0, 100.0, 5.0)],
)
def test_ship_frame_against_the_ais_figure(heading: float, east: float, north: float) -> None:
    """ITU-R M.1371-5 figure 41: antenna 100 m from the stern, 10 m from port, 20 m from starboard."""
    antenna = LonLat(122.2, 40.3)
    pose = ShipPose.from_ais(antenna, heading, 100.0, 10.0, 30.0, datetime(2026, 1, 1, tzinfo=UTC))
    origin = EnuFrame(antenna).to_enu(pose.origin)
    assert np.allclose(origin[:2], [east, north], atol=0.01)
    in_ship = pose.from_enu(pose.frame.to_enu(antenna), 0.0)[0]
    assert np.allclose(in_ship, [100.0, 5.0, 0.0], atol=0.01)  # x forward of the stern, y to port


def test_bow_and_port_point_the_right_way() -> None:
    pose = ShipPose(LonLat(122.0, 40.0), 90.0, datetime(2026, 1, 1, tzinfo=UTC), "test")
    assert np.allclose(pose.to_enu(np.array([[10.0, 2.0, 8.0]]), draught_m=8.0), [[10.0, 2.0, 0.0]])  # bow east, port north
    with pytest.raises(ValueError):
        ShipRef("nameless")
    with pytest.raises(ValueError):
        ShipGeometry(100, 20, 8, 8)


def test_rays_meet_the_surface() -> None:
    x = np.linspace(2.0, 150.0, 40)
    z = np.linspace(1.0, 14.0, 40)
    for side, sign in (("port", 1.0), ("starboard", -1.0)):
        start = np.stack([x, np.full_like(x, sign * 40.0), z], axis=1)
        hits = HULL.intersect(start, np.tile([0.0, -sign, 0.0], (40, 1)))
        assert np.all(hits.part == PART_CODES[side])
        assert np.allclose(hits.point_m, HULL.surface(x, z, side), atol=0.01)
        assert np.allclose(hits.distance_m, 40.0 - HULL.half_breadth(x, z), atol=0.01)


def test_rays_from_stern_deck_and_away() -> None:
    starts = np.array([[-20.0, 0.0, 10.0], [90.0, 0.0, 60.0], [90.0, 40.0, 10.0], [90.0, 40.0, 40.0]])
    ways = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    hits = HULL.intersect(starts, ways)
    assert list(hits.part) == [PART_CODES["stern"], PART_CODES["deck"], 0, 0]
    assert np.allclose(hits.point_m[0], [0.0, 0.0, 10.0], atol=0.02)
    assert np.allclose(hits.point_m[1], [90.0, 0.0, 15.0], atol=0.02)
    assert np.all(np.isnan(hits.point_m[2:]))


def test_normals_are_unit_and_point_outwards() -> None:
    x, z = (grid.ravel() for grid in np.meshgrid(np.linspace(1, 172, 60), np.linspace(0.5, 14.5, 20)))
    for side, sign in (("port", 1.0), ("starboard", -1.0)):
        normal = HULL.normal(x, z, side)
        assert np.allclose(np.linalg.norm(normal, axis=1), 1.0)
        assert np.all(normal[:, 1] * sign > 0)
        surface = HULL.surface(x, z, side)
        assert not np.any(HULL.inside(surface + 0.2 * normal))
    mid = (x > 30) & (x < 140)
    assert np.allclose(HULL.normal(x[mid], z[mid], "port"), [0.0, 1.0, 0.0])
    assert np.allclose(HULL.normal(np.array([0.0]), np.array([5.0]), "stern"), [-1.0, 0.0, 0.0])


def test_side_area_lies_between_its_bounds() -> None:
    """At least the projected rectangle up to the bow taper, at most the flat length plus both tapers at full depth."""
    area = HULL.side_area_m2("port", 0.0)
    assert area == pytest.approx(HULL.side_area_m2("starboard", 0.0))
    assert 0.82 * 180 * 15 < area < (180 + 2 * 15) * 15
    upper = HULL.side_area_m2("port", SHIP.draught_m)
    assert SHIP.freeboard_m * 0.82 * 180 < upper < area


def test_distance_of_a_nautical_mile() -> None:
    assert distance_m(LonLat(122.0, 40.0), LonLat(122.0, 40.0 + 1 / 60)) == pytest.approx(1852, rel=0.005)
    with pytest.raises(ValueError):
        LonLat(181.0, 0.0)


def test_evidence_is_kept_once(services: Services) -> None:
    now = services.clock.now()
    envelope = evidence.Envelope(
        sha256="0" * 64, size=3, media_type="image/jpeg", kind="still", captured_at=now, clock_offset_ms=None,
        received_at=now, device="phone", producer="video", subject_ref="case-1",
    )  # fmt: skip
    with services.db.write() as session:
        assert evidence.keep(session, envelope)
        assert not evidence.keep(session, envelope)
    with services.db.read() as session:
        assert evidence.of_subject(session, "case-1") == [envelope]
        assert evidence.get(session, envelope.id) == envelope
        assert evidence.get(session, "none") is None
