from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyais import messages

from ais.batch import BatchDecoder, Repeats
from ais.fields import APPLICATIONS
from config import load_settings
from tests.unit.ais.kit import sentence, single

AIS = load_settings(environ={}).ais


def at(second: int, station: str = "a") -> bytes:
    return b"\\s:%s,c:%d*00\\" % (station.encode(), 1420030800 + second) + single() + b"\n"


def test_the_same_payload_within_the_window_points_to_its_first_hearing_and_keeps_its_station() -> None:
    shared = Repeats(30.0)
    north, south = (BatchDecoder(AIS, repeats=shared) for _ in range(2))
    first = north.feed(at(0, "north") + at(31, "north"))
    second = south.feed(at(10, "south") + at(40, "south"))
    assert first.repeat_of.tolist() == [-1, -1]
    assert second.repeat_of.tolist() == [2, 2]  # the hearing at 31 s opened a new window; 10 s is 21 s before it
    assert [batch.stations[batch.station[0]] for batch in (first, second)] == ["north", "south"]


def test_a_message_without_time_is_never_a_repeat() -> None:
    batch = BatchDecoder(AIS).feed((single() + b"\n") * 3)
    assert batch.repeat_of.tolist() == [-1, -1, -1]
    live = BatchDecoder(AIS).feed((single() + b"\n") * 3, datetime(2026, 1, 1, tzinfo=UTC))
    assert live.repeat_of.tolist() == [-1, 1, 1]
    assert next(live.dicts())["_rx_source"] == "receiver"


def test_counting_keeps_the_row_of_a_type_without_columns() -> None:
    binary = sentence(b"!AIVDM,1,1,,A,85Mv070j2d>=<e<<=PQhhg`59P00,0") + b"\n"
    batch = BatchDecoder(AIS, other_types="count").feed(binary)
    assert (batch.msg_type.tolist(), batch.mmsi.tolist(), batch.layout.tolist()) == ([8], [366968860], [-1])
    assert "dac" in BatchDecoder(AIS).feed(binary).fields(0)
    assert "dac" not in batch.fields(0)


def test_applications_that_pyais_takes_apart_are_all_known() -> None:
    known = {kind: {(area, function) for k, area, function in APPLICATIONS.tolist() if k == kind} for kind in (6, 8)}
    assert known == {6: set(messages._MSG6_VARIANTS), 8: set(messages._MSG8_VARIANTS)}


@pytest.mark.parametrize("cut", [1, 20, 47])
def test_lines_and_fragments_go_on_from_feed_to_feed(cut: int) -> None:
    parts = (
        sentence(b"!AIVDM,2,1,3,A,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0") + b"\n"
        + sentence(b"!AIVDM,2,2,3,A,`88888888888880,2") + b"\n"
    )  # fmt: skip
    decoder = BatchDecoder(AIS)
    batches = [decoder.feed(parts[:cut]), decoder.feed(parts[cut:100]), decoder.feed(parts[100:]), decoder.finish()]
    assert [len(batch) for batch in batches] == [0, 0, 1, 0]
    assert batches[2].lines.tolist() == [[1, 2]]
    assert batches[2].text(0, "shipname")
    assert decoder.ledger.adds_up
