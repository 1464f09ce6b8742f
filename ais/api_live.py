"""Owns the HTTP and websocket of what the live picture concludes: feeds, events, signals, port calls, and the map's frames.

Never changes anything.
"""

# No postponed annotations here: FastAPI must see what a handler takes.

import asyncio
import contextlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, JsonValue
from starlette.concurrency import run_in_threadpool

from ais import map_frame, service
from ais.event_store import PortCall, events, port_calls
from ais.ledger import bytes_waiting
from ais.signals import Event, Signal
from ais.store import Feed, map_rows, newest_ms
from core.clock import rfc3339
from core.context import Services

_SHOWN_MS = 24 * 3_600_000
_FRAME_S = 1.0
_MAX_PAGE = 500


class HealthOut(BaseModel):
    """`clock_skew_s`: our clock minus the times the source writes. `dropped_lines`: our queue was full; `kernel_drops`: the system's."""

    condition: str
    fault: str | None
    connects: int
    messages_per_s: float
    clock_skew_s: float | None
    dropped_lines: int
    kernel_drops: int
    late: int
    future: int
    updated_at: str


class FeedOut(BaseModel):
    """A source. The ledger adds up when sentences = fragments_used + all rejected, and bytes read = decoded + rejected (`ais.ledger`);
    while live, half messages are in neither. `bytes_waiting`: theirs, and those of an unfinished line.
    """

    source: str
    started_at: str
    ended_at: str | None
    undated: int
    duplicates: int
    own_station: int
    adds_up: bool
    bytes_waiting: int
    reject_rate: float
    rejected_share: dict[str, float]
    ledger: dict[str, JsonValue]
    health: HealthOut | None


class FeedsOut(BaseModel):
    items: list[FeedOut]
    next_cursor: str | None


class EventOut(BaseModel):
    id: str
    kind: str
    mmsi: str
    began_at: str
    ended_at: str | None
    place: str | None
    confidence: float
    words_zh: str
    words_en: str
    evidence: list[dict[str, JsonValue]]


class EventsOut(BaseModel):
    items: list[EventOut]
    next_cursor: str | None


class SignalOut(BaseModel):
    id: str
    kind: str
    mmsi: str
    opened_at: str
    expires_at: str
    confidence: float
    words_zh: str
    words_en: str
    facts: dict[str, JsonValue]
    evidence: list[dict[str, JsonValue]]


class SignalsOut(BaseModel):
    items: list[SignalOut]
    next_cursor: str | None


class BerthOut(BaseModel):
    berth_id: str
    from_at: str
    to_at: str | None


class PortCallOut(BaseModel):
    id: str
    port_id: str
    mmsi: str
    arrived_at: str
    departed_at: str | None
    draught_in_m: float | None
    draught_out_m: float | None
    berths: list[BerthOut]


class PortCallsOut(BaseModel):
    items: list[PortCallOut]
    next_cursor: str | None


def build_router(services: Services) -> APIRouter:
    """Routes under /api/v1/ais and the map's websocket; who may use them is ``config/access/ais.toml``."""
    router = APIRouter(tags=["ais"])

    @router.get("/api/v1/ais/feeds")
    def feeds() -> FeedsOut:
        """Every source: what became of its sentences, and how it is doing."""
        return FeedsOut(items=[_feed(feed) for feed in service.feed_list(services)], next_cursor=None)

    @router.get("/api/v1/ais/events")
    def event_list(
        mmsi: Annotated[int | None, Query(ge=1, le=999_999_999)] = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 100,
    ) -> EventsOut:
        """States and moments, the newest first."""
        with services.db.ais_read() as session:
            found = events(session, mmsi=mmsi, since=since, before=cursor, limit=limit)
        return EventsOut(items=[_event(one) for one in found], next_cursor=found[-1].id if len(found) == limit else None)

    @router.get("/api/v1/ais/signals")
    def signal_list(mmsi: Annotated[int | None, Query(ge=1, le=999_999_999)] = None, at: datetime | None = None) -> SignalsOut:
        """Signals open at `at` (default: now), the surest first."""
        found = service.open_signals(services, at or services.clock.now(), mmsi)
        return SignalsOut(items=[_signal(one) for one in found], next_cursor=None)

    @router.get("/api/v1/ais/port-calls")
    def call_list(
        mmsi: Annotated[int | None, Query(ge=1, le=999_999_999)] = None, here: Literal["yes", "all"] = "all"
    ) -> PortCallsOut:
        """Visits to the watched port, the newest first."""
        with services.db.ais_read() as session:
            found = port_calls(session, mmsi=mmsi, here=here == "yes")
        return PortCallsOut(items=[_call(one) for one in found], next_cursor=None)

    frames = Frames(services)

    @router.websocket("/ws/v1/ais/map")
    async def watch_map(socket: WebSocket) -> None:
        """One binary frame a second (`ais.map_frame`)."""
        await socket.accept()
        with frames.watcher() as waiting:
            reading = asyncio.ensure_future(_until_closed(socket))
            try:
                while not reading.done():
                    await socket.send_bytes(await waiting.get())
            except (WebSocketDisconnect, RuntimeError, OSError):
                pass  # the watcher left
            finally:
                reading.cancel()

    return router


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive()


