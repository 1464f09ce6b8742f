"""Each signal on planted movement, with a twin that looks alike and must not raise it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ais.behaviour import load_behaviour
from ais.decode import Dimensions
from ais.live import Eta, IdentityChange, LiveShip, Position
from ais.port import load_port
from ais.signals import Signal, SignalKind
from ais.watch import Watch, stations
from core.geo import LonLat

START_MS = round(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
PORT = load_port("ports/yunjian_demo_port.toml")
SHIP, OTHER = 413999201, 413999202
SEA = LonLat(121.70, 40.30)
IMO = 9074729


def ship(mmsi: int = SHIP, **changes: Any) -> LiveShip:
    return replace(LiveShip(mmsi, "A", START_MS, "log", 1, dimensions=Dimensions(80, 20, 8, 8)), **changes)


def watch(*ships: LiveShip) -> Watch:
    return Watch(load_behaviour(), PORT, {one.mmsi: one for one in ships}.get)


def place(metres_east: float = 0.0, metres_north: float = 0.0, origin: LonLat = SEA) -> LonLat:
    return LonLat(origin.lon + metres_east / 84_800, origin.lat + metres_north / 111_100)


def at(second: float, lonlat: LonLat, **changes: Any) -> Position:
    """Ten knots to the east under way, with what `changes` says instead."""
    base = Position(lonlat, START_MS + round(second * 1000), sog_kn=10.0, cog_deg_true=90.0, heading_deg_true=90, nav_status=0)
    return replace(base, **changes)


def eastward(minutes: float, step_s: float = 30.0, origin: LonLat = SEA, kn: float = 10.0, **changes: Any) -> list[Position]:
    seconds = [step * step_s for step in range(int(minutes * 60 / step_s) + 1)]
    return [at(one, place(one * kn * 0.5144, origin=origin), sog_kn=abs(kn), **changes) for one in seconds]


def hear(made: Watch, points: Iterable[Position], mmsi: int = SHIP, station: str | None = None) -> list[Signal]:
    for point in points:
        made.report(mmsi, point, station)
    return list(made.take().signals)


def raised(found: Iterable[Signal], kind: SignalKind) -> list[Signal]:
    return [one for one in found if one.kind == kind]


def round_circle(minutes: float, bow: str, radius_m: float = 150.0, kn: float = 8.0, share: float = 1.0) -> list[Position]:
    """Places on a circle every 30 s; `bow`: it stays, it turns, or it is not known; `share` of the circle is sailed to and fro."""
    made = []
    for n in range(int(minutes * 2) + 1):
        turned = kn * 0.5144 / radius_m * 30 * n / math.tau
        angle = math.tau * (turned % 1.0 if share == 1.0 else share * abs(turned * 2 % 2 - 1))
        course = math.degrees(angle + math.pi / 2) % 360
        heading = {"stays": 20, "turns": round(course) % 360, "unknown": None}[bow]
        where = place(radius_m * math.sin(angle), radius_m * math.cos(angle))
        made.append(at(30 * n, where, sog_kn=kn, cog_deg_true=course, heading_deg_true=heading))
    return made


def test_places_on_a_circle_while_the_bow_stays() -> None:
    (found,) = raised(hear(watch(), round_circle(20, "stays")), "circle")
    assert found.facts["radius_m"] == pytest.approx(150, abs=2)
    assert (len(found.evidence), found.expires_at > found.opened_at) == (8, True)
    assert raised(hear(watch(), round_circle(20, "stays", radius_m=120.0, kn=20.0)), "circle")  # once round in 73 s


@pytest.mark.parametrize(
    ("bow", "changes"),
    [
        ("turns", {}),  # a pilot boat waits
        ("unknown", {}),
        ("stays", {"share": 0.3}),  # an arc, as at anchor
        ("stays", {"radius_m": 20.0, "kn": 3.0}),  # noise
        ("stays", {"kn": 0.5}),
    ],
)
def test_what_looks_like_a_circle(bow: str, changes: dict[str, float]) -> None:
    assert not raised(hear(watch(), round_circle(20, bow, **changes)), "circle")
    assert not raised(hear(watch(), eastward(20)), "circle")


def two_places(times: int, apart_m: float) -> list[Position]:
    """One MMSI heard in turn here and there."""
    return [at(20 * n, place(apart_m * (n % 2), 10 * n)) for n in range(times * 2)]


def test_one_mmsi_in_two_places_at_once() -> None:
    found = raised(hear(watch(), two_places(4, 12_000)), "double_track")
    assert len(found) == 1
    assert found[0].facts["distance_nm"] == pytest.approx(6.5, abs=0.2)
    assert not raised(hear(watch(), two_places(4, 3_000)), "double_track")


def test_a_ship_whose_place_is_corrected_once_is_in_one_place() -> None:
    points = [at(20 * n, place(0 if n < 8 else 12_000, 10 * n)) for n in range(16)]
    assert not raised(hear(watch(), points), "double_track")


def test_heard_by_a_station_beyond_the_horizon() -> None:
    station, where = next(iter(stations().items()))
    far = [at(30 * n, LonLat(where.lon, where.lat + 3.0)) for n in range(4)]
    found = raised(hear(watch(), far, station=station), "out_of_range")
    assert [one.facts["station"] for one in found] == [station]
    assert found[0].facts["distance_nm"] == pytest.approx(180, abs=2)
    near = [at(30 * n, LonLat(where.lon, where.lat + (3.0 if n % 2 else 0.5))) for n in range(8)]  # never three in a row
    assert not raised(hear(watch(), near, station=station), "out_of_range")
    assert not raised(hear(watch(), far, station="unknown"), "out_of_range")


def same_place(ships: int, kn: float) -> list[Signal]:
    made = watch()
    for turn in range(4):
        for number in range(ships):
            made.report(SHIP + number, at(30 * turn + number, SEA, sog_kn=kn), None)
    made.sweep()
    return raised(made.take().signals, "same_place")


def test_many_ships_under_way_at_one_place() -> None:
    assert {one.mmsi for one in same_place(4, 8.0)} == {SHIP, SHIP + 1, SHIP + 2, SHIP + 3}
    assert not same_place(3, 8.0)
    assert not same_place(4, 0.2)  # side by side at a quay


@pytest.mark.parametrize("status", [1, 5])
def test_says_at_rest_and_moves(status: int) -> None:
    found = raised(hear(watch(), eastward(8, nav_status=status)), "status_conflict")
    assert len(found) == 1
    assert found[0].facts == {"status": status, "sog_kn": 10.0}


@pytest.mark.parametrize("points", [eastward(8), eastward(8, kn=2.0, nav_status=5), eastward(3, nav_status=5)])
def test_a_status_that_agrees_or_lies_for_short(points: list[Position]) -> None:
    assert not raised(hear(watch(), points), "status_conflict")


@pytest.mark.parametrize(("kn", "heading", "drifts"), [(0.8, 0, True), (1.5, 180, True), (0.8, 90, False), (6.0, 0, False)])
def test_drifting_is_slow_and_across_the_heading(kn: float, heading: int, drifts: bool) -> None:
    found = raised(hear(watch(), eastward(14, kn=kn, heading_deg_true=heading)), "drifting")
    assert bool(found) is drifts


def test_draught_changes_away_from_a_berth() -> None:
    made = watch()
    for minute, draught in ((0, 8.0), (10, 8.1), (20, 10.0)):
        made.draught(SHIP, draught, START_MS + minute * 60_000)
    assert [(one.kind, one.facts) for one in made.take().signals] == [("draught_change", {"before": 8.1, "value": 10.0})]


def at_berth(minutes: float = 15.0, origin_ms: float = 0.0) -> list[Position]:
    """Beside the middle of berth A4 (9.5 m deep)."""
    berth = next(one for one in PORT.berths if one.id == "A4")
    middle = LonLat(*(sum(values) / 2 for values in zip(*berth.quay, strict=True)))
    return [
        at(origin_ms + 60 * n, middle, sog_kn=0.0, heading_deg_true=35, cog_deg_true=None, nav_status=5)
        for n in range(int(minutes) + 1)
    ]


def test_cargo_work_changes_the_draught() -> None:
    made = watch(ship())
    made.draught(SHIP, 8.0, START_MS)
    made.draught(SHIP, 9.0, START_MS + 1000)
    hear(made, at_berth())
    made.draught(SHIP, 6.0, START_MS + 20 * 60_000)
    assert not made.take().signals


@pytest.mark.parametrize(("draught_m", "deep"), [(11.0, True), (9.0, False)])
def test_deeper_than_the_berth(draught_m: float, deep: bool) -> None:
    found = raised(hear(watch(ship(draught_m=draught_m)), at_berth()), "draught_over_depth")
    assert [one.facts for one in found] == ([{"draught_m": 11.0, "depth_m": 9.5}] if deep else [])


ON_FAIRWAY = LonLat(121.80, 40.3132)  # west of the limits, before the first point of the fairway


@pytest.mark.parametrize(
    ("kn", "hour", "late"),
    [(10.0, 9, True), (10.0, 2, False), (-10.0, 9, False)],  # inbound with a far ETA; with a fitting one; outbound to elsewhere
)
def test_the_typed_eta_against_the_way_left(kn: float, hour: int, late: bool) -> None:
    points = eastward(14, origin=LonLat(121.8395, ON_FAIRWAY.lat) if kn < 0 else LonLat(121.79, ON_FAIRWAY.lat), kn=kn)
    points = [replace(one, cog_deg_true=90.0 if kn > 0 else 270.0) for one in points]
    found = raised(hear(watch(ship(eta=Eta(11, 24, hour, 0))), points), "eta_spread")
    assert bool(found) is late
    for one in found:
        assert one.facts["hours"] == pytest.approx(8, abs=1)


def identity(made: Watch, mmsi: int, imo: int, minute: int = 0, length_m: int | None = 100) -> None:
    made.identity(IdentityChange(mmsi, "imo", str(imo), START_MS + minute * 60_000, confirmed=True), length_m)


def test_two_stations_with_one_imo_number() -> None:
    made = watch()
    identity(made, SHIP, IMO)
    identity(made, SHIP, IMO, 6)
    assert not made.take().signals
    identity(made, OTHER, 9176187)
    assert not raised(made.take().signals, "two_mmsi_one_imo")
    identity(made, OTHER, IMO, 12)
    assert {(one.mmsi, one.facts["other"]) for one in raised(made.take().signals, "two_mmsi_one_imo")} == {
        (SHIP, f"{OTHER:09d}"),
        (OTHER, f"{SHIP:09d}"),
    }


@pytest.mark.parametrize(("length_m", "missing"), [(180, True), (60, False)])
def test_no_imo_number_is_judged_once_the_length_is_known(length_m: int, missing: bool) -> None:
    held: dict[int, LiveShip] = {}
    made = Watch(load_behaviour(), PORT, held.get)
    identity(made, SHIP, 0, 0, None)
    assert not made.take().signals
    held[SHIP] = ship(dimensions=Dimensions(length_m - 20, 20, 8, 8))
    found = hear(made, eastward(2, origin=place(0)))
    assert bool(raised(found, "imo_missing")) is missing


@pytest.mark.parametrize(("station_class", "kn", "minutes"), [("A", 10.0, 31), ("A", 0.0, 31), ("B", 10.0, 31), ("B", 0.0, 31)])
def test_patience_follows_class_and_movement(station_class: Any, kn: float, minutes: int) -> None:
    """Ten expected intervals where that is longer than the least of the rule."""
    rules = load_behaviour()
    slow = {"a_moored": 600.0, "a_under_way": 300.0, "b_moored": 1200.0, "b_under_way": 900.0}
    stretched = rules.model_copy(update={"interval_s": rules.interval_s.model_copy(update=slow)})
    made = Watch(stretched, PORT, {SHIP: ship(station_class=station_class)}.get)
    hear(made, eastward(14, kn=kn))
    key = f"{station_class.lower()}_{'under_way' if kn else 'moored'}"
    expected_s = slow[key] * rules.gap.intervals
    assert expected_s > minutes * 60
    last_s = 14 * 60
    silent: Callable[[float], list[Signal]] = lambda until: raised(  # noqa: E731
        _neighbours(made, last_s, until, place(14 * 60 * kn * 0.5144)), "gap"
    )
    assert not silent(last_s + expected_s - 120)
    assert [one.mmsi for one in silent(last_s + expected_s + 120)] == [SHIP]


def _neighbours(made: Watch, from_s: float, until_s: float, around: LonLat) -> list[Signal]:
    """Three ships near `around` that are heard until then."""
    found: list[Signal] = []
    for second in (*range(int(from_s), int(until_s), 300), until_s):
        for number in range(1, 4):
            found += hear(made, [at(second, place(300 * number, 0, around), sog_kn=5.0)], SHIP + number)
    made.sweep()
    return [*found, *made.take().signals]
