"""Owns the composition root: one FastAPI application out of the folders' routers, our pages and the security wrappers.

Never holds domain rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console import access, pages, view, wiring
from console.body_limit import TooLarge
from console.csp import SecurityHeaders
from console.gate import Gate, refusal
from console.metrics import Metrics
from console.sessions import Caller
from console.sources import Sources
from console.static_files import static_app
from core import accounts
from core.context import Services
from core.errors import InputError, NotFound, YunJianError


def create_app(
    services: Services,
    *,
    extra_routers: Sequence[APIRouter] = (),
    sources: Sources | None = None,
    area: wiring.Area = wiring.Area.ALL,
) -> FastAPI:
    """Build the application, whole or the reforms service alone; its lifespan starts and stops the video rooms.

    `extra_routers` come on top of the product's own (tests mount a route that has no access row); `sources` is where the
    pages read from, by default the folders.
    """
    parts = wiring.assemble(services, area)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.start()
        try:
            yield
        finally:
            await parts.stop()

    app = FastAPI(
        title="YunJian",
        version=wiring.VERSION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.metrics = metrics
    for router in (*parts.routers, *pages.build_routers(services, metrics, sources or Sources(services), area), *extra_routers):
        app.include_router(router)
    app.mount("/static", static_app())
    _add_error_handlers(app)

    def identify(token: str) -> Caller | None:
        principal = accounts.principal_of(services, token)
        return None if principal is None else Caller(principal, accounts.csrf_token(token), by_cookie=True)

    app.add_middleware(
        Gate,
        table=access.load(),
        identify=identify,
        default_lang=services.settings.language,
        largest_body=services.settings.web.max_body_mb * 1_000_000,
        metrics=metrics,
    )
    app.add_middleware(SecurityHeaders)
    view.environment()  # a broken template folder shows at start, not at the first request
    return app


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return refusal(request, InputError("console.validation", where=where, reason=first["msg"]))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        too_large = request.state.too_large or error.status_code == 413
        return refusal(request, TooLarge("console.too_large") if too_large else _as_ours(error))


def _as_ours(error: HTTPException) -> YunJianError:
    if error.status_code == 404:
        return NotFound("console.no_page")
    return InputError("console.http", status=error.status_code, reason=str(error.detail))