class Frames:
    """One encoding a second for all watchers; a watcher that is slow misses frames, it holds nobody up."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._watchers: set[asyncio.Queue[bytes]] = set()
        self._work: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watcher(self) -> Any:
        waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        self._watchers.add(waiting)
        if self._work is None or self._work.done():
            self._work = asyncio.ensure_future(self._run())
        try:
            yield waiting
        finally:
            self._watchers.discard(waiting)

    async def _run(self) -> None:
        while self._watchers:
            frame = await run_in_threadpool(self.encoded)
            for waiting in self._watchers:
                if waiting.full():
                    waiting.get_nowait()
                waiting.put_nowait(frame)
            await asyncio.sleep(_FRAME_S)

    def encoded(self) -> bytes:
        """The frame of this moment."""
        with self._services.db.ais_read() as session:
            rows = map_rows(session, newest_ms(session) - _SHOWN_MS)
        return map_frame.encode(rows, self._services.clock.now().timestamp() * 1000)


def _feed(feed: Feed) -> FeedOut:
    rejected: dict[str, int] = feed.ledger.get("rejected", {})
    sentences = max(int(feed.ledger["sentences"]), 1)
    health = feed.health
    waiting = bytes_waiting(feed.ledger)
    return FeedOut(
        source=feed.source,
        started_at=rfc3339(feed.started_at),
        ended_at=None if feed.ended_at is None else rfc3339(feed.ended_at),
        undated=feed.undated,
        duplicates=feed.duplicates,
        own_station=feed.own_station,
        adds_up=feed.ledger["sentences"] == feed.ledger["fragments_used"] + sum(rejected.values()) and waiting == 0,
        bytes_waiting=waiting,
        reject_rate=round(sum(rejected.values()) / sentences, 6),
        rejected_share={reason: round(count / sentences, 6) for reason, count in rejected.items()},
        ledger=feed.ledger,
        health=None
        if health is None
        else HealthOut(
            condition=health.condition,
            fault=health.fault,
            connects=health.connects,
            messages_per_s=health.messages_per_s,
            clock_skew_s=health.clock_skew_s,
            dropped_lines=health.dropped_lines,
            kernel_drops=health.kernel_drops,
            late=health.late,
            future=health.future,
            updated_at=rfc3339(health.updated_at),
        ),
    )


def _event(event: Event) -> EventOut:
    words = event.words
    return EventOut(
        id=event.id,
        kind=event.kind,
        mmsi=f"{event.mmsi:09d}",
        began_at=rfc3339(event.began_at),
        ended_at=None if event.ended_at is None else rfc3339(event.ended_at),
        place=event.place,
        confidence=event.confidence,
        words_zh=words.zh,
        words_en=words.en,
        evidence=list(event.evidence),
    )


def _signal(signal: Signal) -> SignalOut:
    words = signal.words
    return SignalOut(
        id=signal.id,
        kind=signal.kind,
        mmsi=f"{signal.mmsi:09d}",
        opened_at=rfc3339(signal.opened_at),
        expires_at=rfc3339(signal.expires_at),
        confidence=signal.confidence,
        words_zh=words.zh,
        words_en=words.en,
        facts=signal.facts,
        evidence=list(signal.evidence),
    )


def _call(call: PortCall) -> PortCallOut:
    return PortCallOut(
        id=call.id,
        port_id=call.port_id,
        mmsi=f"{call.mmsi:09d}",
        arrived_at=rfc3339(call.arrived_at),
        departed_at=None if call.departed_at is None else rfc3339(call.departed_at),
        draught_in_m=call.draught_in_m,
        draught_out_m=call.draught_out_m,
        berths=[
            BerthOut(
                berth_id=one.berth_id, from_at=rfc3339(one.from_at), to_at=None if one.to_at is None else rfc3339(one.to_at)
            )
            for one in call.berths
        ],
    )
