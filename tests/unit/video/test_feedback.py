"""RTCP feedback on the wire: what the draft and RFC 4585 say, over wraps, and nothing but a clean end on bad bytes."""

from __future__ import annotations

from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket
from hypothesis import given
from hypothesis import strategies as st

from video.feedback import Arrival, ArrivalLog, nack, split_feedback

SEQ = 1 << 16


def test_a_nack_over_the_wrap_is_read_back() -> None:
    (read,) = RtcpPacket.parse(nack(1, 2, [65534, 65535, 0, 3, 40]))
    assert isinstance(read, RtcpRtpfbPacket)
    assert (read.ssrc, read.media_ssrc) == (1, 2)
    assert [seq % SEQ for seq in read.lost] == [65534, 65535, 0, 3, 40]


@given(st.integers(0, SEQ - 1), st.sets(st.integers(0, 400), min_size=1))
def test_any_nack_is_read_back(first: int, steps: set[int]) -> None:
    lost = [(first + step) % SEQ for step in sorted(steps)]
    (read,) = RtcpPacket.parse(nack(1, 2, lost))
    assert isinstance(read, RtcpRtpfbPacket)
    assert [seq % SEQ for seq in read.lost] == lost


@given(
    st.integers(0, SEQ - 1),
    st.lists(st.one_of(st.none(), st.floats(0.0, 0.2)), max_size=300),
    st.floats(0.0, 1000.0),
)
def test_arrivals_are_read_back_to_a_quarter_millisecond(first: int, gaps: list[float | None], start: float) -> None:
    log, now, expected = ArrivalLog(), start, [Arrival(first, start)]
    log.add(first, start)
    for step, gap in enumerate(gaps, 1):
        seq = (first + step) % SEQ
        if gap is not None:
            now += gap
            log.add(seq, now)
        expected.append(Arrival(seq, None if gap is None else now))
    while expected[-1].at_s is None:
        expected.pop()
    data = log.report(1, 2)
    assert data is not None
    assert len(data) % 4 == 0
    read, rest = split_feedback(data)
    assert rest == b""
    assert [one.seq for one in read] == [one.seq for one in expected]
    for mine, theirs in zip(read, expected, strict=True):
        assert (mine.at_s is None) == (theirs.at_s is None)
        assert mine.at_s is None or theirs.at_s is None or abs(mine.at_s - theirs.at_s) < 0.0005
    assert log.report(1, 2) is None


def test_the_next_report_goes_on_where_the_last_ended_and_names_what_is_missing_between() -> None:
    log = ArrivalLog()
    log.add(65535, 1.0)
    assert [one.seq for one in split_feedback(log.report(1, 2) or b"")[0]] == [65535]
    log.add(2, 1.1)
    log.add(65535, 1.2)
    assert [(one.seq, one.at_s is None) for one in split_feedback(log.report(1, 2) or b"")[0]] == [
        (0, True), (1, True), (2, False),
    ]  # fmt: skip


def test_a_jump_is_a_new_beginning_not_thousands_of_losses() -> None:
    log = ArrivalLog()
    log.add(10, 1.0)
    log.report(1, 2)
    log.add(20_000, 2.0)
    assert [one.seq for one in split_feedback(log.report(1, 2) or b"")[0]] == [20_000]


def test_other_reports_of_a_compound_packet_are_left_as_they_are() -> None:
    log = ArrivalLog()
    log.add(1, 1.0)
    other = nack(1, 2, [7])
    arrivals, rest = split_feedback(other + (log.report(1, 2) or b"") + other)
    assert [one.seq for one in arrivals] == [1]
    assert rest == other + other


@given(st.binary(max_size=200))
def test_bad_bytes_end_quietly_and_are_not_swallowed(data: bytes) -> None:
    split_feedback(b"\x8f\xcd" + (len(data) // 4).to_bytes(2, "big") + data)
    torn = b"\x8f\xcd\x01\x00" + data
    assert split_feedback(torn) == ([], torn)
