"""Owns the journal page: every stream, its entries, and the recomputed hash chain.

Never changes an entry; the database refuses that too.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from console import view
from core import journal
from core.context import Services
from core.errors import Altered, NotFound

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One stream as the list shows it."""

    name: str
    entries: int
    head: str
    broken_at: int | None


def build_router(services: Services) -> APIRouter:
    """List of streams, and one stream with its verification."""
    router = APIRouter(include_in_schema=False)

    @router.get("/journal")
    def streams(request: Request) -> Response:
        with services.db.read() as session:
            lines = stream_lines(session)
        return view.page(request, "journal.html", lines=lines, stream=None, entries=[], hidden=0)

    @router.get("/journal/{stream:path}")
    def stream(request: Request, stream: str) -> Response:
        with services.db.read() as session:
            lines = stream_lines(session)
            chain = journal.entries(session, stream)
        chosen = next((line for line in lines if line.name == stream), None)
        if chosen is None:
            raise NotFound("console.no_page")
        shown = list(reversed(chain))[:_SHOWN]
        return view.page(request, "journal.html", lines=lines, stream=chosen, entries=shown, hidden=len(chain) - len(shown))

    return router


def stream_lines(session: Session) -> list[StreamLine]:
    """Every stream with its chain recomputed."""
    return [_line(name, journal.entries(session, name)) for name in journal.streams(session)]


def _line(name: str, chain: list[journal.Entry]) -> StreamLine:
    try:
        journal.verify(chain)
        broken_at = None
    except Altered as error:
        broken_at = int(str(error.params["seq"]))
    return StreamLine(name, len(chain), chain[-1].hash, broken_at)
