"""Owns a room's media: who publishes what, who views it, over aiortc connections without decoding (never MediaRelay).

Never judges who may do so: `video.service` has decided before an offer gets here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpparameters import RTCRtpCodecCapability

from core.errors import InputError, NotFound
from core.ids import new_id
from video.aiortc_compat import transceivers
from video.downlink import Downlink, link_rules, offer_transport_feedback
from video.feedback import ArrivalLog
from video.halves import PacketReceiver, PacketSender
from video.leg import ViewerLeg
from video.source import Source, Tap

TICK_S = 0.05
TICKS_PER_REPORT = 20
KINDS = ("audio", "video")
THUMB = "thumb"  # a second picture in an offer: the same, small (two transceivers, because aiortc has no simulcast)


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """`keep_s`: packets kept for repairs. `ceiling_bps`: what a publisher is told we can take."""

    keep_s: float
    ceiling_bps: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The SDP answer and the id of the connection it opened."""

    resource: str
    sdp: str


@dataclass(frozen=True, slots=True)
class TrackNews:
    """A track began (`codec` set) or its connection ended (`codec` empty)."""

    seat: str
    kind: str
    codec: str


class _Publication:
    def __init__(self, connection: RTCPeerConnection, seat: str) -> None:
        self.connection, self.seat = connection, seat
        self.sources: list[tuple[Source, PacketReceiver]] = []
        self.ticker: asyncio.Task[None] | None = None


class _View:
    def __init__(self, connection: RTCPeerConnection, seat: str) -> None:
        self.connection, self.seat = connection, seat
        self.downlink = Downlink(link_rules())
        self.legs: list[ViewerLeg] = []


