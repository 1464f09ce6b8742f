"""Owns the supervisor's page: approvals waiting, detentions, workload, weeks, and whether the journal holds.

Never approves: that is done on the inspection's own desk.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view
from console.pages.journal import stream_lines
from core import accounts
from core.context import Services
from inspection.overview import overview


def build_router(services: Services) -> APIRouter:
    """One page, read in one transaction."""
    router = APIRouter(include_in_schema=False)

    @router.get("/supervisor")
    def page(request: Request) -> Response:
        with services.db.read() as session:
            found = overview(session, services.clock.now())
            lines = stream_lines(session)
            people = {one.id: one.name for one in accounts.accounts(session)}
        return view.page(
            request,
            "supervisor.html",
            o=found,
            now=services.clock.now(),
            names=people,
            streams=len(lines),
            entries=sum(line.entries for line in lines),
            broken=[line for line in lines if line.broken_at is not None],
        )

    return router
