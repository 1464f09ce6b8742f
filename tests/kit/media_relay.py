"""Owns the reference: aiortc's own MediaRelay (decode once, encode for each viewer). `python -m tests.kit.media_relay`, JSON lines.

Never used by the product.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamTrack

from video.aiortc_compat import restrict_addresses


class Relay:
    """publish and view, as `video.forward.Forwarder` has them; several publishers, told apart by their seat."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._tracks: dict[str, MediaStreamTrack] = {}
        self._open: list[RTCPeerConnection] = []

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._open.append(connection)
        if order["do"] == "publish":

            @connection.on("track")
            def _track(track: MediaStreamTrack) -> None:
                if track.kind == "video":
                    self._tracks[order["seat"]] = track

        else:
            connection.addTrack(self._relay.subscribe(self._tracks[order["of"]]))
            codec = order.get("codec", "VP8").lower()
            known = [one for one in RTCRtpSender.getCapabilities("video").codecs if one.name.lower() in (codec, "rtx")]
            connection.getTransceivers()[0].setCodecPreferences(known)
        await connection.setRemoteDescription(RTCSessionDescription(order["sdp"], "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return {"sdp": connection.localDescription.sdp}


async def serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb"))
    relay = Relay()
    while line := await reader.readline():
        sys.stdout.write(json.dumps(await relay.do(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    restrict_addresses(("127.0.0.1",))
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
