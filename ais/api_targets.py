"""Owns the HTTP side of targeting: ranked ships with reasons, the queue of a shift, signals, what-if, decisions.

Never decides a rule; a decision is the officer's, kept with the evidence as it was.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ais.codes import Label
from ais.decisions import Decision, DecisionKind, NewDecision
from ais.dossier import Dossier, dossier
from ais.place import Where
from ais.ports import RiskSources
from ais.pose import HullAtPlace
from ais.ranking import RankedShip
from ais.risk_signals import RiskSignal, evidence_json
from ais.targeting import Assessment, Window
from ais.targets_service import (
    TargetLine,
    ask_what_if,
    decide_target,
    geometry_and_pose,
    rank_live,
    target,
    target_queue,
)
from ais.text import Bilingual
from core.auth import Principal
from core.clock import rfc3339
from core.context import Services
from core.errors import AccessDenied, InputError, Refused
from core.workdays import local_day

_MAX_PAGE = 500


class BilingualOut(BaseModel):
    zh: str
    en: str


class CriterionOut(BaseModel):
    id: str
    label: BilingualOut
    value: str | None
    source: str | None
    state: Literal["met", "not_met", "unknown"]
    points: int | None
    max_points: int
    points_low: int
    points_high: int
    reason: BilingualOut


class WindowOut(BaseModel):
    opens: date
    closes: date


class ComparisonOut(BaseModel):
    field: str
    ais: str | None
    register_value: str | None
    state: Literal["match", "mismatch", "not_comparable"]


class JoinOut(BaseModel):
    matched_by: str
    confidence: float
    comparisons: list[ComparisonOut]


class HullOut(BaseModel):
    """Hull and place, or the code of the reason why they are not known."""

    loa_m: float | None = None
    beam_m: float | None = None
    depth_m: float | None = None
    draught_m: float | None = None
    estimated: list[str] = []
    stern_lonlat: tuple[float, float] | None = None
    heading_deg_true: float | None = None
    berth_id: str | None = None
    berth_name: BilingualOut | None = None
    quay_side: Literal["port", "starboard"] | None = None
    refused: str | None = None


class TargetOut(BaseModel):
    """One line of the ranked list. Priority null = depends on what is unknown."""

    rank: int
    tied_with: int
    of: int
    name: str
    imo: str | None
    mmsi: str
    flag: str | None
    ship_type: str | None
    simulated: bool
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    priority_best: str | None
    priority_worst: str | None
    window_best: WindowOut | None
    window_worst: WindowOut | None
    known: int
    total: int
    reasons: list[BilingualOut]
    notes: list[BilingualOut]
    criteria: list[CriterionOut]
    join: JoinOut
    hull: HullOut


class TargetsOut(BaseModel):
    regime: str
    on: date
    excluded: int
    items: list[TargetOut]
    next_cursor: str | None


class SignalOut(BaseModel):
    """A signal beside the points. `proposes`: an overriding factor that an officer may confirm with it."""

    id: str
    kind: str
    words: BilingualOut
    confidence: float
    proposes: str | None
    expires_at: str | None
    rows: list[dict[str, JsonValue]]


class DecisionOut(BaseModel):
    """A decision as it was taken; the evidence is what the officer saw."""

    id: str
    ship: str
    at_utc: str
    kind: DecisionKind
    factor: str | None
    reason: str | None
    by: str
    evidence_sha256: str
    evidence: dict[str, JsonValue]


class LocalOut(BaseModel):
    """A local rule of the port that the ship meets (met) or may meet (unknown); it gives no points."""

    id: str
    label: BilingualOut
    state: Literal["met", "unknown"]
    reason: BilingualOut
    source: str | None


class LineOut(BaseModel):
    """A ship in the queue of a shift. `hours`: least time to the port's centre at its present speed."""

    key: str
    where: Where
    hours: float | None
    target: TargetOut
    signals: list[SignalOut]
    local: list[LocalOut]
    decisions: list[DecisionOut]


class ConsequenceOut(BaseModel):
    """What the regime says beside profile and priority. `until`: least end of a refusal of access that stands."""

    id: Literal["expanded_inspection", "access_refusal"]
    label: BilingualOut
    state: Literal["met", "not_met", "unknown"]
    reason: BilingualOut
    source: str
    confidence: Literal["confirmed", "unverified"]
    until: date | None


class FactorOut(BaseModel):
    """A factor that an officer may confirm under the regime; `standing`: it counts now, by the register or by an officer."""

    code: str
    kind: Literal["overriding", "unexpected"]
    label: BilingualOut
    standing: bool


class ExplainedOut(LineOut):
    """One ship with all that can be said of it. `changes`: what would change its place, dated things first."""

    changes: list[BilingualOut]
    consequences: list[ConsequenceOut]
    factors: list[FactorOut]


