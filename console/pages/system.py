"""Owns the pages for operators of the installation: health, metrics and the API's documentation.

Never shows data of inspections.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from console import view
from console.metrics import Metrics
from console.wiring import VERSION
from core.auth import Role
from core.context import Services
from core.errors import AccessDenied

_LOOPBACK = frozenset({"127.0.0.1", "::1", "testclient"})


def build_router(services: Services, metrics: Metrics) -> APIRouter:
    """Routes for monitoring and for programmers."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    def health() -> Response:
        services.db.ping()
        return JSONResponse({"status": "ok", "version": VERSION})

    @router.get("/metrics")
    def numbers(request: Request) -> Response:
        principal = request.state.principal
        near = request.client is not None and request.client.host in _LOOPBACK
        if not near and (principal is None or principal.role not in {Role.ADMIN, Role.AUDITOR}):
            raise AccessDenied("console.metrics")
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs")
    def docs(request: Request) -> Response:
        return view.page(request, "docs.html")

    return router
