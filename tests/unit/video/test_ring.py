from __future__ import annotations

from aiortc.rtp import RtpPacket

from video.ring import Gap, KeyframeGate, NackTracker, PacketRing, Reorder, seq_ahead, ts_ahead


def packet(seq: int, ts: int = 0) -> RtpPacket:
    return RtpPacket(sequence_number=seq, timestamp=ts)


def test_numbers_wrap() -> None:
    assert seq_ahead(2, 65_535) == 3
    assert seq_ahead(65_535, 2) == -3
    assert ts_ahead(5, (1 << 32) - 5) == 10


def test_ring_keeps_by_time_and_knows_repeats() -> None:
    ring = PacketRing(keep_s=3.0)
    assert ring.add(packet(1), 0.0)
    assert not ring.add(packet(1), 0.1)
    assert ring.add(packet(2), 2.9)
    assert ring.get(1) is not None
    ring.add(packet(3), 3.2)
    assert ring.get(1) is None
    assert ring.get(2) is not None
    assert len(ring) == 2


def test_ring_is_bounded_in_packets() -> None:
    ring = PacketRing(keep_s=1e9, max_packets=10)
    for seq in range(50):
        ring.add(packet(seq), 0.0)
    assert len(ring) == 10


def test_nack_asks_at_once_retries_and_gives_up() -> None:
    nacks = NackTracker(retry_s=0.1, give_up_s=1.0, max_times=3)
    assert nacks.add(65_534, 0.0) == []
    assert nacks.add(1, 0.0) == [65_535, 0]
    assert nacks.due(0.05) == []
    assert nacks.due(0.1) == [65_535, 0]
    assert nacks.add(0, 0.15) == []
    assert nacks.due(0.2) == [65_535]
    assert nacks.due(0.4) == []


def test_nack_takes_a_jump_as_a_new_beginning() -> None:
    nacks = NackTracker(0.1, 1.0)
    nacks.add(0, 0.0)
    assert nacks.add(5000, 0.0) == []
    assert nacks.add(5002, 0.0) == [5001]


def test_one_keyframe_request_per_window_and_the_last_is_owed() -> None:
    gate = KeyframeGate(0.3)
    assert gate.ask(0.0)
    assert not gate.ask(0.1)
    assert not gate.due(0.2)
    assert gate.due(0.31)
    assert not gate.due(0.7)
    assert not gate.ask(0.5)
    gate.satisfied()
    assert not gate.due(1.0)


def test_reorder_waits_then_names_the_hole() -> None:
    order = Reorder(hold_s=1.0)
    assert [p.sequence_number for p in order.push(packet(65_535), 0.0)] == [65_535]
    assert order.push(packet(1), 0.1) == []
    assert [p.sequence_number for p in order.push(packet(0), 0.2)] == [0, 1]
    assert order.push(packet(4), 0.3) == []
    out = order.push(packet(5), 1.4)
    assert out[0] == Gap(2, 2)
    assert [p.sequence_number for p in out[1:]] == [4, 5]
    assert order.push(packet(3), 1.5) == []
