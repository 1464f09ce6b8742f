"""Owns serving an application on a loopback port for the length of a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

_STARTS_WITHIN_S = 60.0


@contextmanager
def listening(app: FastAPI, host: str = "127.0.0.1", **options: Any) -> Iterator[str]:
    """The application in a thread of its own; yields its address. `options` are uvicorn's, e.g. ``ssl_certfile``."""
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=0, **{"log_level": "warning", **options}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + _STARTS_WITHIN_S
    while not server.started and time.monotonic() < until:
        thread.join(0.05)
    scheme = "https" if options.get("ssl_certfile") else "http"
    try:
        yield f"{scheme}://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
