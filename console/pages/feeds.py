"""Owns the page of the AIS sources: how each stands now, and what became of its sentences.

Never judges: `ais.feeds` does. The table asks for itself again every two seconds.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

import ais
from console import view
from core.context import Services


def build_router(services: Services) -> APIRouter:
    """The page, and its table alone for refreshing."""
    router = APIRouter(include_in_schema=False)

    def show(request: Request, template: str) -> Response:
        rules, now = ais.feed_rules(), services.clock.now()
        readings = [ais.feed_reading(feed, now, rules) for feed in ais.feed_list(services)]
        configured = len(services.settings.ais.sources)
        return view.page(request, template, readings=readings, rules=rules, now=now, configured=configured)

    @router.get("/feeds")
    def page(request: Request) -> Response:
        return show(request, "feeds.html")

    @router.get("/feeds/table")
    def table(request: Request) -> Response:
        return show(request, "parts/feeds_table.html")

    return router
