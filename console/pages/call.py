"""Owns the pages of a call: the phone's page behind a join link, and the inspector's page of a room.

Never touches a room: both pages speak to ``/api/v1/video`` themselves.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view
from core.catalogue import entries
from core.context import Services
from core.errors import NotFound
from video import known_room

_PREFIX = "callpage.js."


def build_router(services: Services) -> APIRouter:
    """Two pages. A GET of the join page uses nothing up: the code is in the fragment, and a button sends it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/call/join")
    def join(request: Request) -> Response:
        return view.page(request, "call/join.html", words=_words(request))

    @router.get("/call/{room_id}")
    def room(request: Request, room_id: str) -> Response:
        if not known_room(services, room_id):
            raise NotFound("video.no_room")
        return view.page(request, "call/room.html", room_id=room_id, words=_words(request))

    return router


def _words(request: Request) -> dict[str, str]:
    """The texts that the page's scripts show, in the page's language."""
    lang = request.state.lang
    return {key.removeprefix(_PREFIX): texts[lang] for key, texts in entries().items() if key.startswith(_PREFIX)}
