"""Encoders that know nothing of us: a plain WHIP publisher (RFC 9725) with a bearer token; and rooms apart in worker processes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack

from tests.integration.video.conftest import INSPECTOR, Site, serving
from tests.integration.video.test_call import Watcher
from video import SeatRole, admit, attend, seat_of

SDP = {"content-type": "application/sdp"}
# What the WHIP senders of ffmpeg and OBS leave out of their offers: repair streams, header extensions, feedback other than theirs.
PLAIN = re.compile(r"^a=(extmap|rtcp-fb|ssrc-group|msid-semantic).*\r\n", re.MULTILINE)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("two") / "var", **{"video.room_workers": 2}) as made:
        yield made


def drone_seat(site: Site) -> tuple[str, str, str]:
    """An admitted drone's room, token and the inspector's token."""
    room = site.room(SeatRole.DRONE)
    with site.client() as http:
        joined = http.post("/api/v1/video/join", json={"code": room.seats[0].link}).json()
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    admit(site.services, site.rooms, seat_of(site.services, lead.token), joined["seat_id"])
    return room.room_id, joined["token"], lead.token


async def send(client: httpx.AsyncClient, room: str) -> tuple[RTCPeerConnection, httpx.Response]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver(VideoStreamTrack(), direction="sendonly")
    capabilities = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([one for one in capabilities if one.name == "H264"])
    await connection.setLocalDescription(await connection.createOffer())
    offer = PLAIN.sub("", connection.localDescription.sdp)
    answer = await client.post(f"/api/v1/video/rooms/{room}/whip", content=offer, headers=SDP)
    if answer.status_code == 201:
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return connection, answer


async def packets(client: httpx.AsyncClient, room: str, above: int) -> int:
    """Ask the room until its tracks hold more packets; each question is a round trip to the worker."""
    while True:
        tracks = (await client.get(f"/api/v1/video/rooms/{room}/stats")).json()["tracks"]
        count = sum(track["packets"] for track in tracks)
        if count > above:
            assert {track["codec"] for track in tracks if track["packets"]} == {"H264"}
            return count
        await asyncio.sleep(0.05)


def client(site: Site, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False)


@pytest.mark.peer
def test_a_plain_whip_sender_is_an_ordinary_publisher(two_workers: Site) -> None:
    site = two_workers
    room, token, lead = drone_seat(site)

    async def run() -> None:
        async with client(site, token) as http, client(site, lead) as inspector, client(site, "wrong") as stranger:
            connection, answer = await send(http, room)
            assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (201, "application/sdp")
            place = answer.headers["location"]
            assert place.startswith(f"/api/v1/video/rooms/{room}/whip/")
            await packets(inspector, room, 20)
            still = await inspector.post(
                f"/api/v1/video/rooms/{room}/snapshot", json={"seat_id": seat_of(site.services, token).seat_id}
            )
            assert still.json()["extra"]["width_px"] == 640
            assert (await stranger.delete(place)).status_code == 403
            assert (await http.patch(place, content="")).status_code == 405, "no trickle: candidates come with the answer"
            assert (await http.delete(place)).status_code == 204
            refused, other = await send(stranger, room)
            assert other.status_code == 403
            for one in (connection, refused):
                await one.close()

    asyncio.run(run())


@pytest.mark.peer
def test_rooms_are_spread_over_workers_and_a_killed_one_takes_only_its_own(two_workers: Site) -> None:
    site = two_workers
    (first, first_token, first_lead), (second, second_token, second_lead) = drone_seat(site), drone_seat(site)
    watcher = Watcher(first, "nobody")
    site.rooms.hub.join(watcher)

    async def run() -> None:
        async with (
            client(site, first_token) as one, client(site, second_token) as two,
            client(site, first_lead) as lead_one, client(site, second_lead) as lead_two,
        ):  # fmt: skip
            sending = [await send(one, first), await send(two, second)]
            await packets(lead_one, first, 5)
            before = await packets(lead_two, second, 5)
            home, other = site.rooms.pid_of(first), site.rooms.pid_of(second)
            assert None not in {home, other}
            assert home != other, "each room in a process of its own"
            os.kill(home, signal.SIGKILL)
            await asyncio.to_thread(watcher.until, type="media_lost")
            await packets(lead_two, second, before + 5)
            await asyncio.to_thread(watcher.until, type="media_back")
            assert site.rooms.pid_of(first) not in {home, None}
            sending.append(await send(one, first))
            await packets(lead_one, first, 5)
            for connection, _ in sending:
                await connection.close()

    asyncio.run(run())
