"""Owns a person's choices in this browser: language and palette, and the account page.

Never keeps them on the server: they are cookies, and work before a login.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console import language, view
from core.catalogue import LANGS
from core.errors import NotFound


def build_router() -> APIRouter:
    """The two switches keep the page that they were used on."""
    router = APIRouter(include_in_schema=False)

    @router.get("/language/{lang}")
    def choose_language(lang: str, next: str = "/") -> Response:  # noqa: A002
        if lang not in LANGS:
            raise NotFound("console.no_page")
        response = RedirectResponse(local_path(next), status_code=303)
        response.set_cookie(language.COOKIE, lang, max_age=31536000, samesite="lax", path="/")
        return response

    @router.get("/palette/{palette}")
    def choose_palette(palette: str, next: str = "/") -> Response:  # noqa: A002
        if palette not in view.PALETTES:
            raise NotFound("console.no_page")
        response = RedirectResponse(local_path(next), status_code=303)
        response.set_cookie(view.PALETTE_COOKIE, palette, max_age=31536000, samesite="lax", path="/")
        return response

    @router.get("/account")
    def account(request: Request) -> Response:
        return view.page(request, "account.html")

    return router


def local_path(target: str) -> str:
    """`target` if it stays on this host, else the start page (no open redirect)."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and not any(ord(char) < 32 for char in target)
    return target if safe else "/"
