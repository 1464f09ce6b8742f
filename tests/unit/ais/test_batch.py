from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyais import messages

from ais import batch
from ais.batch import BatchDecoder, Repeats, Route, compile_once
from ais.fields import CORE, PART_A
from ais.kernels import COMPILED
from ais.message_tables import CORE_LAYOUTS, LAYOUTS, described
from config import load_settings
from tests.unit.ais.kit import sentence, single

AIS = load_settings(environ={}).ais
ROUTES: list[Route] = ["numba", "numpy", "python"] if COMPILED else ["numpy", "python"]


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


def test_every_class_of_pyais_has_a_layout() -> None:
    classes = {
        name: cls
        for name, cls in vars(messages).items()
        if isinstance(cls, type) and issubclass(cls, messages.Payload) and cls.decoder_plan()
    }
    generated = {layout.name for layout in LAYOUTS[CORE_LAYOUTS:]}
    core = {
        "MessageType" + end
        for end in ["1", "2", "3", "4", "5", "9", "11", "18", "19", "21", "24PartA", "24PartB", "24PartBAuxiliaryCraft", "27"]
    }
    assert generated == classes.keys() - core


def test_shared_columns_stand_where_pyais_says() -> None:
    for kind, layout in {**CORE, 24: PART_A}.items():
        cls = messages.MessageType24PartA if kind == 24 else messages.MSG_CLASS[kind]
        theirs = {part.key: part for part in described(cls).parts}
        assert [part.key for part in layout.parts] == list(theirs)
        for part in layout.parts:
            other = theirs[part.key]
            assert (part.start, getattr(part, "width", 0)) == (other.start, getattr(other, "width", 0)), (kind, part.key)
            assert getattr(part, "signed", False) == getattr(other, "signed", False)


def test_a_batch_that_is_kept_does_not_change_when_more_is_read() -> None:
    decoder = BatchDecoder(AIS)
    kept = decoder.feed(at(0))
    before = list(kept.dicts())
    for second in range(1, 20):
        decoder.feed(at(second, "b") * 3)
    assert list(kept.dicts()) == before
    assert [kept.stations[number] for number in kept.station] == ["a"]


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_machine_code_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_once()
    assert batch._run_once()
    monkeypatch.setattr(batch.k, "SOURCES_MARK", 1)
    assert not batch._run_once()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0", "no_checksum"),
        (b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*00", "bad_checksum"),
        (sentence(b"!AIVDM,1,1,,A,,0"), "empty_payload"),
        (sentence(b"!AIVDM,2,1,3,,,"), "empty_payload"),
        (sentence(b"!AIVDM,2,3,3,A,13u,0"), "bad_fragment_number"),
        (sentence(b"!AIVDM,1,1,,A,13 u,0"), "bad_payload_character"),
        (sentence(b"!AIVDM,1,1,,A,,,0"), "bad_format"),
    ],
)
def test_reasons_to_reject_and_the_end_of_a_wrapper(line: bytes, reason: str) -> None:
    wrapper = sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,00")
    for route in ROUTES:
        decoder = BatchDecoder(AIS, route=route)
        found = list(decoder.feed(b"\n".join((wrapper, line, single(), b""))).dicts())
        assert decoder.ledger.rejected == {reason: 1}
        assert decoder.ledger.rejected_bytes == {"no_sentence": len(wrapper) + 1, reason: len(line) + 1}
        assert decoder.ledger.decoded_bytes == len(single()) + 1
        assert [message["_rx"] for message in found] == [None]  # the wrapper was for the rejected packet


PARTS = (
    sentence(b"!AIVDM,2,1,3,A,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0"),
    sentence(b"!AIVDM,2,2,3,A,`88888888888880,2"),
)


@pytest.mark.parametrize("between", [0, 1, 30])
def test_sentences_of_one_message_need_not_be_neighbours(between: int) -> None:
    other = sentence(b"!AIVDM,2,1,4,B,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0")
    lines = [PARTS[1], *([single()] * between), other, PARTS[0], b""]
    for route in ROUTES:
        decoder = BatchDecoder(AIS, route=route)
        found = decoder.feed(b"\n".join(lines))
        decoder.finish()
        assert found.msg_type.tolist() == [1] * between + [5]
        assert found.lines[-1].tolist() == [1, between + 3]
        assert decoder.ledger.rejected == {"fragment_incomplete": 1}


def test_a_tag_group_hands_its_time_to_its_other_lines() -> None:
    head = b"\\g:1-2-77,s:north,c:1420030800*00\\" + PARTS[0] + b"\n"
    tail = b"\\g:2-2-77*00\\" + PARTS[1] + b"\n"
    for route in ROUTES:
        for pieces in ((head + single() + b"\n" + tail,), (head, tail)):
            decoder = BatchDecoder(AIS, route=route)
            line = [line for piece in pieces for line in decoder.feed(piece).dicts()][-1]
            assert (line["msg_type"], line["_station"], line["_rx_source"]) == (5, "north", "tag")


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
    assert decoder.ledger.decoded_bytes == decoder.ledger.read_bytes == len(parts)


def test_every_byte_is_decoded_or_has_a_reason() -> None:
    tag, part = b"\\s:north*00\\", PARTS[0]
    cut = sentence(b"!AIVDM,1,1,,A,13u?etPv2;0n,0")
    lines = [b"# a log", b"", tag + single() + b"\r", single() + b" " + cut, part, single()[:-1] + b"0"]  # the last one: no end
    data = b"\n".join(lines)
    for route in ROUTES:
        decoder = BatchDecoder(AIS, route=route)
        for at in range(0, len(data), 40):
            decoder.feed(data[at : at + 40])
        decoder.finish()
        ledger = decoder.ledger
        assert ledger.decoded_bytes == len(lines[2]) + 1 + len(single()) + 1
        assert ledger.rejected_bytes == {
            "no_sentence": len(lines[0]) + 2,
            "short_payload": len(cut) + 1,
            "fragment_incomplete": len(part) + 1,
            "bad_checksum": len(lines[5]) + 1,
        }
        assert (ledger.read_bytes, ledger.added_line_ends, ledger.adds_up) == (len(data), 1, True)
