"""Owns checks by random draw as they run: plan, commitment, draw, visit, rectification, publication; flying and for cause (case 17).

Never shows a plan to a unit before a flying visit, and never lets an expert's advice count before the supervisors have reviewed it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from companion import practice_store as store
from companion.model import Actor
from companion.roles import require
from core import draw, events, journal
from core.context import Services
from core.errors import InputError, Refused

SignOff = Literal["signed", "refused"]


@dataclass(frozen=True, slots=True)
class Registered:
    """A row of the directory of subjects. `tests` maps an exclusion (no_annual_report, in_dock, no_call) to whether it applies."""

    id: str
    stratum: str
    kind: str
    tests: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class VisitResult:
    """What a visit found. `advice` of experts is kept apart until `reviewed_by` a supervisor; `witness_ref` proves a refusal."""

    target: str
    findings: tuple[str, ...]
    sign_off: SignOff
    witness_ref: str | None = None
    advice: tuple[str, ...] = ()
    reviewed_by: str | None = None


def directory(rows: Iterable[Registered], named: Mapping[str, str] | None = None) -> tuple[draw.Target, ...]:
    """Targets of a plan. A row that fails any test is excluded once, with all its reasons (A17.1); `named` rows (target ->
    warning, complaint or recurrence) are checked for cause: their stratum takes all.
    """
    causes = named or {}
    return tuple(
        draw.Target(
            id=row.id, stratum="for_cause" if row.id in causes else row.stratum, kind=row.kind,
            excluded=tuple(sorted(name for name, applies in row.tests.items() if applies)),
        )
        for row in rows
    )  # fmt: skip


def key_items(findings: Iterable[Sequence[str]], times: int) -> frozenset[str]:
    """Items found at that many visits or more: they become key items of the next plan, and its warning list."""
    counts = Counter(item for visit in findings for item in set(visit))
    return frozenset(item for item, count in counts.items() if count >= times)


def commit(services: Services, actor: Actor, plan: draw.Plan, secret: str, *, flying: bool = False) -> str:
    """Publish the commitment of a plan (a flying plan's rows stay hidden); returns it.

    Raises:
        AccessDenied, InputError ``draw.bad_plan`` for another secret than committed, Refused ``checks.known_draw``.
    """
    require(actor, "draw.plan")
    if draw.secret_hash(secret) != plan.secret_sha256:
        raise InputError("draw.bad_plan", reason="secret_sha256")
    promised = draw.commitment(plan)
    with services.db.write() as session:
        if session.get(store.DrawRow, plan.id) is not None:
            raise Refused("checks.known_draw", draw=plan.id)
        session.add(
            store.DrawRow(
                id=plan.id, state="committed", flying=flying, plan=plan.as_json(), commitment=promised, secret=secret, result=None,
                committed_at=services.clock.now(),
            )
        )  # fmt: skip
        _note(services, session, actor, plan.id, "draw_committed", {"commitment": promised, "flying": flying})
    return promised


def reveal(services: Services, actor: Actor, draw_id: str, public_value: str) -> tuple[draw.Visit, ...]:
    """Draw with the public value; the same draw again gives the same visits and another value is refused."""
    require(actor, "draw.reveal")
    with services.db.write() as session:
        row = store.draw_row(session, draw_id)
        if row.result is not None and row.result["public_value"] != public_value:
            raise Refused("checks.drawn", draw=draw_id)
        plan = draw.parse_plan(row.plan)
        visits = draw.draw(plan, row.secret, public_value)
        if row.result is None:
            row.state, row.result = "drawn", draw.result_json(plan, public_value, visits)
            _note(services, session, actor, draw_id, "drawn", {"public_value": public_value, "visits": len(visits)})
        return visits


def record_visit(services: Services, actor: Actor, draw_id: str, result: VisitResult) -> None:
    """Keep what a visit found. A refusal to sign needs a witness or a video, and the result stays valid (A17.4).

    Raises:
        Refused ``checks.not_drawn``, ``checks.visit_known``; InputError ``checks.no_witness``, ``checks.advice_unreviewed``.
    """
    require(actor, "draw.visit")
    if result.sign_off == "refused" and not result.witness_ref:
        raise InputError("checks.no_witness", target=result.target)
    if result.advice and not result.reviewed_by:
        raise InputError("checks.advice_unreviewed", target=result.target)
    with services.db.write() as session:
        row = store.draw_row(session, draw_id)
        if row.result is None or all(visit["target"] != result.target for visit in row.result["visits"]):
            raise Refused("checks.not_drawn", target=result.target)
        if session.get(store.VisitRow, (draw_id, result.target)) is not None:
            raise Refused("checks.visit_known", target=result.target)
        session.add(
            store.VisitRow(
                draw_id=draw_id, target=result.target, findings=[*result.findings, *result.advice], sign_off=result.sign_off,
                witness_ref=result.witness_ref, rectified=[], at=services.clock.now(),
            )
        )  # fmt: skip
        _note(services, session, actor, draw_id, "visited", {"findings": len(result.findings), "sign_off": result.sign_off})


def rectify(services: Services, actor: Actor, draw_id: str, target: str, item: str) -> tuple[str, ...]:
    """Close one finding of a visit; returns what is still open."""
    require(actor, "draw.visit")
    with services.db.write() as session:
        row = session.get(store.VisitRow, (draw_id, target))
        if row is None or item not in row.findings:
            raise Refused("checks.not_drawn", target=target)
        row.rectified = sorted({*row.rectified, item})
        _note(services, session, actor, draw_id, "rectified", {"item": item})
        return tuple(one for one in row.findings if one not in row.rectified)


def publish(services: Services, actor: Actor, draw_id: str) -> None:
    """Open plan, item list and result (三公开) together with the secret, so that anyone recomputes the draw.

    Once published it stays so; a flying check is not opened before every drawn target was visited.

    Raises:
        Refused ``checks.not_drawn``, ``checks.visits_open``.
    """
    require(actor, "draw.publish")
    with services.db.write() as session:
        row = store.draw_row(session, draw_id)
        if row.result is None:
            raise Refused("checks.not_drawn", target=draw_id)
        if row.state == "published":
            return
        if row.flying and any(
            session.get(store.VisitRow, (draw_id, visit["target"])) is None for visit in row.result["visits"]
        ):
            raise Refused("checks.visits_open", draw=draw_id)
        row.state = "published"
        _note(services, session, actor, draw_id, "published", {"commitment": row.commitment})
        events.publish(
            session, services.clock, stream=f"draw:{draw_id}", type="companion.draw_published",
            payload={"draw": draw_id, "commitment": row.commitment},
        )  # fmt: skip


def public_view(services: Services, draw_id: str) -> dict[str, Any]:
    """What anyone may see now: the commitment always; plan and items once committed, unless it flies; result and secret at the end."""
    with services.db.read() as session:
        row = store.draw_row(session, draw_id)
        seen: dict[str, Any] = {"commitment": row.commitment, "state": _public_state(row)}
        if row.state == "published":
            done = [
                {"target": visit.target, "findings": visit.findings, "rectified": visit.rectified, "sign_off": visit.sign_off}
                for visit in store.visits(session, draw_id)
            ]
            return seen | {
                "plan": row.plan,
                "items": row.plan["items"],
                "result": row.result,
                "secret": row.secret,
                "visits": done,
            }
        return seen if row.flying else seen | {"plan": row.plan, "items": row.plan["items"]}


@dataclass(frozen=True, slots=True)
class Announced:
    """One line of the public list of draws: nothing that a flying check has to keep."""

    id: str
    state: str
    commitment: str
    committed_at: datetime


def announced(services: Services) -> list[Announced]:
    """Every draw that was committed to, the newest first; what each shows is `public_view`."""
    with services.db.read() as session:
        return [Announced(row.id, _public_state(row), row.commitment, row.committed_at) for row in store.draws(session)]


@dataclass(frozen=True, slots=True)
class Desk:
    """A draw as its officers see it. The secret stays out until it is public."""

    id: str
    state: str
    flying: bool
    commitment: str
    committed_at: datetime
    plan: draw.Plan
    result: dict[str, Any] | None
    visits: dict[str, store.VisitRow]

    @property
    def public_value(self) -> str | None:
        return None if self.result is None else str(self.result["public_value"])


def desk_view(services: Services, actor: Actor, draw_id: str) -> Desk:
    """Plan, result and visits for the officers of the check. Raises AccessDenied, NotFound."""
    require(actor, "draw.read")
    with services.db.read() as session:
        row = store.draw_row(session, draw_id)
        visits = {visit.target: visit for visit in store.visits(session, draw_id)}
        plan = draw.parse_plan(row.plan)
        session.expunge_all()
        return Desk(row.id, row.state, row.flying, row.commitment, row.committed_at, plan, row.result, visits)


def _public_state(row: store.DrawRow) -> str:
    return row.state if not row.flying or row.state == "published" else "committed"


def _note(services: Services, session: Session, actor: Actor, draw_id: str, action: str, payload: dict[str, Any]) -> None:
    session.flush()
    journal.append(session, services.clock, stream=f"draw:{draw_id}", actor=actor.user_id, action=action, payload=payload)
