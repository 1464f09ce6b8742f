from __future__ import annotations

from datetime import UTC, datetime

from pyais import encode_dict

from ais.batch import BatchDecoder
from ais.live import LivePicture, heard
from ais.tally import Tally
from config import load_settings

START = datetime(2026, 11, 24, tzinfo=UTC)
SHIP = 366000001
DECODERS: dict[int, BatchDecoder] = {}  # one a picture: repeats are known to the decoder
TALLY = Tally()


def picture() -> LivePicture:
    DECODERS.clear()
    TALLY.duplicates = TALLY.undated = TALLY.own_station = 0
    return LivePicture(confirm_identity=2, started_at=START)


def say(made: LivePicture, at: int | None = None, kind: str = "VDM", **fields: float | str | bytes | bool) -> None:
    tag = b"" if at is None else b"\\s:st%d,c:%d*00\\" % (at % 3, at)
    lines = [tag + line.encode() for line in encode_dict({"mmsi": SHIP, **fields}, sentence_type=kind)]
    if at is not None and len(lines) > 1:
        lines = [
            b"\\g:%d-%d-1,s:x,c:%d*00\\" % (n + 1, len(lines), at) + line[line.index(b"!") :] for n, line in enumerate(lines)
        ]
    decoder = DECODERS.setdefault(id(made), BatchDecoder(load_settings({}, environ={}).ais, route="python"))
    batch = decoder.feed(b"\n".join(lines) + b"\n")
    TALLY.count(batch)
    for message in heard(batch):
        made.apply(message)


def test_the_newest_position_counts_and_late_ones_do_not() -> None:
    made = picture()
    say(made, 1420030800, msg_type=1, lon=10.0, lat=50.0, speed=5.0, heading=90)
    say(made, 1420030900, msg_type=1, lon=10.1, lat=50.1, speed=6.0, heading=91)
    say(made, 1420030850, msg_type=1, lon=11.0, lat=51.0, speed=7.0, heading=92)
    ship = made.get(SHIP)
    assert ship is not None
    assert ship.position is not None
    assert (ship.position.lonlat.lon, ship.position.heading_deg_true) == (10.1, 91)
    assert (ship.time_source, ship.at_ms) == ("log", 1420030900000)


def test_a_new_name_counts_only_once_seen_twice() -> None:
    made = picture()
    for at, name in ((0, "RIGHT"), (400, "RIGHT"), (800, "WRONG")):
        say(made, 1420030800 + at, msg_type=5, shipname=name, imo=9074729)
    ship = made.get(SHIP)
    assert ship is not None
    assert (ship.name, ship.unconfirmed) == ("RIGHT", frozenset())
    say(made, 1420032000, msg_type=5, shipname="WRONG", imo=9074729)
    assert made.ships()[0].name == "WRONG"


def test_a_first_name_is_shown_as_unconfirmed() -> None:
    made = picture()
    say(made, 1420030800, msg_type=5, shipname="ONCE", imo=9074729)
    assert made.ships()[0].unconfirmed == {"name", "imo"}


def test_the_same_payload_from_another_station_is_one_message() -> None:
    made = picture()
    for at in (1420030800, 1420030810, 1420030811):
        say(made, at, msg_type=1, lon=10.0, lat=50.0)
    assert (TALLY.duplicates, made.ships()[0].messages) == (2, 1)
    assert len(made.ships()[0].stations) == 3
    say(made, 1420030900, msg_type=1, lon=10.0, lat=50.0)
    assert made.ships()[0].messages == 2


def test_own_station_makes_no_target() -> None:
    made = picture()
    say(made, None, "VDO", msg_type=1, lon=10.0, lat=50.0)
    assert (len(made), TALLY.own_station) == (0, 1)


def test_without_times_the_order_in_the_log_counts_and_is_said() -> None:
    made = picture()
    for lon in (10.0, 10.1, 10.2):
        say(made, None, msg_type=1, lon=lon, lat=50.0)
    ship = made.ships()[0]
    assert (ship.time_source, ship.messages, TALLY.undated) == ("order", 3, 3)
    assert ship.position is not None
    assert (ship.position.lonlat.lon, ship.position.time_source) == (10.2, "order")


def test_a_written_time_replaces_a_place_in_the_log() -> None:
    made = picture()
    say(made, None, msg_type=1, lon=10.0, lat=50.0)
    say(made, 1420030800, msg_type=1, lon=10.1, lat=50.0)
    say(made, None, msg_type=1, lon=10.2, lat=50.0)
    ship = made.ships()[0]
    assert (ship.time_source, ship.at_ms) == ("log", 1420030800000)
    assert ship.position is not None
    assert ship.position.lonlat.lon == 10.2


def test_class_b_parts_join_and_aids_are_no_ships() -> None:
    made = picture()
    say(made, 1420030800, msg_type=24, partno=0, shipname="SMALL")
    say(made, 1420030801, msg_type=24, partno=1, callsign="AB12", ship_type=37, to_bow=8, to_stern=3, to_port=2, to_starboard=2)
    say(made, 1420030802, msg_type=21, mmsi=993660001, name="BUOY", lon=10.0, lat=50.0)
    ship = made.ships()[0]
    assert (ship.name, ship.call_sign, ship.station_class, ship.ship_type) == ("SMALL", "AB12", "B", 37)
    assert ship.dimensions is not None
    assert ship.dimensions.length_m == 11
    assert len(made.ships()) == 1
    assert len(made) == 2
