from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ais.decode import Dimensions
from ais.join import RegisterIndex
from ais.live import LiveShip, Position
from ais.port import Berth, Port, berth_of, load_port
from ais.pose import geometry_and_pose
from ais.ranking import FeedInfo, RankedShip, RegisterData, rank
from ais.register import Particular
from ais.register_store import Inspection, RegisterValue
from core.errors import Refused
from core.geo import LonLat
from core.ship import ShipGeometry, ShipPose
from tests.unit.ais.kit import TODAY, pack

FEED = FeedInfo("log", 10, datetime(2026, 11, 24, tzinfo=UTC))


def entry(imo: int, **fields: str) -> Particular:
    subject = f"imo:{imo}"
    base = {"imo": str(imo), "psc_history_from": "2020-01-01", "psc_history_to": TODAY.isoformat(), **fields}
    return Particular(
        subject, {key: RegisterValue(subject, key, value, "t", TODAY, "x", 1) for key, value in base.items() if value}
    )


def heard(mmsi: int, imo: int | None = None, **fields: Any) -> LiveShip:
    base: dict[str, Any] = {"station_class": "A", "at_ms": 0, "time_source": "log", "messages": 1}
    return LiveShip(mmsi=mmsi, imo=imo, **{**base, **fields})


def ranked(
    ships: list[LiveShip], entries: list[Particular], past: dict[int, list[Inspection]] | None = None
) -> tuple[RankedShip, ...]:
    return rank(pack(), ships, RegisterData(RegisterIndex(entries), past or {}, ()), FEED, TODAY).ships


def test_ships_that_differ_only_by_unknowns_share_a_rank() -> None:
    entries = [
        entry(2000004, ship_type="bulk_carrier", build_date="2000-01-01"),
        entry(2000016, ship_type="bulk_carrier", build_date="2000-01-01", ro="X"),
        entry(2000028, ship_type="bulk_carrier"),
    ]
    entries = [item for item in entries if item.imo]
    ships = [heard(352000001 + at, item.imo) for at, item in enumerate(entries)]
    lines = ranked(ships, entries)
    assert [(line.rank, line.tied_with, line.of) for line in lines] == [(1, 1, 3), (1, 1, 3), (3, 0, 3)]
    assert {line.assessment.points_low for line in lines[:2]} == {3}
    assert lines[0].assessment.points_high >= lines[2].assessment.points_high


def test_ranks_skip_after_a_tie_and_the_unknown_are_tied_at_the_end() -> None:
    lines = ranked([heard(352000001), heard(352000002), heard(352000003, ship_type=60)], [])
    assert [(line.rank, line.tied_with) for line in lines] == [(1, 0), (2, 1), (2, 1)]
    assert all(line.assessment.priority is None for line in lines)


def test_an_overriding_factor_comes_before_points() -> None:
    entries = [
        entry(2000004, ship_type="general_cargo", overriding_factor="complaint"),
        entry(2000016, ship_type="oil_tanker", build_date="1990-01-01"),
    ]
    lines = ranked([heard(352000002, 2000016), heard(352000001, 2000004)], entries)
    assert [line.sheet.imo for line in lines] == ["2000004", "2000016"]


def test_out_of_scope_ships_are_listed_apart() -> None:
    ships = [
        heard(352000001, ship_type=30), heard(352000002, station_class="B", ship_type=70), heard(352000003, ship_type=70),
        heard(2190064, station_class="base"), heard(992190934, station_class="aid"),
    ]  # fmt: skip
    found = rank(pack(), ships, RegisterData(RegisterIndex([]), {}, ()), FEED, TODAY)
    assert [line.live.mmsi for line in found.ships] == [352000003]
    assert [ship.mmsi for ship in found.excluded] == [352000001, 352000002]


def test_ranking_nobody_is_an_empty_list() -> None:
    assert ranked([], []) == ()


QUAY = LonLat(122.0, 40.0)


def one(**fields: Any) -> RankedShip:
    base: dict[str, Any] = {
        "position": Position(QUAY, 0, heading_deg_true=0),
        "dimensions": Dimensions(72, 18, 7, 7),
        "draught_m": 5.0,
    }
    return ranked([heard(352000001, 2000004, **{**base, **fields})], [entry(2000004, depth_m="7.6")])[0]


def port(**changes: object) -> Port:
    """Quay runs north, 8 m east of the antenna."""
    east = QUAY.lon + 8.0 / 85_394.0
    label = {"zh": "甲", "en": "A"}
    berth = Berth.model_validate({"id": "A", "name": label, "quay": ((east, 39.999), (east, 40.002)), "depth_m": 9})
    return load_port("ports/yunjian_demo_port.toml").model_copy(update={"berths": (berth,), **changes})


def test_geometry_pose_and_the_side_at_the_quay() -> None:
    found = geometry_and_pose(one(), port())
    assert (found.geometry.loa_m, found.geometry.beam_m, found.geometry.depth_m, found.geometry.draught_m) == (90, 14, 7.6, 5.0)
    assert found.geometry.estimated == frozenset()
    assert found.pose.origin.lat == pytest.approx(40.0 - 18 / 111_035, abs=1e-6)
    assert found.berth is not None
    assert (found.berth.quay_side, round(found.berth.distance_m, 1)) == ("starboard", 1.0)
    turned = geometry_and_pose(one(position=Position(QUAY, 0, heading_deg_true=180)), port())
    assert turned.berth is not None
    assert turned.berth.quay_side == "port"


def test_far_from_every_quay_there_is_no_berth() -> None:
    pose = ShipPose(LonLat(121.9, 40.0), 0.0, FEED.at_utc, "ais")
    assert berth_of(port(), pose, ShipGeometry(90, 14, 7.6, 5)) is None


def test_class_defaults_are_marked_estimated() -> None:
    line = ranked([heard(352000001, position=Position(QUAY, 0, heading_deg_true=1), dimensions=Dimensions(72, 18, 7, 7))], [])[
        0
    ]
    found = geometry_and_pose(line, port())
    assert found.geometry.estimated == {"depth_m", "draught_m"}
    assert found.sheet.estimated == ["depth_m", "draught_m"]
    assert found.geometry.draught_m < found.geometry.depth_m


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"position": Position(QUAY, 0, heading_deg_true=None)}, "ais.heading_unknown"),
        ({"position": None}, "ais.no_position"),
        ({"dimensions": Dimensions(0, 90, 0, 14)}, "ais.reference_unknown"),
        ({"dimensions": None}, "ais.no_dimensions"),
        ({"draught_m": 9.0}, "ais.geometry_impossible"),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_reason(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        geometry_and_pose(one(**fields), port())
    assert caught.value.code == code


def test_remote_facts_and_sheet_come_from_the_register() -> None:
    facts = {
        "detained": "yes",
        "under_investigation": "no",
        "trigger": "report",
        "network_ok": "yes",
        "build_date": "2011",
        "simulated": "yes",
    }
    line = ranked([heard(352000001, 2000004)], [entry(2000004, **facts)])[0]
    remote = line.remote
    assert (remote.detained, remote.under_investigation, remote.trigger, remote.network_ok) == (True, False, "report", True)
    assert (remote.crew_skilled, remote.accepts_remote_risk, remote.overriding) == (None, None, False)
    assert (line.sheet.year_built, line.sheet.simulated, line.sheet.mmsi) == (2011, True, "352000001")
    assert line.selection.at_utc == FEED.at_utc
    assert date(2026, 11, 24) == line.assessment.on
