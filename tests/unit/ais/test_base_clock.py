"""Times of a log without any: from a base station that is heard twice, refined by the second that a ship's report carries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyais import encode_dict

from ais.base_clock import BaseClock
from ais.batch import BatchDecoder
from ais.behaviour import load_behaviour
from ais.columns import NO_TIME, SOURCES, MessageBatch
from config import load_settings

START = datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC)
RULE = load_behaviour().base_clock


def line(**fields: float | str | bytes | bool) -> bytes:
    return b"\n".join(one.encode() for one in encode_dict(fields, sentence_type="VDM")) + b"\n"


def base(at: datetime) -> bytes:
    return line(
        msg_type=4, mmsi=4139990, year=at.year, month=at.month, day=at.day, hour=at.hour, minute=at.minute, second=at.second,
        lon=122.0, lat=40.0,
    )  # fmt: skip


def ship(second: int) -> bytes:
    return line(msg_type=1, mmsi=413999001, lon=122.0, lat=40.0, speed=5.0, second=second)


def read(*lines: bytes, pieces: int = 1) -> list[MessageBatch]:
    decoder, clock = BatchDecoder(load_settings({}, environ={}).ais, route="python"), BaseClock(RULE)
    cut = max(1, len(lines) // pieces)
    return [clock.dated(decoder.feed(b"".join(lines[at : at + cut]))) for at in range(0, len(lines), cut)]


def seconds_after(batches: list[MessageBatch]) -> list[float | None]:
    start_ms = START.timestamp() * 1000
    return [None if at == NO_TIME else (at - start_ms) / 1000 for batch in batches for at in batch.at_ms.tolist()]


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_two_reports_that_agree_date_what_follows(pieces: int) -> None:
    lines = [ship(1), base(START), ship(7), base(START + timedelta(seconds=10)), ship(18), ship(58), ship(63)]
    found = read(*lines, pieces=pieces)
    assert seconds_after(found) == [None, None, None, 10, 13, -7, 10]  # 63: the ship has no time
    assert {SOURCES[one] for batch in found for one in batch.at_source.tolist() if one >= 0} == {"base"}


def test_a_base_station_with_a_wrong_clock_is_not_believed_and_the_right_one_is_again() -> None:
    wrong = START - timedelta(days=7000)
    found = read(base(START), base(wrong), ship(1), base(START), ship(2), base(START + timedelta(seconds=60)), ship(5))
    assert seconds_after(found) == [None, None, None, None, None, 60, 60]


def test_what_has_a_time_keeps_it_and_an_old_clock_says_nothing() -> None:
    tagged = b"\\c:1795485600*00\\" + ship(3)
    agreed = (base(START), base(START + timedelta(seconds=3)))
    (found,) = read(*agreed, tagged)
    assert found.at_ms.tolist()[-1] == 1795485600_000
    decoder, clock = BatchDecoder(load_settings({}, environ={}).ais, route="python"), BaseClock(RULE)
    batch = clock.dated(decoder.feed(b"".join(agreed) + ship(9) * (RULE.messages + 5)))
    assert batch.at_ms.tolist()[-6] == NO_TIME
    assert batch.at_ms.tolist()[-7] != NO_TIME
    assert (batch.at_ms != NO_TIME).sum() == RULE.messages
