"""Our short RTP and VP8 readers agree with aiortc's, and end in a clear error on anything else."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from video.feedback import TWCC_URI
from video.frames import is_keyframe_start, starts_vp8_frame, vp8_data_at
from video.packet import parse

NUMBER_ID = 5
MID = SimpleNamespace(id=3, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
KNOWN = HeaderExtensionsMap()
KNOWN.configure(SimpleNamespace(headerExtensions=[MID, SimpleNamespace(id=NUMBER_ID, uri=TWCC_URI)]))


@given(
    st.integers(0, 127), st.integers(0, 1), st.integers(0, 65_535), st.integers(0, (1 << 32) - 1), st.binary(max_size=40),
    st.one_of(st.none(), st.integers(0, 65_535)), st.one_of(st.none(), st.text("abc", min_size=1, max_size=9)),
    st.lists(st.integers(0, (1 << 32) - 1), max_size=3), st.integers(0, 9),
)  # fmt: skip
def test_a_packet_is_read_as_aiortc_wrote_it(
    kind: int,
    marker: int,
    seq: int,
    stamp: int,
    payload: bytes,
    number: int | None,
    mid: str | None,
    csrc: list[int],
    padding: int,
) -> None:
    packet = RtpPacket(payload_type=kind, marker=marker, sequence_number=seq, timestamp=stamp, ssrc=9, payload=payload)
    packet.extensions.transport_sequence_number, packet.extensions.mid = number, mid
    packet.csrc, packet.padding_size = csrc, padding
    read = parse(packet.serialize(KNOWN), NUMBER_ID)
    assert (read.payload_type, read.marker, read.sequence_number, read.timestamp, read.ssrc) == (kind, marker, seq, stamp, 9)
    assert (read.payload, read.transport_number) == (payload, number)
    assert parse(packet.serialize(KNOWN), None).transport_number is None


def test_a_number_in_the_two_byte_form_is_read() -> None:
    head = bytes([0x90, 96]) + bytes(10)
    assert parse(head + b"\x10\x00\x00\x01" + bytes([NUMBER_ID, 2, 1, 2]) + b"x", NUMBER_ID).transport_number == 0x0102
    assert parse(head + b"\x10\x00\x00\x01" + bytes([NUMBER_ID, 1, 1, 0]) + b"x", NUMBER_ID).transport_number is None


@given(st.binary(max_size=60), st.integers(0, 15))
def test_bad_bytes_are_refused(data: bytes, number_id: int) -> None:
    for bytes_ in (data, bytes([0x80 | number_id]) + data, bytes([0xB0, 96]) + data):
        with suppress(ValueError):
            parse(bytes_, number_id)
    with pytest.raises(ValueError, match="version"):
        parse(b"\x00" * 12, None)


@given(st.binary(min_size=1, max_size=12))
def test_the_vp8_descriptor_is_as_long_as_aiortc_says(payload: bytes) -> None:
    try:
        descriptor, rest = VpxPayloadDescriptor.parse(payload)
    except ValueError:
        with pytest.raises(ValueError, match="torn"):
            vp8_data_at(payload)
        assert not is_keyframe_start("VP8", payload)
        return
    assert payload[vp8_data_at(payload) :] == rest
    assert starts_vp8_frame(payload) == bool(descriptor.partition_start and descriptor.partition_id == 0 and not payload[0] & 8)
