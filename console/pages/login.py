"""Owns logging in and out, and the start page of each role.

Never says whether a login name exists.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console import sessions, view
from console.pages.preferences import local_path
from core import accounts
from core.catalogue import error_text
from core.context import Services
from core.errors import AccessDenied


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

    return router


def _form(request: Request, target: str, error: AccessDenied | None, status: int) -> HTMLResponse:
    words = None if error is None else error_text(error, request.state.lang)
    return view.page(request, "login.html", status=status, target=local_path(target), words=words)
