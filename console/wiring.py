"""Owns which folders' routers and background parts make up this installation.

Never builds a page; the pages are `console.pages`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

import ais.api
import ais.api_cameras
import ais.api_live
import ais.api_targets
import companion.api
import inspection.api
import reports.api
import reports.api_shift
import video.api
from console.live_detection import LiveDetection
from console.risk_sources import risk_sources
from core.context import Services
from video.rooms import Rooms


def _version() -> str:
    try:
        return version("yunjian")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0.1.0"


VERSION = _version()


class Area(StrEnum):
    """What an installation serves: everything, or the reforms service alone."""

    ALL = "all"
    REFORMS = "reforms"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application mounts, starts and stops."""

    routers: tuple[APIRouter, ...]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def assemble(services: Services, area: Area = Area.ALL) -> Parts:
    """Build every folder's router once; the rooms' processes start with the application and end with it."""
    if area is Area.REFORMS:
        return Parts(routers=(companion.api.build_router(services),), start=_nothing, stop=_nothing)
    rooms = Rooms(services)
    detection = LiveDetection(services, rooms.hub)
    rooms.on_picture = detection.on_picture

    async def start() -> None:
        await run_in_threadpool(rooms.start)

    async def stop() -> None:
        await run_in_threadpool(rooms.stop)
        await run_in_threadpool(detection.stop)

    return Parts(
        routers=(
            ais.api.build_router(services),
            ais.api_live.build_router(services),
            ais.api_cameras.build_router(services),
            companion.api.build_router(services),
            ais.api_targets.build_router(services, risk_sources(services)),
            inspection.api.build_router(services),
            reports.api.build_router(services),
            reports.api_shift.build_router(services, risk_sources(services)),
            video.api.build_router(services, rooms),
        ),
        start=start,
        stop=stop,
    )


async def _nothing() -> None:
    """The reforms service has no process of its own to start."""
