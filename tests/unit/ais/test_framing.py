from __future__ import annotations

import pytest

from core.clock import ManualClock
from tests.unit.ais.kit import POSITION, framer, frames, sentence, single


def reasons(data: bytes) -> dict[str, int]:
    made = framer()
    made.feed(data)
    made.finish()
    assert made.ledger.sentences == made.ledger.rejected_sentences + sum(frame.sentences for frame in frames(data))
    return dict(made.ledger.rejected)


@pytest.mark.parametrize("talker", [b"AI", b"BS", b"B1", b"--", b"=I", b"!!"])
def test_any_two_printable_talker_bytes_are_taken(talker: bytes) -> None:
    assert [frame.payload for frame in frames(single(talker=talker) + b"\n")] == [POSITION]


def test_vdo_is_marked_as_own_station() -> None:
    assert frames(single(kind=b"VDO"))[0].own


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (single()[:-3], "no_checksum"),
        (single()[:-1], "no_checksum"),
        (single()[:-2] + b"00", "bad_checksum"),
        (single() + b"F", "no_checksum"),
        (sentence(b"!AIVDM,1,1,,A," + POSITION), "bad_format"),
        (sentence(b"!AIVDM,1,1,,A," + POSITION + b",6"), "bad_format"),
        (sentence(b"!AIVDM,2,0,1,A," + POSITION + b",0"), "bad_fragment_number"),
        (sentence(b"!AIVDM,2,3,1,A," + POSITION + b",0"), "bad_fragment_number"),
        (sentence(b"!AIVDM,99,1,1,A," + POSITION + b",0"), "bad_fragment_number"),
        (sentence(b"!AIVDM,1,1,,B,,0"), "empty_payload"),
        (sentence(b"!AIVDM,1,1,,B,13X~,0"), "bad_payload_character"),
        (sentence(b"!AIVDM,2,1,1,A," + POSITION + b",0"), "fragment_incomplete"),
    ],
)
def test_each_bad_sentence_is_counted_with_its_reason(data: bytes, reason: str) -> None:
    assert reasons(data + b"\r\n") == {reason: 1}


def test_leading_text_suffix_and_two_sentences_on_one_line() -> None:
    found = frames(b"garbage " + single() + single(kind=b"VDO") + b",1327664821\n")
    assert [frame.at_ms for frame in found] == [None, 1327664821000]


@pytest.mark.parametrize(
    ("line", "at_ms", "source", "station"),
    [
        (b"\\s:st1,c:1420030798*00\\%s", 1420030798000, "tag", "st1"),
        (b"\\c:1420030798123*6B\\%s", 1420030798123, "tag", None),
        (b"\\c:1420030798123*65\\%s", None, None, None),  # wrong tag checksum: not believed
        (b"1420030798123456789 %s", 1420030798123, "prefix", None),
        (b"2015-01-01T00:00:00Z %s", 1420070400000, "prefix", None),
        (b"%s,1420030798", 1420030798000, "suffix", None),
        (b"%s,b003669794,1420030798", 1420030798000, "suffix", "b003669794"),
        (b"\\c:1420030798*00\\%s,1420030799", 1420030798000, "tag", None),
        (b"002573535 %s", None, None, None),
        (b"%s,12", None, None, None),
    ],
)
def test_times_and_stations_are_read_where_they_are_written(
    line: bytes, at_ms: int | None, source: str | None, station: str | None
) -> None:
    frame = frames(line % single() + b"\n")[0]
    assert (frame.at_ms, frame.source, frame.station) == (at_ms, source, station)


PGHP = sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,%02X" % int(single()[-2:], 16))


def test_pghp_time_counts_for_the_packet_it_announces() -> None:
    frame = frames(PGHP + b"\n" + single() + b"\n" + single() + b"\n")
    assert (frame[0].at_ms, frame[0].station, frame[0].source) == (1276256771390, "992190934", "pghp")
    assert frame[1].at_ms is None


def test_pghp_of_another_packet_is_not_believed() -> None:
    other = sentence(b"$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,01")
    assert frames(other + b"\n" + single() + b"\n")[0].at_ms is None


PART1 = sentence(b"!AIVDM,2,1,3,A,55R3Vn82=ILTQ3KKS>1<D60Dq@E918U<F222221J1`?164vc03S1CCAD,0")
PART2 = sentence(b"!AIVDM,2,2,3,A,`88888888888880,2")


def test_fragments_join_in_any_order_and_the_group_shares_its_stamp() -> None:
    first = b"\\g:1-2-77,s:rEV02,c:1334337317*00\\" + PART1
    second = b"\\g:2-2-77*00\\" + PART2
    for data in (first + b"\n" + second, first + b"\n" + single() + b"\n" + second):
        joined = next(frame for frame in frames(data) if frame.sentences == 2)
        assert (joined.at_ms, joined.station, joined.fill) == (1334337317000, "rEV02", 2)
        assert joined.first_line == 1
    assert frames(PART2 + b"\n" + PART1)[0].payload.startswith(b"55R3")


def test_sequence_numbers_used_again_do_not_mix_messages() -> None:
    other = sentence(b"!AIVDM,2,1,3,A,55Mf@6P00001MUS;7GQL4hh61L4hh6222222220t41H,0")
    assert reasons(PART1 + b"\n" + other + b"\n" + PART2) == {"fragment_incomplete": 1}
    late = b"\\c:1420030798*00\\" + PART1 + b"\n\\c:1420030998*00\\" + PART2
    assert reasons(late) == {"fragment_incomplete": 2}
    assert reasons(PART1 + b"\n" + PART1 + b"\n" + PART2) == {"fragment_duplicate": 1}


def test_undated_fragments_age_by_sentences_and_memory_is_bounded() -> None:
    made = framer(fragment_age_sentences=5)
    made.feed(PART1 + b"\n" + (single() + b"\n") * 7 + PART2 + b"\n")
    made.finish()
    assert made.ledger.rejected == {"fragment_incomplete": 2}
    small = framer(max_pending=2)
    small.feed(b"\n".join(sentence(b"!AIVDM,2,1,%d,A,55R3,0" % number) for number in range(9)) + b"\n")
    assert small.ledger.rejected == {"fragment_evicted": 7}


def test_pieces_of_any_size_give_the_same_and_lines_count_from_one() -> None:
    data = b"# comment\r\n" + single() + b"\r\n\r\n" + PART1 + b"\r\n" + PART2
    whole, pieces = framer(), framer()
    expected = whole.feed(data) + whole.finish()
    found = [frame for at in range(0, len(data), 7) for frame in pieces.feed(data[at : at + 7])] + pieces.finish()
    assert found == expected
    assert [(frame.first_line, frame.last_line) for frame in found] == [(2, 2), (4, 5)]
    assert whole.ledger.as_summary() == pieces.ledger.as_summary()
    assert (whole.ledger.read_lines, whole.ledger.ignored_non_ais) == (5, 1)


def test_a_live_receiver_stamps_what_has_no_time(clock: ManualClock) -> None:
    made = framer(max_pending=10)
    made.received_ms = int(clock.now().timestamp() * 1000)
    frame = made.feed(single() + b"\n")[0]
    assert frame.source == "receiver"
    assert frame.at_ms == int(clock.now().timestamp() * 1000)


def test_a_line_without_end_does_not_grow_without_bound() -> None:
    made = framer()
    for _ in range(40):
        made.feed(b"\0" * 10_000)
    assert len(made._rest) <= 1 << 16
