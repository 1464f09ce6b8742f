"""Owns structured logs: one JSON object a line on stderr, or coloured text on a terminal.

Never logs tokens, names or free text of people.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def set_up(*, level: int = logging.INFO, as_json: bool | None = None) -> None:
    """Configure once per process; `as_json` None = JSON unless stderr is a terminal."""
    plain = not sys.stderr.isatty() if as_json is None else as_json
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if plain
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that carries the folder's name."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(area=name)
    return logger
