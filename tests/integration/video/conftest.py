"""A real web server with the console's gate, real room workers, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from config import load_settings
from console import access
from console.csp import SecurityHeaders
from console.gate import Gate
from console.metrics import Metrics
from console.pages import call
from console.sessions import Caller
from console.static_files import static_app
from core import accounts
from core.auth import Principal, Role
from core.clock import SystemClock
from core.context import Services
from core.db import Base, Database, migrate
from core.files import FileStore
from tests.kit.listening import listening
from video import NewRoom, RoomOrder, Rooms, SeatOrder, SeatRole, Shot, build_router, create_room
from video.clip import generate_clip

INSPECTOR = Principal("00000000-0000-7000-8000-000000000001", Role.INSPECTOR, "Inspector")
SUBJECT = "case-1"
ITEM = "item:fire-door-7"


@dataclass(frozen=True)
class Site:
    services: Services
    rooms: Rooms
    url: str

    def room(self, *roles: SeatRole) -> NewRoom:
        now = datetime.now(UTC)
        order = RoomOrder(
            subject_ref=SUBJECT,
            not_before=now - timedelta(minutes=1),
            not_after=now + timedelta(hours=2),
            shots=(
                Shot(item_ref=ITEM, label_zh="防火门", label_en="Fire door", prompt_zh="拍铭牌", prompt_en="Show the plate"),
            ),
            seats=tuple(SeatOrder(role=role, name_hint=role.value) for role in roles or (SeatRole.CREW,)),
        )
        return create_room(self.services, order, INSPECTOR)

    def client(self, token: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_clip(tmp_path_factory.mktemp("clip") / "clip.webm", seconds=4.0)


@contextmanager
def serving(
    data_dir: Path, *, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None, **overrides: object
) -> Iterator[Site]:
    """`tls`: certificate and key for https."""
    settings = load_settings({"data_dir": str(data_dir), "video.segment_s": 3.0, **overrides}, environ={})
    db = Database(settings.data_dir)
    migrate(db)
    Base.metadata.create_all(db.engine)
    services = Services(settings=settings, db=db, files=FileStore(settings.data_dir / "files"), clock=SystemClock())
    rooms = Rooms(services)
    rooms.start()
    app = FastAPI()
    app.include_router(build_router(services, rooms))
    app.include_router(call.build_router(services))
    app.mount("/static", static_app())

    def identify(token: str) -> Caller | None:
        principal = accounts.principal_of(services, token)
        return None if principal is None else Caller(principal, accounts.csrf_token(token), by_cookie=True)

    app.add_middleware(
        Gate, table=access.load(), identify=identify, default_lang="en", largest_body=64_000_000, metrics=Metrics()
    )
    app.add_middleware(SecurityHeaders)
    files = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
    with listening(app, host, ws="websockets-sansio", **files) as url:
        web = settings.web.model_copy(update={"public_url": url})
        known = replace(services, settings=settings.model_copy(update={"web": web}))
        try:
            yield Site(known, rooms, url)
        finally:
            rooms.stop()
            db.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site") / "var") as made:
        yield made
