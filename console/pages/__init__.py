"""Owns all pages: one module per area, each with ``build_router``.

Never holds domain rules: a page reads what a folder's service gives and shows it.
"""

from __future__ import annotations

from fastapi import APIRouter

from console.metrics import Metrics
from console.pages import cases, evidence, journal, login, map, queue, system  # noqa: A004  # areas are named as users say
from core.context import Services


def build_routers(services: Services, metrics: Metrics) -> tuple[APIRouter, ...]:
    """The routers of all areas."""
    return (
        login.build_router(services),
        system.build_router(services, metrics),
        queue.build_router(services),
        map.build_router(services),
        cases.build_router(services),
        evidence.build_router(services),
        journal.build_router(services),
    )