class Forwarder:
    """publish, subscribe, tap. An external WHIP/WHEP server could stand behind the same three."""

    def __init__(self, settings: ForwardSettings, on_news: Callable[[TrackNews], None]) -> None:
        offer_transport_feedback()
        self.settings = settings
        self._on_news = on_news
        self._sources: dict[tuple[str, str], Source] = {}
        self._publications: dict[str, _Publication] = {}
        self._views: dict[str, _View] = {}

    async def publish(self, seat: str, offer_sdp: str) -> Answer:
        """Take the tracks of an offer (WHIP). A seat publishes once: an older connection of it is replaced.

        Raises:
            InputError: the offer is not usable SDP or offers no codec of ours.
        """
        connection = self._connection()
        publication = _Publication(connection, seat)
        wanted = offered_video_codec(offer_sdp)
        try:
            for kind in offered_kinds(offer_sdp):
                connection.addTransceiver(kind, direction="recvonly")
            await self._accept(connection, offer_sdp, wanted)
            for transceiver in transceivers(connection):
                if transceiver.mid is not None and transceiver.receiver.track is not None:
                    kind = self._free_kind(publication, transceiver.kind)
                    source = self.source(seat, kind)
                    receiver = PacketReceiver(transceiver.receiver, source)
                    publication.sources.append((source, receiver))
            if not publication.sources:
                raise InputError("video.sdp", reason="no media to receive")  # noqa: TRY301 - cleaned up below like the rest
            for old in [key for key, other in self._publications.items() if other.seat == seat]:
                await self.hang_up(old)
            arrivals = ArrivalLog()
            for source, receiver in publication.sources:
                source.connect(receiver, new_ssrc(connection), arrivals)
            answer = await self._answer(connection)
        except BaseException:
            await connection.close()
            raise
        self._publications[answer.resource] = publication
        publication.ticker = asyncio.ensure_future(_tick(publication))
        self._watch(connection, answer.resource)
        return answer

    async def subscribe(self, viewer: str, seat: str, offer_sdp: str) -> Answer:
        """Send `seat`'s tracks to a viewer who offers to receive (WHEP); they start as soon as they are there.

        Raises:
            InputError: the offer is not usable SDP.
        """
        connection = self._connection()
        view = _View(connection, viewer)
        video = self._sources.get((seat, "video"))
        wanted = video.codec.name if video is not None and video.codec is not None else "VP8"
        try:
            for kind in offered_kinds(offer_sdp):
                connection.addTransceiver(kind, direction="sendonly")
            await self._accept(connection, offer_sdp, wanted)
            for transceiver in transceivers(connection):
                if transceiver.mid is not None:
                    thumb = self.source(seat, THUMB) if transceiver.kind == "video" else None
                    leg = ViewerLeg(self.source(seat, transceiver.kind), view.downlink, thumb)
                    leg.sender = PacketSender(transceiver.sender, leg, leg.start)
                    view.legs.append(leg)
            if not view.legs:
                raise InputError("video.sdp", reason="no media to send")  # noqa: TRY301 - cleaned up below like the rest
            answer = await self._answer(connection)
        except BaseException:
            await connection.close()
            raise
        self._views[answer.resource] = view
        self._watch(connection, answer.resource)
        return answer

    @staticmethod
    def _free_kind(publication: _Publication, kind: str) -> str:
        taken = {source.kind for source, _ in publication.sources}
        kind = THUMB if kind == "video" and "video" in taken else kind
        if kind in taken:
            raise InputError("video.sdp", reason="more tracks than sound and two pictures")
        return kind

    def prefer(self, resource: str, hd: bool) -> None:  # noqa: FBT001 - one yes or no, said by the viewer
        """What a viewer wants of the picture: large, or small to leave room for others. No error for a view that has ended."""
        for leg in self._views[resource].legs if resource in self._views else ():
            leg.wants_hd = hd

    def downlink(self, resource: str) -> Downlink:
        """What is known of a viewing connection's path.

        Raises:
            NotFound: there is no such view (any more).
        """
        if resource not in self._views:
            raise NotFound("video.no_connection")
        return self._views[resource].downlink

    def source(self, seat: str, kind: str) -> Source:
        """The seat's track of this kind, made if it does not publish yet."""
        if (seat, kind) not in self._sources:
            self._sources[seat, kind] = Source(
                seat, kind, self.settings.keep_s, self.settings.ceiling_bps, self._started
            )  # fmt: skip
        return self._sources[seat, kind]

    def sources(self) -> list[Source]:
        return list(self._sources.values())

    async def tap(self, seat: str, kind: str, tap: Tap) -> None:
        """Hand every packet of a track to `tap` too, starting with a keyframe as soon as the publisher can."""
        source = self.source(seat, kind)
        source.taps.append(tap)
        source.request_keyframe()

    def untap(self, seat: str, kind: str, tap: Tap) -> None:
        source = self.source(seat, kind)
        if tap in source.taps:
            source.taps.remove(tap)

    async def hang_up(self, resource: str) -> None:
        """End one connection.

        Raises:
            NotFound: there is no such connection (any more).
        """
        publication, view = self._publications.pop(resource, None), self._views.pop(resource, None)
        if publication is not None:
            await self._end_publication(publication)
        elif view is not None:
            for leg in view.legs:
                leg.stop()
            await view.connection.close()
        else:
            raise NotFound("video.no_connection")

    async def drop_seat(self, seat: str) -> None:
        """End all connections of a seat."""
        mine: dict[str, _Publication | _View] = {**self._publications, **self._views}
        for resource in [key for key, item in mine.items() if item.seat == seat]:
            with suppress(NotFound):
                await self.hang_up(resource)

    async def close(self) -> None:
        for resource in [*self._publications, *self._views]:
            with suppress(NotFound):
                await self.hang_up(resource)

    def stats(self) -> dict[str, object]:
        """Counts per track and viewer, for the console."""
        now = time.monotonic()
        tracks = [
            {
                "seat": source.seat, "kind": source.kind, "codec": source.codec.name if source.codec else None,
                "live": source.live, "packets": source.packets, "bytes": source.bytes, "ring_packets": len(source.ring),
                "silent_s": round(now - source.last_arrival, 2) if source.last_arrival is not None else None,
            }
            for source in self._sources.values()
        ]  # fmt: skip
        views = [
            {
                "seat": view.seat, "of": leg.source.seat, "kind": "video" if leg.source.pictures else "audio", "packets": leg.packets,
                "repairs": leg.repairs, "paused": leg.paused, "small": leg.source.kind == THUMB, "loss": round(view.downlink.estimator.loss, 3),
                "estimate_bps": round(view.downlink.estimator.bps) if view.downlink.measured else None,
            }
            for view in self._views.values()
            for leg in view.legs
        ]  # fmt: skip
        return {"tracks": tracks, "views": views}

    def _started(self, source: Source) -> None:
        self._on_news(TrackNews(source.seat, source.kind, source.codec.name if source.codec else ""))

    def _connection(self) -> RTCPeerConnection:
        return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))

    async def _accept(self, connection: RTCPeerConnection, offer_sdp: str, wanted: str) -> None:
        try:
            for transceiver in transceivers(connection):
                transceiver.setCodecPreferences(codec_preferences(transceiver.kind, wanted))
            await connection.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
        except (ValueError, AssertionError, KeyError, IndexError, AttributeError, TypeError) as error:
            raise InputError("video.sdp", reason=type(error).__name__) from error
        except (OperationError, InvalidStateError, InvalidAccessError) as error:
            raise InputError("video.sdp", reason=str(error)) from error

    async def _answer(self, connection: RTCPeerConnection) -> Answer:
        await connection.setLocalDescription(await connection.createAnswer())
        return Answer(new_id(), connection.localDescription.sdp)

    def _watch(self, connection: RTCPeerConnection, resource: str) -> None:
        @connection.on("connectionstatechange")
        async def _changed() -> None:
            if connection.connectionState in ("failed", "closed"):
                with suppress(NotFound):
                    await self.hang_up(resource)

    async def _end_publication(self, publication: _Publication) -> None:
        if publication.ticker is not None:
            publication.ticker.cancel()
            with suppress(asyncio.CancelledError):
                await publication.ticker
        for source, _ in publication.sources:
            source.disconnect()
            self._on_news(TrackNews(source.seat, source.kind, ""))
        await publication.connection.close()


async def _tick(publication: _Publication) -> None:
    count = 0
    while True:
        await asyncio.sleep(TICK_S)
        count += 1
        for source, _ in publication.sources:
            source.tick()
            source.arrival_report()
            if count % TICKS_PER_REPORT == 0:
                source.receiver_report()


def new_ssrc(connection: RTCPeerConnection) -> int:
    """An SSRC for our feedback to a publisher."""
    return id(connection) & 0xFFFFFFFF


def offered_kinds(offer_sdp: str) -> list[str]:
    """Kinds of the media sections in their order; aiortc cannot answer with a section that was not offered."""
    kinds = [line[2:].split(" ", 1)[0] for line in offer_sdp.splitlines() if line.startswith("m=")]
    return [kind for kind in kinds if kind in KINDS]


def offered_video_codec(offer_sdp: str) -> str:
    """The room's codec if it is offered (VP8), else H.264 as drones send it."""
    return "VP8" if " VP8/90000" in offer_sdp else "H264"


def codec_preferences(kind: str, wanted: str) -> list[RTCRtpCodecCapability]:
    """What we agree to: Opus; one video codec with its repair stream."""
    names = ("opus",) if kind == "audio" else (wanted.lower(), "rtx")
    return [codec for codec in RTCRtpSender.getCapabilities(kind).codecs if codec.name.lower() in names]
