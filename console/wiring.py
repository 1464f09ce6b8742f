"""Owns which folders' routers and background parts make up this installation.

Never builds a page; the pages are `console.pages`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter

from core.context import Services


def _version() -> str:
    try:
        return version("yunjian")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0.1.0"


VERSION = _version()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application mounts, starts and stops."""

    routers: tuple[APIRouter, ...]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def assemble(services: Services) -> Parts:
    """Build every folder's router once."""

    async def nothing() -> None:
        return None

    return Parts(routers=(), start=nothing, stop=nothing)
