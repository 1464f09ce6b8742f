"""Owns all pages: one module per area, each with ``build_router``.

Never holds domain rules: a page reads what a folder's service gives and shows it.
"""

from __future__ import annotations

from fastapi import APIRouter

from console.metrics import Metrics
from console.pages import (
    afterwards,
    appointment,
    benefits,
    call,
    case_work,
    cases,
    detention,
    evidence,
    feeds,
    followup,
    handover,
    help,  # noqa: A004 - areas are named as users say
    hull_review,
    journal,
    login,
    map,  # noqa: A004 - areas are named as users say
    notices,
    preferences,
    queue,
    reforms,
    reforms_books,
    reforms_codes,
    reforms_credit,
    reforms_draws,
    reforms_practice,
    reforms_registers,
    reforms_video,
    replay,
    service,
    ship,
    styleguide,
    supervisor,
    system,
)
from console.sources import Sources
from console.wiring import Area
from core.context import Services


def build_routers(services: Services, metrics: Metrics, sources: Sources, area: Area) -> tuple[APIRouter, ...]:
    """The routers of what this installation serves."""
    common = (
        login.build_router(services),
        preferences.build_router(),
        styleguide.build_router(),
        system.build_router(services, metrics),
        reforms.build_router(services, calls=area is Area.ALL),
        reforms_books.build_router(services),
        reforms_draws.build_router(services),
        reforms_credit.build_router(services),
        reforms_codes.build_router(services),
        reforms_registers.build_router(services),
        reforms_practice.build_router(services),
    )
    if area is Area.REFORMS:
        return common
    return (
        *common,
        queue.build_router(services, sources),
        ship.build_router(services),
        map.build_router(),
        feeds.build_router(services),
        cases.build_router(services, sources),
        case_work.build_router(services, sources),
        replay.build_router(services, sources),
        evidence.build_router(services),
        hull_review.build_router(services),
        journal.build_router(services),
        benefits.build_router(services),
        supervisor.build_router(services),
        handover.build_router(services),
        reforms_video.build_router(services),
        followup.build_router(services, sources),
        appointment.build_router(services),
        detention.build_router(services),
        afterwards.build_router(services),
        service.build_router(services),
        notices.build_router(services),
        help.build_router(services),
        call.build_router(services),
    )
