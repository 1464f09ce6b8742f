"""Owns the replay of one inspection: the page, and the time line as JSON.

Never computes what happened: `console.replay` orders what the record says.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

import ais
from console import replay, view
from console.scope import require_case
from console.sources import Sources
from core.clock import rfc3339
from core.context import Services


def build_router(services: Services, sources: Sources) -> APIRouter:
    """``/cases/{id}/replay#REF`` opens at the moment of REF, e.g. ``#finding-…`` or ``#item-YJ-002``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{case_id}/replay")
    def page(request: Request, case_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            record = sources.case(session, case_id)
        return view.page(request, "replay.html", r=record, lanes=replay.LANES)

    @router.get("/cases/{case_id}/replay.json")
    def line(request: Request, case_id: str) -> JSONResponse:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            record = sources.case(session, case_id)
        since = record.opened_at - replay.TRACK_BEFORE
        track = ais.track_of(services, int(record.ship.mmsi), since) if record.ship.mmsi else []
        found = replay.build(record, track, request.state.lang)
        return JSONResponse(
            {
                "start": rfc3339(found.start),
                "end": rfc3339(found.end),
                "ship": {"loa_m": record.ship.loa_m, "beam_m": record.ship.beam_m},
                "moments": [
                    {
                        "ref": one.ref, "lane": one.lane, "at": rfc3339(one.at), "until": one.until and rfc3339(one.until),
                        "title": one.title, "detail": one.detail, "evidence": one.evidence, "video": one.video,
                        "xy": one.ship_xy_m,
                    }
                    for one in found.moments
                ],
                "track": [
                    [one.at_ms, round(one.lonlat.lon, 6), round(one.lonlat.lat, 6), one.sog_kn, one.heading_deg_true]
                    for one in found.track
                ],
            },
            headers={"cache-control": "no-store"},
        )  # fmt: skip

    return router
