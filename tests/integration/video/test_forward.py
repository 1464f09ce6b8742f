"""aiortc publisher -> forwarder -> aiortc viewer in one process, with packets lost on the way."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtp import RtpPacket

from core.errors import InputError, NotFound
from video.aiortc_compat import STREAMS_PER_CONNECTION, restrict_addresses
from video.forward import Forwarder, ForwardSettings, TrackNews
from video.halves import PacketSender
from video.player import ClipTrack

CONFIG = RTCConfiguration(iceServers=[])


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)
    restrict_addresses(("127.0.0.1",))


async def publish(forwarder: Forwarder, seat: str, clip: Path) -> tuple[RTCPeerConnection, str]:
    connection = RTCPeerConnection(CONFIG)
    connection.addTrack(ClipTrack(clip))
    await connection.setLocalDescription(await connection.createOffer())
    answer = await forwarder.publish(seat, connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return connection, answer.resource


async def view(forwarder: Forwarder, seat: str) -> tuple[RTCPeerConnection, MediaStreamTrack]:
    connection = RTCPeerConnection(CONFIG)
    connection.addTransceiver("video", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    answer = await forwarder.subscribe("viewer", seat, connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return connection, connection.getReceivers()[0].track


def forwarder(news: list[TrackNews] | None = None) -> Forwarder:
    return Forwarder(ForwardSettings(3.0, 2_500_000), (news if news is not None else []).append)


async def frames(track: MediaStreamTrack, count: int) -> list[tuple[int, int]]:
    return [(frame.width, frame.height) for frame in [await asyncio.wait_for(track.recv(), 20) for _ in range(count)]]


def test_a_viewer_who_came_first_sees_the_publisher_and_sees_it_again_after_a_rejoin(clip: Path) -> None:
    async def run() -> None:
        news: list[TrackNews] = []
        sfu = forwarder(news)
        viewer, track = await view(sfu, "crew")
        first, resource = await publish(sfu, "crew", clip)
        assert await frames(track, 12) == [(640, 480)] * 12
        await first.close()
        second, again = await publish(sfu, "crew", clip)
        assert await frames(track, 12) == [(640, 480)] * 12
        assert [one.codec for one in news] == ["VP8", "", "VP8"]
        with pytest.raises(NotFound):
            await sfu.hang_up(resource)
        await sfu.hang_up(again)
        await viewer.close()
        await second.close()
        await sfu.close()

    asyncio.run(run())


def test_what_is_lost_on_the_way_down_is_repaired_from_the_ring(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [0]
    original = PacketSender.send

    def lossy(self: PacketSender, data: bytes) -> None:
        sent[0] += 1
        if sent[0] % 7 or len(data) < 100:
            original(self, data)

    monkeypatch.setattr(PacketSender, "send", lossy)

    async def run() -> None:
        sfu = forwarder()
        publisher, _ = await publish(sfu, "crew", clip)
        viewer, track = await view(sfu, "crew")
        assert len(await frames(track, 25)) == 25
        assert sum(one["repairs"] for one in sfu.stats()["views"]) > 3
        await viewer.close()
        await publisher.close()
        await sfu.close()

    asyncio.run(run())


def test_an_unusable_offer_leaves_nothing_open() -> None:
    async def run() -> None:
        sfu = forwarder()
        with pytest.raises(InputError):
            await sfu.publish("crew", "v=0\r\n")
        with pytest.raises(InputError):
            await sfu.subscribe("viewer", "crew", "nonsense")
        assert sfu.stats()["views"] == []
        await sfu.close()

    asyncio.run(run())


def test_a_flood_of_unknown_streams_reaches_nobody_and_fills_no_memory(clip: Path) -> None:
    async def run() -> None:
        sfu = forwarder()
        publisher, resource = await publish(sfu, "crew", clip)
        viewer, track = await view(sfu, "crew")
        await frames(track, 5)
        source = sfu.source("crew", "video")
        assert source.codec is not None
        sender = publisher.getSenders()[0].transport
        before, flood = source.packets, b"\x10" * 900
        for stranger in range(3000):
            packet = RtpPacket(payload_type=source.codec.payloadType, sequence_number=stranger, ssrc=10_000 + stranger)
            packet.payload = flood
            await sender._send_rtp(packet.serialize())
        assert len(await frames(track, 12)) == 12, "the real track goes on"
        kept = sfu._publications[resource].sources[0][1]._wire._router.ssrc_table
        assert STREAMS_PER_CONNECTION // 2 < len(kept) <= STREAMS_PER_CONNECTION + 1, "the flood arrived and was forgotten"
        assert source.packets - before < 1500, "none of the flood counts as the crew's picture"
        strangers = [
            seq
            for seq in range(3000)
            if (held := source.ring.get(seq)) is not None and held.ssrc >= 10_000 and held.payload == flood
        ]
        assert strangers == []
        await viewer.close()
        await publisher.close()
        await sfu.close()

    asyncio.run(run())


def test_a_publisher_whose_certificate_is_not_the_offered_one_gets_nothing_through(clip: Path) -> None:
    async def run() -> None:
        news: list[TrackNews] = []
        ended = asyncio.Event()
        sfu = Forwarder(ForwardSettings(3.0, 2_500_000), lambda one: (news.append(one), ended.set()))
        connection = RTCPeerConnection(CONFIG)
        connection.addTrack(ClipTrack(clip))
        await connection.setLocalDescription(await connection.createOffer())
        offer = re.sub(r"(a=fingerprint:sha-\d+ )([0-9A-F]{2}):", lambda m: f"{m[1]}{int(m[2], 16) ^ 1:02X}:",
                       connection.localDescription.sdp)  # fmt: skip
        assert offer != connection.localDescription.sdp
        answer = await sfu.publish("crew", offer)
        await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        await asyncio.wait_for(ended.wait(), 20)
        assert answer.resource not in sfu._publications
        assert all(one.codec == "" for one in news), "no track ever began"
        assert sfu.source("crew", "video").packets == 0
        await connection.close()
        await sfu.close()

    asyncio.run(run())
