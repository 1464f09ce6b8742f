"""The map's websocket end to end: the server as it is served, a real client, thousands of vessels in one binary frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fastapi import FastAPI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

import ais.api_live
from ais.live import LiveShip, Position
from ais.map_frame import HEAD, RECORD
from ais.store import save_latest
from console import access
from console.gate import Gate
from console.metrics import Metrics
from console.sessions import Caller
from core import accounts
from core.auth import Principal, Role
from core.context import Services
from core.geo import LonLat
from core.ids import new_id
from tests.kit.listening import listening

VESSELS = 2000


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    app = FastAPI()
    app.include_router(ais.api_live.build_router(services))

    def identify(token: str) -> Caller | None:
        principal = accounts.principal_of(services, token)
        return None if principal is None else Caller(principal, accounts.csrf_token(token), by_cookie=True)

    app.add_middleware(Gate, table=access.load(), identify=identify, default_lang="en", largest_body=1000, metrics=Metrics())
    with listening(app, ws_per_message_deflate=False) as url:
        yield url.replace("http", "ws", 1) + "/ws/v1/ais/map"


def open_as(services: Services, address: str, role: Role) -> ClientConnection:
    principal = Principal(new_id(), role, "Test", "case:1" if role is Role.CREW_GUEST else None)
    token = accounts.open_session(services, principal).token
    return connect(address, additional_headers={"authorization": f"Bearer {token}"}, max_size=None)


def store(services: Services, moved_m: int) -> None:
    now_ms = round(services.clock.now().timestamp() * 1000) + moved_m
    ships = [
        LiveShip(
            412_000_000 + number, "A", now_ms, "log", 1,
            Position(LonLat(121.0 + number / 600_000, 40.0 + moved_m / 600_000), now_ms, sog_kn=number % 100 / 10),
        )
        for number in range(VESSELS)
    ]  # fmt: skip
    with services.db.ais_write() as session:
        save_latest(session, ships, "test")


def test_every_vessel_in_one_frame_and_the_next_frame_shows_what_moved(services: Services, address: str) -> None:
    store(services, 0)
    with open_as(services, address, Role.INSPECTOR) as one, open_as(services, address, Role.AUDITOR) as other:
        frame = one.recv(timeout=60)
        assert isinstance(frame, bytes)
        assert len(frame) == HEAD.size + VESSELS * RECORD.itemsize
        assert HEAD.unpack_from(frame)[:4] == (b"YJM1", 1, RECORD.itemsize, VESSELS)
        records = np.frombuffer(frame, RECORD, offset=HEAD.size)
        assert sorted(records["mmsi"].tolist()) == list(range(412_000_000, 412_000_000 + VESSELS))
        held = dict(zip(records["mmsi"].tolist(), records[["lon", "lat", "sog"]].tolist(), strict=True))
        assert held[412_000_123] == (121 * 600_000 + 123, 40 * 600_000, 23)
        assert isinstance(other.recv(timeout=60), bytes)
        store(services, 7)
        lats = {40 * 600_000}
        while lats == {40 * 600_000}:  # frames that were made before the ships moved
            lats = set(np.frombuffer(one.recv(timeout=60), RECORD, offset=HEAD.size)["lat"].tolist())
        assert lats == {40 * 600_000 + 7}


def test_nobody_without_a_session_or_with_another_role(services: Services, address: str) -> None:
    with pytest.raises(InvalidStatus):
        connect(address)
    with pytest.raises(InvalidStatus):
        open_as(services, address, Role.CREW_GUEST)
