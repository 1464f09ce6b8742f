"""Owns logging in and out, the language switch and the account page.

Never says whether a login name exists.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console import language, sessions, view
from core import accounts
from core.catalogue import LANGS, error_text
from core.context import Services
from core.errors import AccessDenied, NotFound


def build_router(services: Services) -> APIRouter:
    """Routes without an area of their own."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def start(request: Request) -> Response:
        principal = request.state.principal
        return RedirectResponse("/login" if principal is None else view.home_of(principal), status_code=303)

    @router.get("/login")
    def form(request: Request, next: str = "/") -> Response:  # noqa: A002  # the parameter's name in the address
        if request.state.principal is not None:
            return RedirectResponse(local_path(next), status_code=303)
        return _form(request, next, None, 200)

    @router.post("/login")
    def log_in(
        request: Request,
        login: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=1000)],
        next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
    ) -> Response:
        origin = request.client.host if request.client else "unknown"
        try:
            principal = accounts.authenticate(services, login, password, origin)
        except AccessDenied as error:
            return _form(request, next, error, 403)
        old = request.cookies.get(sessions.cookie_name(request))
        if old is not None:  # a token that was there before the login must not survive it (session fixation)
            accounts.close_session(services, old)
        opened = accounts.open_session(services, principal)
        target = local_path(next)
        response = RedirectResponse(view.home_of(principal) if target == "/" else target, status_code=303)
        sessions.set_cookie(request, response, opened.token, services)
        return response

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        token = request.cookies.get(sessions.cookie_name(request))
        if token is not None:
            accounts.close_session(services, token)
        response = RedirectResponse("/login", status_code=303)
        sessions.clear_cookie(request, response)
        return response

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


def _form(request: Request, target: str, error: AccessDenied | None, status: int) -> HTMLResponse:
    words = None if error is None else error_text(error, request.state.lang)
    return view.page(request, "login.html", status=status, target=local_path(target), words=words)
