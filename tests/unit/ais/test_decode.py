from __future__ import annotations

import json

import pytest
from pyais import encode_dict

from ais.decode import Message, Rejected, decode
from tests.unit.ais.kit import POSITION, frames, single


def first(data: bytes) -> Message:
    message = decode(frames(data)[0])
    assert isinstance(message, Message)
    return message


def decoded(**fields: float | str | bytes | bool) -> Message:
    return first("\n".join(encode_dict(dict(fields), sentence_type="VDM")).encode())


def test_a_known_sentence_gives_known_values_in_the_contract_form() -> None:
    line = first(b"\\s:st,c:1420030798*00\\" + single()).as_json()
    assert (line["msg_type"], line["mmsi"], line["speed"], line["lat"], line["lon"]) == (
        1,
        371798000,
        12.3,
        48.381633,
        -123.395383,
    )
    assert (line["course"], line["heading"], line["second"], line["status"]) == (224.0, 215, 33, 0)
    assert (line["_rx"], line["_rx_source"], line["_station"]) == ("2014-12-31T12:59:58.000Z", "tag", "st")
    assert (line["_lines"], line["_path"]) == ([1, 1], "pyais")
    json.dumps(line)


@pytest.mark.parametrize("length", [0, 1, 12, 24])
def test_a_position_cut_short_never_comes_out(length: int) -> None:
    found = frames(single(POSITION[: length or 1]))
    assert decode(found[0]) == Rejected("short_payload")


def test_unknown_types_are_refused() -> None:
    assert decode(frames(single(b"w" * 28))[0]) == Rejected("unknown_type")
    assert decode(frames(single(b"0" * 28))[0]) == Rejected("unknown_type")


def test_every_not_available_value_becomes_none_once() -> None:
    report = decoded(
        msg_type=1,
        mmsi=366000001,
        status=15,
        turn=-128,
        speed=102.3,
        lon=181,
        lat=91,
        course=360.0,
        heading=511,
        second=60,
        maneuver=0,
    )
    for key in ("status", "turn", "speed", "lon", "lat", "course", "heading", "second", "maneuver"):
        assert report.fields[key] is None, key
    static = decoded(msg_type=5, mmsi=366000001, month=0, day=0, hour=24, minute=60)
    for key in ("imo", "callsign", "shipname", "ship_type", "draught", "destination", "month", "hour", "to_bow", "to_port"):
        assert static.fields[key] is None, key
    assert static.dimensions is None


def test_limits_next_to_the_not_available_values_stay() -> None:
    report = decoded(
        msg_type=1, mmsi=366000001, status=14, speed=102.2, lon=180.0, lat=-90.0, course=359.9, heading=359, second=59
    )
    assert (report.fields["speed"], report.fields["lon"], report.fields["lat"]) == (102.2, 180.0, -90.0)
    assert (report.fields["course"], report.fields["heading"], report.fields["second"]) == (359.9, 359, 59)
    assert decoded(msg_type=1, mmsi=366000001, heading=0, course=0.0, lon=1.0, lat=1.0).fields["heading"] == 0


def test_one_coordinate_missing_means_no_position() -> None:
    report = decoded(msg_type=18, mmsi=366000001, lon=181, lat=40.0)
    assert (report.fields["lon"], report.fields["lat"]) == (None, None)


def test_dimensions_know_whether_the_antenna_place_is_known() -> None:
    def sides(**changes: int) -> tuple[int, bool]:
        found = decoded(
            msg_type=5, mmsi=366000001, **{"to_bow": 0, "to_stern": 90, "to_port": 0, "to_starboard": 14, **changes}
        ).dimensions
        assert found is not None
        return found.length_m, found.reference_known

    assert sides() == (90, False)
    assert sides(to_bow=70, to_stern=20, to_port=7, to_starboard=7) == (90, True)
