"""Owns serving ``console/static``: compressed, for ever when the address carries the content hash, else checked by etag.

Never serves anything outside that folder.
"""

from __future__ import annotations

import os
from typing import Any

from starlette.datastructures import QueryParams
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from console.view import STATIC


class _HashedFiles(StaticFiles):
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = "v" in QueryParams(scope.get("query_string", b""))
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


def static_app() -> ASGIApp:
    """The mounted application."""
    options: dict[str, Any] = {"directory": STATIC, "check_dir": False}
    return GZipMiddleware(_HashedFiles(**options), minimum_size=1024, compresslevel=6)
