"""What the watch knows outlives a restart and an eviction; a ship that vanishes leaves; memory is bounded."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import reduce
from operator import xor
from pathlib import Path

from pyais import encode_dict

from ais import Ingest, parse_sources
from ais.behaviour import load_behaviour
from ais.event_store import events, identities, port_calls
from ais.port import load_port
from ais.store import load_ship
from core.context import Services

SHIP, TUG = 413999301, 413999302
NAME = "SIM REMEMBERED"


def log(path: Path, services: Services, first_minute: int, minutes: int, mmsi: int = SHIP, name: str = "") -> str:
    """A ship at the middle of berth A4, a report a minute; its static report twice where it has a name."""
    berth = next(one for one in load_port(services.settings.ais.port_pack).berths if one.id == "A4")
    lon, lat = (sum(values) / 2 for values in zip(*berth.quay, strict=True))
    lines = []
    for minute in range(first_minute, first_minute + minutes):
        body = b"c:%d" % (services.clock.now() + timedelta(minutes=minute)).timestamp()
        tag = b"\\%b*%02X\\" % (body, reduce(xor, body))
        sent: list[dict[str, str | int | float | bytes | bool]] = [
            {
                "msg_type": 1,
                "mmsi": mmsi,
                "lon": lon,
                "lat": lat,
                "speed": 0.0,
                "heading": 35,
                "status": 5,
                "second": minute % 60,
            }
        ]
        if name and minute < first_minute + 2:
            sent.append({"msg_type": 24, "mmsi": mmsi, "partno": 0, "shipname": name})
        lines += [tag + line.encode() for one in sent for line in encode_dict(one, sentence_type="VDM")]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return f"file://{path}?speed=0&name={path.stem}"


def run(services: Services, source: str) -> Ingest:
    ingest = Ingest(services, parse_sources([source]))
    ingest.run(threading.Event())
    return ingest


def states(services: Services) -> list[tuple[str, str | None, bool]]:
    with services.db.ais_read() as session:
        return [(one.kind, one.place, one.ended_at is None) for one in events(session, mmsi=SHIP)]


def test_a_restart_goes_on_with_the_same_stay_and_call(services: Services, tmp_path: Path) -> None:
    run(services, log(tmp_path / "one.nmea", services, 0, 25, name=NAME))
    assert states(services) == [("at_berth", "A4", True)]
    run(services, log(tmp_path / "two.nmea", services, 26, 20, name=NAME))
    assert states(services) == [("at_berth", "A4", True)]
    with services.db.ais_read() as session:
        (call,) = port_calls(session, mmsi=SHIP)
        (named,) = [one for one in identities(session, SHIP) if one.field == "name"]
    assert (call.departed_at, [stay.berth_id for stay in call.berths]) == (None, ["A4"])
    assert (named.count, named.confirmed) == (4, True)
    assert named.last_at - named.first_at == timedelta(minutes=27)


def test_a_vanished_ship_leaves_with_its_last_report(services: Services, tmp_path: Path) -> None:
    run(services, log(tmp_path / "one.nmea", services, 0, 25))
    hours = load_behaviour().call.closed_after_hours
    run(services, log(tmp_path / "soon.nmea", services, round(hours * 60) - 30, 20, TUG))
    with services.db.ais_read() as session:
        assert port_calls(session, mmsi=SHIP)[0].departed_at is None
    run(services, log(tmp_path / "late.nmea", services, round(hours * 60) + 40, 5, TUG))
    with services.db.ais_read() as session:
        (call,) = port_calls(session, mmsi=SHIP)
        (stay,) = events(session, mmsi=SHIP)
    assert call.departed_at == stay.ended_at == services.clock.now() + timedelta(minutes=24)
    assert [one.to_at for one in call.berths] == [call.departed_at]


def test_a_ship_not_heard_for_long_leaves_memory_and_comes_back_with_its_name(services: Services, tmp_path: Path) -> None:
    points = load_behaviour().points
    assert points.forget_hours > load_behaviour().call.closed_after_hours
    run(services, log(tmp_path / "one.nmea", services, 0, 25, name=NAME))
    later = round(points.forget_hours * 60) + 60
    ingest = run(services, log(tmp_path / "two.nmea", services, later, 20, TUG))
    assert (len(ingest.intake.picture), len(ingest.intake.watch)) == (2, 2)
    ingest.intake.evict()
    assert (len(ingest.intake.picture), len(ingest.intake.watch)) == (1, 1)
    again = run(services, log(tmp_path / "three.nmea", services, later + 30, 20))
    assert len(again.intake.picture) == 2
    with services.db.ais_read() as session:
        ship = load_ship(session, SHIP)
        assert len(port_calls(session, mmsi=SHIP)) == 2
    assert ship is not None
    assert (ship.name, ship.unconfirmed, ship.messages) == (NAME, frozenset(), 47)
