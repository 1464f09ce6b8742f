"""Owns the live map's page and the port geometry it draws.

Never keeps positions: the ships come from `ais`'s own route.
"""

from __future__ import annotations

import tomllib
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from config import pack_path
from console import view
from core.catalogue import text

_TEXTS = (
    "speed", "course", "heading", "age", "name_unknown", "no_position", "none", "failed", "loading", "updated", "under_way",
    "at_rest", "stale", "open_queue", "destination", "draught", "simulated", "seconds", "minutes", "hours",
)  # fmt: skip


def build_router() -> APIRouter:
    """The page, and ports as JSON."""
    router = APIRouter(include_in_schema=False)

    @router.get("/map")
    def page(request: Request) -> Response:
        texts = {key: text(f"map.{key}", request.state.lang, n="{n}") for key in _TEXTS}
        return view.page(request, "map.html", texts=texts)

    @router.get("/map/ports.json")
    def ports() -> Response:
        return JSONResponse({"items": _ports()}, headers={"cache-control": "private, max-age=300"})

    return router


def _ports() -> list[dict[str, Any]]:
    """Every port pack as it stands: areas, anchorages and berths with their polygons in [lon, lat]."""
    folder = pack_path("ports")
    return [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))]
