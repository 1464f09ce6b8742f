"""What a ship says of its hull, load and voyage against what it does; each signal with a twin that must not raise it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ais.behaviour import load_behaviour
from ais.eta import steady_sog_kn
from ais.event_store import BerthStay, PortCall
from ais.signals import at_utc
from ais.voyage import Voyage, destination_match
from core.geo import LonLat
from tests.unit.ais.test_signals import (
    OTHER,
    PORT,
    SEA,
    SHIP,
    START_MS,
    at,
    at_berth,
    eastward,
    hear,
    place,
    raised,
    ship,
    watch,
)

RULES = load_behaviour()
MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("lengths", "found"),
    [
        ((120, 120, 180, 180), [{"before": 120, "value": 180}]),
        ((120, 180, 120, 180, 120), []),  # never twice in a row
        ((120, 125, 121, 126), []),  # within 5 %
        ((120, 180, 175, 180), []),  # two different others
    ],
)
def test_another_length_counts_once_sent_twice(lengths: tuple[int, ...], found: list[dict[str, int]]) -> None:
    made = watch()
    for number, length in enumerate(lengths):
        made.length(SHIP, length, START_MS + number * 6 * MINUTE_MS)
    assert [one.facts for one in made.take().signals] == found


@pytest.mark.parametrize(("draughts", "alike"), [(((8.0, 8.0), (8.0, 8.1)), 2), (((8.0, 8.0), (8.0, 5.0), (5.0, 5.0)), 0)])
def test_the_same_draught_over_calls_with_cargo_work(draughts: tuple[tuple[float, float], ...], alike: int) -> None:
    voyage = Voyage()
    begin = at_utc(START_MS)
    found: Any = None
    for draught_in, draught_out in draughts:
        stay = BerthStay("A1", begin, begin + timedelta(hours=12))
        found = voyage.left(PortCall(PORT.id, SHIP, begin, None, (stay,), draught_in, draught_out), RULES.draught)
    assert (found or {}).get("calls", 0) == alike
    short = PortCall(PORT.id, SHIP, begin, None, (BerthStay("A1", begin, begin + timedelta(hours=2)),), 8.0, 8.0)
    assert voyage.left(short, RULES.draught) is None  # too short for cargo


@pytest.mark.parametrize(
    ("typed", "least", "most"),
    [
        ("CN SIM PORT", 1.0, 1.0), ("cnsim", 1.0, 1.0), ("KRPUS>CN SIM", 1.0, 1.0), ("CN SIM POTR", 0.8, 1.0),
        ("CN SIM>KRPUS", 0.0, 0.49), ("ROTTERDAM", 0.0, 0.49), ("KWANGYANG/S", 0.0, 0.49),
    ],
)  # fmt: skip
def test_what_the_crew_typed_against_the_names_of_the_port(typed: str, least: float, most: float) -> None:
    match = destination_match(PORT, typed)
    assert match is not None
    assert least <= match <= most


def test_nothing_typed_or_a_port_without_names_is_no_answer() -> None:
    assert destination_match(PORT, None) is destination_match(PORT, " @") is None
    assert destination_match(PORT.model_copy(update={"destinations": ()}), "CN SIM PORT") is None


@pytest.mark.parametrize(("destination", "elsewhere"), [("ROTTERDAM", True), ("CN SIM PORT", False), (None, False)])
def test_berths_here_and_says_it_sails_elsewhere(destination: str | None, elsewhere: bool) -> None:
    found = raised(hear(watch(ship(destination=destination)), at_berth()), "destination_elsewhere")
    assert [one.facts["destination"] for one in found] == ([destination] if elsewhere else [])


def beside(metres: float, minutes: int, length_m: int, origin: LonLat = SEA) -> dict[int, str]:
    """Two ships that lie still so far apart; who lay beside whom."""
    made = watch()
    for mmsi in (SHIP, OTHER):
        made.length(mmsi, length_m, START_MS)
    for minute in range(0, minutes + 1, 3):
        for mmsi, east in ((SHIP, 0.0), (OTHER, metres)):
            made.report(mmsi, at(minute * 60, place(east, 0, origin), sog_kn=0.3), None)
    made.sweep()
    return {one.mmsi: str(one.facts["other"]) for one in raised(made.take().signals, "meeting")}


def test_two_ships_beside_each_other_outside_the_port() -> None:
    assert beside(200, 130, 120) == {SHIP: f"{OTHER:09d}", OTHER: f"{SHIP:09d}"}
    assert beside(200, 110, 120) == {}
    assert beside(500, 130, 120) == {}
    assert beside(200, 130, 30) == {}  # a tug
    assert beside(200, 130, 120, origin=LonLat(121.96, 40.305)) == {}  # inside the limits


def arriving(silence_ends_hours_before: float) -> list[str]:
    """A ship that is silent at sea while others are heard, and then sails into the port."""
    made = watch(ship())
    outside, silent_min = place(0, 0, SEA), 60
    hear(made, [at(second, outside, sog_kn=0.5) for second in range(0, 900, 60)])
    for second in range(900, 900 + silent_min * 60, 120):
        for number in range(1, 4):
            made.report(OTHER + number, at(second, place(300 * number, 0), sog_kn=5.0), None)
    begin = 900 + silent_min * 60
    hear(made, [at(begin + 60 * n, outside, sog_kn=0.5) for n in range(15)])
    enters = begin + silence_ends_hours_before * 3600
    inside = LonLat(121.9, 40.3)
    found = hear(made, [at(enters + 60 * n, inside, sog_kn=6.0) for n in range(20)])
    return [one.kind for one in found if one.kind == "gap_before_arrival"]


@pytest.mark.parametrize(("hours", "told"), [(2.0, True), (30.0, False)])
def test_a_silence_before_the_arrival_is_told_with_it(hours: float, told: bool) -> None:
    assert bool(arriving(hours)) is told


def test_the_eta_is_computed_with_the_median_speed() -> None:
    """One report of a stop does not move the ETA."""
    points = eastward(14, origin=LonLat(121.79, 40.3132))
    points[-1] = replace(points[-1], sog_kn=2.2)
    assert steady_sog_kn(points, points[-1].at_ms, RULES.eta) == 10.0
    assert steady_sog_kn([], 0, RULES.eta) is None
