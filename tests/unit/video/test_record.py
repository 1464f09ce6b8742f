from __future__ import annotations

import errno
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
from aiortc.rtp import RtpPacket

from tests.unit.video.packets import FRAMES, OPUS, VP8, vp8_packets
from video import record
from video.frames import VideoAssembler, is_keyframe_start, vp8_size
from video.record import RecordPlan, TrackRecorder
from video.rejoin import find_cut, join_segments, seal_cut
from video.segment import Segment, file_sha256, read_sidecar, sidecar_path


class FullDisk(io.FileIO):
    """A file on a disk that is full after so many bytes."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path, "w")
        self._room = room

    def write(self, data: bytes) -> int:
        if self._room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._room -= len(data)
        return super().write(data)


def recorder(tmp_path: Path, closed: list[Segment], segment_s: float = 60.0, **more: object) -> TrackRecorder:
    plan = RecordPlan("room", "seat", "video", tmp_path, segment_s, datetime.now(UTC))
    return TrackRecorder(plan, lambda job: closed.append(job()), lambda: None, **more)


def decoded(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(0))


def test_frames_are_put_together_from_wrapping_packets() -> None:
    assembler = VideoAssembler(VP8)
    frames = [frame for packet in vp8_packets() if (frame := assembler.push(packet))]
    assert len(frames) == FRAMES
    assert [number for number, frame in enumerate(frames) if frame.is_keyframe] == [0, 15]
    assert frames[0].size_px == (640, 480)
    assert vp8_size(b"\x01") is None
    assert not is_keyframe_start("VP8", b"")


def test_segments_turn_over_at_keyframes_and_join_without_loss(tmp_path: Path) -> None:
    closed: list[Segment] = []
    tap = recorder(tmp_path, closed, segment_s=0.9)
    for packet in vp8_packets():
        tap.on_packet(packet, VP8)
    tap.stop()
    assert [(one.frames, one.keyframes, one.ended_by) for one in closed] == [(15, 1, "full"), (15, 1, "stop")]
    assert closed[1].start_ms - closed[0].start_ms == 1000
    for one in closed:
        path = tmp_path / one.file
        assert file_sha256(path) == one.sha256
        assert json.loads(sidecar_path(path).read_text())["schema"] == "yunjian.segment/1"
        assert read_sidecar(path) == one
    whole = join_segments([tmp_path / one.file for one in closed], tmp_path / "seat-video.webm")
    assert decoded(whole) == FRAMES


def test_a_lost_packet_is_a_named_gap_and_asks_for_a_keyframe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: now[0])
    asked: list[int] = []
    closed: list[Segment] = []
    tap = recorder(tmp_path, closed)
    tap.on_need_key = lambda: asked.append(1)
    packets = vp8_packets()
    victim = next(number for number, packet in enumerate(packets) if packet.timestamp == packets[-1].timestamp)
    del packets[victim - 1]
    for packet in packets:
        now[0] += 0.5
        tap.on_packet(packet, VP8)
    tap.stop()
    assert [(gap.packets, gap.reason) for gap in closed[0].gaps] == [(1, "lost")]
    assert closed[0].frames == FRAMES - 1
    assert asked == [1]


def test_a_publisher_who_comes_back_starts_a_new_segment_with_the_hole_named(tmp_path: Path) -> None:
    closed: list[Segment] = []
    tap = recorder(tmp_path, closed)
    for packet in vp8_packets():
        tap.on_packet(packet, VP8)
    tap.on_break()
    for packet in vp8_packets(first_seq=9, first_ts=9):
        tap.on_packet(packet, VP8)
    tap.stop()
    assert [one.ended_by for one in closed] == ["disconnected", "stop"]
    assert [gap.reason for gap in closed[1].gaps] == ["disconnected"]
    assert closed[1].frames == FRAMES


def test_a_full_disk_ends_the_recording_and_keeps_what_is_there(tmp_path: Path) -> None:
    closed: list[Segment] = []
    tap = recorder(tmp_path, closed, open_file=lambda path: FullDisk(path, 20_000))
    for packet in vp8_packets():
        tap.on_packet(packet, VP8)
    tap.stop()
    assert tap.failed == "storage_full"
    assert [one.ended_by for one in closed] == ["storage_full"]
    assert decoded(tmp_path / closed[0].file) > 3


def test_a_file_cut_anywhere_is_readable_up_to_the_cut(tmp_path: Path) -> None:
    closed: list[Segment] = []
    tap = recorder(tmp_path, closed)
    for packet in vp8_packets():
        tap.on_packet(packet, VP8)
    tap.stop()
    path = tmp_path / closed[0].file
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    sidecar_path(path).unlink()
    assert find_cut(tmp_path) == [path]
    sealed = seal_cut(path, "room")
    assert sealed is not None
    assert (sealed.ended_by, sealed.codec) == ("cut", "VP8")
    assert FRAMES * 0.4 < sealed.frames < FRAMES
    assert find_cut(tmp_path) == []


def test_an_empty_cut_file_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "seat-video-0001.webm"
    path.write_bytes(b"")
    assert seal_cut(path, "room") is None


def test_opus_is_copied(tmp_path: Path) -> None:
    closed: list[Segment] = []
    plan = RecordPlan("room", "seat", "audio", tmp_path, 60.0, datetime.now(UTC))
    tap = TrackRecorder(plan, lambda job: closed.append(job()), lambda: None)
    for number in range(50):
        silence = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 960, payload=b"\xf8\xff\xfe")
        tap.on_packet(silence, OPUS)
    tap.stop()
    assert (closed[0].codec, closed[0].frames, closed[0].duration_ms) == ("opus", 50, 980)
    assert decoded(tmp_path / closed[0].file) == 50
