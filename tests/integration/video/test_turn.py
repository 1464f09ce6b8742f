"""Real Chromium behind nothing but a real coturn: a call goes through the relay with credentials that run out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from config import load_settings
from core.errors import EnvironmentFault
from tests.integration.video.conftest import INSPECTOR, Site, serving
from tests.integration.video.test_browser import CHROMIUM, FLAGS
from tests.kit.coturn import coturn
from video import SeatRole, admit, attend, seat_of
from video.turn import secret

SECRET = "a secret of the test only"
RELAYED = """async ({room, servers, token}) => {
  const stream = await navigator.mediaDevices.getUserMedia({video: true});
  const pc = new RTCPeerConnection({iceServers: servers, iceTransportPolicy: 'relay'});
  for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: 'sendonly'});
  const found = [];
  pc.onicecandidate = ({candidate}) => { if (candidate?.candidate) found.push(candidate.type); };
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise((done) => {
    if (pc.iceGatheringState === 'complete') done();
    pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === 'complete') done(); };
    setTimeout(done, 15000);
  });
  if (!found.length) { pc.close(); return {found}; }
  const answer = await fetch(`/api/v1/video/rooms/${room}/whip`, {method: 'POST', body: pc.localDescription.sdp,
    headers: {'content-type': 'application/sdp', authorization: `Bearer ${token}`}});
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  let sent = 0, pair = null;
  for (let turn = 0; turn < 200 && sent < 30; turn += 1) {
    await new Promise((done) => setTimeout(done, 100));
    const all = [...(await pc.getStats()).values()];
    sent = all.find((one) => one.type === 'outbound-rtp')?.framesSent ?? 0;
    const chosen = all.find((one) => one.type === 'candidate-pair' && one.nominated);
    pair = chosen ? all.find((one) => one.id === chosen.localCandidateId)?.candidateType : null;
  }
  pc.close();
  return {found, sent, pair, link: answer.headers.get('link')};
}"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Browser]]:
    folder = tmp_path_factory.mktemp("turn")
    (folder / "secret").write_text(SECRET + "\n")
    with coturn(folder, SECRET) as port, sync_playwright() as kit:
        servers = [f"turn:127.0.0.1:{port}?transport=udp"]
        chromium = kit.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        with serving(
            folder / "var", **{"video.ice_servers": servers, "video.turn_secret_file": str(folder / "secret")}
        ) as site:
            yield site, chromium
        chromium.close()


def seat(site: Site) -> tuple[str, str, list[dict[str, str]]]:
    """An admitted crew seat: its room, its token, the servers it is told of. Before it is let in it is told nothing."""
    room = site.room(SeatRole.CREW)
    with site.client() as http:
        joined = http.post("/api/v1/video/join", json={"code": room.seats[0].link}).json()
    path = f"/api/v1/video/rooms/{room.room_id}/ice-servers"
    with site.client(joined["token"]) as http:
        assert http.get(path).status_code == 403
        admit(
            site.services,
            site.rooms,
            seat_of(site.services, attend(site.services, site.rooms, room.room_id, INSPECTOR).token),
            joined["seat_id"],
        )
        return room.room_id, joined["token"], http.get(path).json()


def relayed(behind: tuple[Site, Browser], room: str, token: str, servers: list[dict[str, str]]) -> dict[str, Any]:
    site, browser = behind
    context = browser.new_context(permissions=["camera", "microphone"])
    page = context.new_page()
    page.goto(f"{site.url}/call/join")
    try:
        found: dict[str, Any] = page.evaluate(RELAYED, {"room": room, "token": token, "servers": servers})
        return found
    finally:
        context.close()


@pytest.mark.browser
def test_a_phone_that_reaches_the_relay_only_is_in_the_call(behind: tuple[Site, Browser]) -> None:
    room, token, servers = seat(behind[0])
    result = relayed(behind, room, token, servers)
    assert set(result["found"]) == {"relay"}
    assert result["pair"] == "relay"
    assert result["sent"] >= 30
    assert 'rel="ice-server"' in result["link"]
    tracks = behind[0].rooms.stats(room)["tracks"]
    assert sum(track["packets"] for track in tracks) > 30, "the forwarder has them"


@pytest.mark.browser
def test_a_credential_whose_time_has_run_out_or_that_was_changed_relays_nothing(behind: tuple[Site, Browser]) -> None:
    room, token, servers = seat(behind[0])
    name = servers[0]["username"].split(":", 1)[1]
    assert relayed(behind, room, token, [{**servers[0], "username": f"1000000000:{name}"}])["found"] == []


def test_a_turn_address_without_its_secret_is_refused_at_start(tmp_path: Path) -> None:
    for file in ("", str(tmp_path / "missing")):
        settings = load_settings({"video.ice_servers": ["turn:a"], "video.turn_secret_file": file}, environ={})
        with pytest.raises(EnvironmentFault):
            secret(settings.video)
    assert secret(load_settings({"video.ice_servers": ["stun:a"]}, environ={}).video) is None