class QueueOut(BaseModel):
    regime: str
    on: date
    hours: float
    items: list[LineOut]
    next_cursor: None = None


class WhatIfIn(BaseModel):
    """Register values to put in the place of those held, and another day."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    changes: dict[str, str] = Field(default_factory=dict, max_length=8)
    on: date | None = None


class SideOut(BaseModel):
    """One side of a what-if, by the version of the rules in force on its day."""

    regime_version: str
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    window_best: WindowOut | None
    window_worst: WindowOut | None
    reason: BilingualOut


class WhatIfOut(BaseModel):
    changes: dict[str, str]
    on: date
    now: SideOut
    then: SideOut


IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


def build_router(services: Services, sources: RiskSources | None = None) -> APIRouter:
    """Routes under /api/v1/ais/targets; who may call them is ``config/access/ais.toml``."""
    router = APIRouter(prefix="/api/v1/ais", tags=["ais"])

    @router.get("/targets")
    def targets(
        on: date | None = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=12)] = None,
    ) -> TargetsOut:
        """Ranked ships with the reason for each point."""
        start = _offset(cursor)
        day = on or local_day(services.clock.now())
        ranked = rank_live(services, day)
        page = ranked.ships[start : start + limit]
        more = start + limit < len(ranked.ships)
        return TargetsOut(
            regime=ranked.regime,
            on=day,
            excluded=len(ranked.excluded),
            items=[target_out(item, _hull(services, item)) for item in page],
            next_cursor=str(start + limit) if more else None,
        )

    _shift(router, services, sources or RiskSources())
    return router


def _shift(router: APIRouter, services: Services, sources: RiskSources) -> None:
    def today(on: date | None) -> date:
        return on or local_day(services.clock.now())

    @router.get("/queue")
    def queue(
        on: date | None = None,
        hours: Annotated[float, Query(ge=0, le=240)] = 24.0,
        where: Where | None = None,
    ) -> QueueOut:
        """Ships in port, at anchor and arriving within so many hours, ranked, with signals and decisions."""
        found = target_queue(services, sources, today(on), hours)
        lines = [line for line in found.lines if where is None or line.place.where == where]
        items = [line_out(line, _hull(services, line.ship)) for line in lines]
        return QueueOut(regime=found.ranking.regime, on=found.ranking.on, hours=hours, items=items)

    @router.get("/ships/imo/{imo}/dossier")
    def of_ship(imo: Annotated[int, Path(ge=1_000_000, le=9_999_999)], on: date | None = None) -> Dossier:
        """Everything the register holds about a ship, from every source, and what it already proves."""
        return dossier(services, sources, imo, today(on))

    @router.get("/targets/{key}")
    def one(key: str, on: date | None = None) -> ExplainedOut:
        """One ship with every criterion, signal and decision, and what would change; `key` is its IMO number or MMSI."""
        line = target(services, sources, key, today(on))
        return explained_out(line, _hull(services, line.ship))

    @router.post("/targets/{key}/what-if")
    def what_if(key: str, body: WhatIfIn) -> WhatIfOut:
        """The same ship under other facts; nothing is kept."""
        found = ask_what_if(services, key, body.changes, today(None), body.on)
        return WhatIfOut(changes=found.changes, on=found.on, now=_side(found.now), then=_side(found.then))

    @router.post("/targets/{key}/decisions")
    def decision(request: Request, key: str, body: NewDecision, repeat: IdempotencyKey = None) -> DecisionOut:
        """Select, skip with a reason, confirm or withdraw an overriding or unexpected factor."""
        return decision_out(decide_target(services, sources, _who(request), key, body, today(None), repeat))


def _who(request: Request) -> Principal:
    who: Any = getattr(request.state, "principal", None)
    if not isinstance(who, Principal):
        raise AccessDenied("ais.decision_role", role="-")
    return who


def line_out(line: TargetLine, hull: HullOut) -> LineOut:
    """A line of the queue as JSON."""
    return LineOut(
        key=line.key,
        where=line.place.where,
        hours=None if line.place.hours is None else round(line.place.hours, 2),
        target=target_out(line.ship, hull),
        signals=[signal_out(one) for one in line.signals],
        local=[
            LocalOut(id=one.id, label=_both(one.label), state=one.state, reason=_both(one.reason), source=one.source)
            for one in line.local
        ],
        decisions=[decision_out(one) for one in line.decisions],
    )


def explained_out(line: TargetLine, hull: HullOut) -> ExplainedOut:
    """A ship with all that can be said of it as JSON."""
    found = line.ship.assessment
    kinds = (("overriding", found.pack.overriding), ("unexpected", found.pack.unexpected))
    standing = {*found.facts.overriding, *found.facts.unexpected}
    return ExplainedOut(
        **dict(line_out(line, hull)),
        changes=[_both(one) for one in line.changes],
        consequences=[
            ConsequenceOut(
                id=one.id, label=_both(one.label), state=one.state, reason=_both(one.reason), source=one.source,
                confidence=one.confidence, until=one.until,
            )
            for one in line.consequences
        ],
        factors=[
            FactorOut.model_validate({"code": code, "kind": kind, "label": _label(label), "standing": code in standing})
            for kind, labels in kinds
            for code, label in labels.items()
        ],
    )  # fmt: skip


def signal_out(signal: RiskSignal) -> SignalOut:
    """A signal as JSON."""
    known = evidence_json(signal)
    words = BilingualOut(zh=signal.words.zh, en=signal.words.en)
    return SignalOut.model_validate({**{k: known[k] for k in SignalOut.model_fields if k != "words"}, "words": words})


def decision_out(decision: Decision) -> DecisionOut:
    """A decision as JSON."""
    return DecisionOut(
        id=decision.id, ship=decision.ship, at_utc=rfc3339(decision.at), kind=decision.kind, factor=decision.factor,
        reason=decision.reason, by=decision.by, evidence_sha256=decision.evidence_sha256, evidence=decision.evidence,
    )  # fmt: skip


def _side(found: Assessment) -> SideOut:
    return SideOut(
        regime_version=found.regime_version,
        points_low=found.points_low,
        points_high=found.points_high,
        profile_best=found.profile_best,
        profile_worst=found.profile_worst,
        priority=found.priority,
        window_best=_window(found.window_best),
        window_worst=_window(found.window_worst),
        reason=BilingualOut(**asdict(found.priority_reason)),
    )


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise InputError("ais.cursor", cursor=cursor)
    return int(cursor)


def _hull(services: Services, item: RankedShip) -> HullOut:
    try:
        found = geometry_and_pose(services, item)
    except Refused as refusal:
        return HullOut(refused=refusal.code)
    return hull_out(found)


def hull_out(found: HullAtPlace) -> HullOut:
    """A hull as JSON."""
    berth = found.berth
    return HullOut(
        loa_m=found.geometry.loa_m,
        beam_m=found.geometry.beam_m,
        depth_m=found.geometry.depth_m,
        draught_m=found.geometry.draught_m,
        estimated=sorted(found.geometry.estimated),
        stern_lonlat=(round(found.pose.origin.lon, 7), round(found.pose.origin.lat, 7)),
        heading_deg_true=found.pose.heading_deg_true,
        berth_id=None if berth is None else berth.berth_id,
        berth_name=None if berth is None else _label(berth.berth_name),
        quay_side=None if berth is None else berth.quay_side,
    )


def target_out(item: RankedShip, hull: HullOut) -> TargetOut:
    """A ranked ship as JSON; `yunjian targets --json` writes the same."""
    found, sheet = item.assessment, item.sheet
    return TargetOut(
        rank=item.rank,
        tied_with=item.tied_with,
        of=item.of,
        name=sheet.name,
        imo=sheet.imo,
        mmsi=f"{item.live.mmsi:09d}",
        flag=sheet.flag,
        ship_type=sheet.ship_type,
        simulated=sheet.simulated,
        points_low=found.points_low,
        points_high=found.points_high,
        profile_best=found.profile_best,
        profile_worst=found.profile_worst,
        priority=found.priority,
        priority_best=found.priority_best,
        priority_worst=found.priority_worst,
        window_best=_window(found.window_best),
        window_worst=_window(found.window_worst),
        known=found.known,
        total=found.total,
        reasons=[BilingualOut(**asdict(reason)) for reason in item.reasons],
        notes=[BilingualOut(**asdict(note)) for note in found.notes],
        criteria=[
            CriterionOut(**asdict(judged.criterion), points_low=judged.points_low, points_high=judged.points_high)
            for judged in found.judgements
        ],
        join=JoinOut(
            matched_by=item.join.matched_by,
            confidence=item.join.confidence,
            comparisons=[
                ComparisonOut(field=one.field, ais=one.ais, register_value=one.register, state=one.state)
                for one in item.join.comparisons
            ],
        ),
        hull=hull,
    )


def _both(said: Bilingual) -> BilingualOut:
    return BilingualOut(zh=said.zh, en=said.en)


def _label(label: Label) -> BilingualOut:
    return BilingualOut(zh=label.zh, en=label.en)


def _window(window: Window | None) -> WindowOut | None:
    return None if window is None else WindowOut(opens=window.opens, closes=window.closes)
