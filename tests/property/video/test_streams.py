from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from itertools import pairwise

from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from tests.unit.video.packets import VP8
from video.downlink import Downlink, link_rules
from video.frames import VideoAssembler, is_keyframe_start
from video.leg import ViewerLeg
from video.ring import Gap, Reorder
from video.source import Source
from video.uploads import parse_metadata, safe_name

KEY, DELTA = b"\x10\x00", b"\x10\x01"  # VP8 descriptor (start of partition 0), then the first byte of a key or delta frame


@given(st.data(), st.integers(0, 65_535), st.integers(1, 60))
def test_reorder_gives_everything_once_and_in_order(data: st.DataObject, first: int, count: int) -> None:
    numbers = [(first + step) % 65_536 for step in range(count)]
    arrival = [numbers[0], *data.draw(st.permutations(numbers[1:]))]
    lost = data.draw(st.sets(st.sampled_from(numbers[1:]))) if count > 1 else set()
    order = Reorder(hold_s=1.0)
    out: list[RtpPacket | Gap] = []
    for seq in arrival:
        if seq not in lost:
            out += order.push(RtpPacket(sequence_number=seq), 0.0)
    out += order.flush()
    got = [item.sequence_number for item in out if isinstance(item, RtpPacket)]
    assert got == [seq for seq in numbers if seq not in lost]
    missing = sum(item.count for item in out if isinstance(item, Gap))
    trailing = next((step for step in range(count) if numbers[-1 - step] not in lost), count)
    assert missing == len(lost) - trailing


class _Sink:
    ssrc, rtx_ssrc, cname, codecs, transport_number_id = 1, 2, "", (VP8,), None

    def __init__(self) -> None:
        self.sent: list[RtpPacket] = []

    def rtx_payload_type(self, _codec: object) -> None:
        return None

    def send(self, data: bytes) -> None:
        self.sent.append(RtpPacket.parse(data))


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, (1 << 32) - 1), st.integers(1, 20)), min_size=1, max_size=6))
def test_a_viewer_sees_one_unbroken_stream_over_any_switches(lives: list[tuple[int, int, int]]) -> None:
    async def run() -> list[RtpPacket]:
        source = Source("seat", "video", 3.0, 1, lambda _source: None)
        source.codec = VP8
        leg = ViewerLeg(source, Downlink(link_rules()))
        leg.sender = sink = _Sink()  # a stand-in for the SRTP sender
        leg.start()
        for seq, stamp, count in lives:
            leg.source_changed(source)
            for step in range(count):
                payload = KEY if step == 0 else DELTA
                leg.forward(
                    RtpPacket(
                        sequence_number=(seq + step) % 65_536, timestamp=(stamp + step * 3000) % (1 << 32), payload=payload
                    ),
                    source,
                )
        return sink.sent

    sent = asyncio.run(run())
    assert len(sent) == sum(count for _, _, count in lives)
    for before, after in pairwise(sent):
        assert (after.sequence_number - before.sequence_number) % 65_536 == 1
        assert (after.timestamp - before.timestamp) % (1 << 32) == 3000
    assert {packet.ssrc for packet in sent} == {1}


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_payload_breaks_the_assembler(payloads: list[bytes]) -> None:
    assembler = VideoAssembler(VP8)
    for number, payload in enumerate(payloads):
        is_keyframe_start("VP8", payload)
        is_keyframe_start("H264", payload)
        assembler.push(RtpPacket(sequence_number=number, timestamp=number // 3, marker=number % 2, payload=payload))


@given(st.text(max_size=200))
def test_any_metadata_is_read_or_clearly_refused(text: str) -> None:
    for header in (text, "media_type " + base64.b64encode(text.encode("utf-8", "replace")).decode()):
        with suppress(InputError):
            assert parse_metadata(header).media_type


@given(st.text(max_size=300))
def test_a_safe_name_is_never_a_path(name: str) -> None:
    safe = safe_name(name)
    assert "/" not in safe
    assert "\\" not in safe
    assert safe not in (".", "..")
    assert len(safe) <= 100
