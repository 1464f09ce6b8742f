"""Owns the pages of a call: opening one from a case, the phone's page behind a join link, and the inspector's page of a room.

Never touches a room once it is open: the pages speak to ``/api/v1/video`` themselves.
"""

from __future__ import annotations

import hashlib
import json

from fastapi import APIRouter, Request
from starlette.responses import Response

import inspection
from console import view
from console.calls import phone_files, room_order
from console.scope import require_case
from console.view import static_url
from core.catalogue import LANGS, entries
from core.context import Services
from core.errors import NotFound, Refused
from video import create_room, known_room, sheet

_PREFIX = "callpage.js."


def build_router(services: Services) -> APIRouter:
    """Two pages. A GET of the join page uses nothing up: the code is in the fragment, and a button sends it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/call/join")
    def join(request: Request) -> Response:
        return view.page(request, "call/join.html", words=_words(request))

    @router.get("/call/worker.js")
    def worker(request: Request) -> Response:
        """The phone page's service worker: it keeps the page and its files, so that a reload without a link shows them."""
        first = request.state.lang
        files = [*map(static_url, phone_files()), *(f"/static/{name}" for name in phone_files() if name.endswith(".js"))]
        kept = {
            "cache": f"call-{hashlib.sha256(''.join(files).encode()).hexdigest()[:12]}",
            "pages": [f"/call/join?lang={lang}" for lang in (first, *(one for one in LANGS if one != first))],
            "files": files,
        }
        script = (view.STATIC / "js" / "call-worker.js").read_text(encoding="utf-8")
        return Response(f"const KEPT = {json.dumps(kept)};\n{script}", media_type="text/javascript")

    @router.post("/cases/{case_id}/call")
    def opened(request: Request, case_id: str) -> Response:
        """Open a room for the case; the crew's link is shown once, as text and as a QR code."""
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            record = inspection.record(session, case_id)
        if record.state != "in_session":
            raise Refused("callpage.not_in_session", state=record.state)
        room = create_room(services, room_order(record, services.clock), request.state.principal)
        crew = sheet(services, room.room_id, room.seats[0])
        return view.page(request, "call/opened.html", record=record, room=room, crew=crew)

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
