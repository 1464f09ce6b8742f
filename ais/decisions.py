"""Owns what officers decide about targets: select, skip with a reason, confirm or withdraw an overriding or unexpected factor.

Never changes an earlier decision: a later one stands beside it, each with the evidence as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

from ais import decisions_store as store
from core import events, journal
from core.auth import Principal, Role
from core.context import Services
from core.errors import AccessDenied, InputError, Refused
from core.ids import new_id

DecisionKind = Literal["select", "skip", "confirm_factor", "withdraw_factor"]
_OFFICERS = frozenset({Role.INSPECTOR, Role.SUPERVISOR})


class NewDecision(BaseModel):
    """What is asked. A skip needs a reason; a factor needs its name and the signal or report it rests on."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: DecisionKind
    factor: str | None = Field(default=None, max_length=80)
    reason: str | None = Field(default=None, max_length=2000)
    signal_id: str | None = Field(default=None, max_length=200)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it was taken. `by` is the officer's account."""

    id: str
    ship: str
    at: datetime
    kind: DecisionKind
    factor: str | None
    reason: str | None
    by: str
    evidence: dict[str, Any]
    evidence_sha256: str


def ship_key(imo: str | None, mmsi: int) -> str:
    """How a ship is named in decisions and in addresses."""
    return imo or f"mmsi:{mmsi:09d}"


def decide(
    services: Services,
    who: Principal,
    ship: str,
    asked: NewDecision,
    factors: Iterable[str],
    evidence: dict[str, Any],
    request: str | None = None,
) -> Decision:
    """Keep a decision with its journal entry and event in one transaction; the same `request` again gives the same decision.

    `factors`: the factors of the regime, overriding and unexpected. `evidence`: what the officer saw, as JSON.

    Raises:
        AccessDenied: not an officer.
        InputError: a skip without a reason, a factor that the regime does not know, a factor without evidence.
        Refused: withdrawing a factor that is not confirmed.
    """
    if who.role not in _OFFICERS:
        raise AccessDenied("ais.decision_role", role=who.role.value)
    reason = (asked.reason or "").strip() or None
    _require(asked, reason, frozenset(factors), evidence)
    key = None if request is None else f"{who.user_id}:{request}"
    digest = hashlib.sha256(rfc8785.dumps(evidence)).hexdigest()
    with services.db.write() as session:
        if key is not None and (earlier := store.by_request(session, key)) is not None:
            return _read(earlier)
        now = services.clock.now()
        if asked.kind == "withdraw_factor":
            standing = confirmed_factors(map(_read, store.decided(session, now, ship)))
            if asked.factor not in standing.get(ship, ()):
                raise Refused("ais.factor_not_confirmed", factor=asked.factor)
        row = store.TargetDecisionRow(
            id=new_id(), ship=ship, at=now, kind=asked.kind, factor=asked.factor, reason=reason, by=who.user_id, request=key,
            evidence=evidence, evidence_sha256=digest,
        )  # fmt: skip
        store.add(session, row)
        facts = {"decision_id": row.id, "ship": ship, "kind": asked.kind, "factor": asked.factor, "evidence_sha256": digest}
        journal.append(
            session, services.clock, stream="targets", actor=who.user_id, action=f"targets.{asked.kind}", payload=facts
        )
        events.publish(session, services.clock, stream="targets", type="ais.target_decided", payload=facts)
        return _read(row)


def _require(asked: NewDecision, reason: str | None, factors: frozenset[str], evidence: dict[str, Any]) -> None:
    if asked.kind in {"confirm_factor", "withdraw_factor"}:
        if asked.factor not in factors:
            raise InputError("ais.factor_unknown", factor=asked.factor or "-")
        if asked.kind == "confirm_factor" and not evidence.get("signal") and reason is None:
            raise InputError("ais.factor_evidence", factor=asked.factor)
    elif asked.factor is not None:
        raise InputError("ais.factor_misplaced", kind=asked.kind)
    if asked.kind in {"skip", "withdraw_factor"} and reason is None:
        raise InputError("ais.decision_reason", kind=asked.kind)


def decisions(services: Services, until: datetime, ship: str | None = None) -> list[Decision]:
    """Everything decided up to `until`, the oldest first."""
    with services.db.read() as session:
        return [_read(row) for row in store.decided(session, until, ship)]


def confirmed_factors(taken: Iterable[Decision]) -> dict[str, tuple[str, ...]]:
    """Ship -> factors that stand confirmed after these decisions (oldest first)."""
    standing: dict[str, dict[str, None]] = {}
    for one in taken:
        if one.factor is None:
            continue
        if one.kind == "confirm_factor":
            standing.setdefault(one.ship, {})[one.factor] = None
        elif one.kind == "withdraw_factor":
            standing.get(one.ship, {}).pop(one.factor, None)
    return {ship: tuple(factors) for ship, factors in standing.items() if factors}


def _read(row: store.TargetDecisionRow) -> Decision:
    return Decision(
        row.id, row.ship, row.at, cast("DecisionKind", row.kind), row.factor, row.reason, row.by, row.evidence,
        row.evidence_sha256,
    )  # fmt: skip
