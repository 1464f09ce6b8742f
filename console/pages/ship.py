"""Owns the page of one ship: what the register holds, what it already proves, its signals and its past.

Never checks anything: the dossier comes from `ais`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from ais import Bilingual, watched_port
from ais.dossier import REST_DAYS, Dossier, Paper, dossier, in_words
from ais.proofs import Proof
from ais.targets_service import rule_pack
from console import view
from console.risk_sources import risk_sources
from core.context import Services
from core.workdays import local_day

SCALE = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a bar: where it begins and how long it is, in thousandths of the scale."""

    state: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One certificate on the common scale of all; `term` None = a date is missing."""

    paper: Paper
    term: Span | None
    windows: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """All certificates on one scale, and where the day asked for stands on it."""

    first: date
    last: date
    today: float
    rows: tuple[Bar, ...]


def build_router(services: Services) -> APIRouter:
    """The page of a ship by its IMO number."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ships/{imo}")
    def ship(request: Request, imo: Annotated[int, Path(ge=1_000_000, le=9_999_999)], on: date | None = None) -> Response:
        today = local_day(services.clock.now())
        found = dossier(services, risk_sources(services), imo, on or today)
        lang = request.state.lang

        pack = rule_pack(services)
        factors = pack.overriding | pack.unexpected

        def word(text: str) -> str:
            label = factors.get(text)
            return in_words(Bilingual(text, text) if label is None else Bilingual(label.zh, label.en)).of(lang)

        port = watched_port(services)
        return view.page(
            request, "ship.html", ship=found, bars=bars(found.papers, found.on), word=word, rest=_by_seafarer(found),
            rest_days=REST_DAYS, now=services.clock.now(), past=found.on < today, port=port, berths={one.id: one.name for one in port.berths},
        )  # fmt: skip

    return router


def bars(papers: Sequence[Paper], on: date) -> Bars:
    """Certificates on a scale from the first day of issue to the last day of expiry."""
    days = [on]
    for one in papers:
        days += [day for day in (one.judged.certificate.issued_on, one.judged.certificate.expires_on) if day is not None]
    first, last = min(days), max(days)
    whole = max(1, (last - first).days)

    def place(day: date) -> float:
        return round(min(SCALE, max(0, (day - first).days * SCALE / whole)), 1)

    def span(state: str, begin: date, end: date) -> Span:
        return Span(state, place(begin), round(max(0.0, place(end) - place(begin)), 1))

    rows = []
    for one in papers:
        paper = one.judged.certificate
        term = None
        if paper.issued_on is not None and paper.expires_on is not None:
            term = span(one.judged.proof.state, paper.issued_on, paper.expires_on)
        rows.append(Bar(one, term, tuple(span(window.state, window.opens, window.closes) for window in one.judged.windows)))
    return Bars(first, last, place(on), tuple(rows))


def _by_seafarer(found: Dossier) -> dict[str, list[Proof]]:
    people: dict[str, list[Proof]] = {}
    for proof in found.of("rest"):
        people.setdefault(proof.subject, []).append(proof)
    return people
