"""Owns the ranked queue: which ship first, why, and whether it may be checked from afar.

Never ranks: the list comes from `ais`, the verdict from `inspection`.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view
from console.sources import QueueLine, Sources
from core.errors import NotFound


def build_router(sources: Sources) -> APIRouter:
    """The page, and the fragment for one ship."""
    router = APIRouter(include_in_schema=False)

    @router.get("/queue")
    def queue(request: Request, ship: str | None = None) -> Response:
        found = sources.queue()
        chosen = _chosen(found.lines, ship) if ship is not None else (found.lines[0] if found.lines else None)
        return view.page(request, "queue.html", lines=found.lines, regime=found.regime, at=found.at, chosen=chosen)

    @router.get("/queue/ship")
    def one(request: Request, key: str) -> Response:
        return view.page(request, "parts/queue_ship.html", chosen=_chosen(sources.queue().lines, key))

    return router


def _chosen(lines: tuple[QueueLine, ...], key: str) -> QueueLine:
    found = next((line for line in lines if line.key == key), None)
    if found is None:
        raise NotFound("console.no_ship")
    return found
