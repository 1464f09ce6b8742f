"""Owns the style guide: each of our own components once, in every state, on the page where all four palettes can be tried.

Never holds data of an inspection: what it shows is made up, and it says so.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view

TONES = (("ok", "✓"), ("info", "◉"), ("warning", "▲"), ("alarm", "■"), ("plain", "–"))
STEPS = (("done", "selected"), ("done", "appointed"), ("now", "in_session"), ("ahead", "drafting"), ("ahead", "issued"))
RANGES = ((20, 20), (35, 60), (80, 90))


def build_router() -> APIRouter:
    """``/styleguide``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/styleguide")
    def page(request: Request) -> Response:
        icons = sorted({item.icon for item in view.NAVIGATION})
        return view.page(request, "styleguide.html", tones=TONES, steps=STEPS, ranges=RANGES, icons=icons)

    return router
