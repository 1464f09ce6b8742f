"""Owns the signals beside the points: from AIS, from the comparison with the register, from open deficiencies, from credit.

Never adds a point, never changes a rank by a signal, and never confirms the factor that a signal proposes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from pydantic import BaseModel, ConfigDict

from ais.join import Join
from ais.ports import Credit, CreditGrade, OpenDeficiency
from ais.ranking import RankedShip
from ais.rules import RulePack
from ais.signals import Signal
from ais.text import Bilingual, say
from config import pack_path
from core.clock import rfc3339


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Confidence(_Pack):
    mismatch: float
    missing: float
    fleet: float
    report: float
    deficiency: float
    credit: float


class _Records(_Pack):
    fleet_months: int
    report_days_before: int
    report_hours_after: int


class PlaceRules(_Pack):
    """Where a ship counts as lying or arriving."""

    slow_kn: float
    port_radius_m: float
    approach_deg: float


class _Credit(_Pack):
    order: tuple[CreditGrade, ...]


class SignalRules(_Pack):
    """`config/rules/signal_proposals.toml`."""

    id: str
    date: str
    source: str
    proposes: dict[str, str]
    confidence: _Confidence
    records: _Records
    place: PlaceRules
    credit: _Credit


@dataclass(frozen=True, slots=True)
class RiskSignal:
    """One signal. `proposes`: an overriding or unexpected factor that an officer may confirm with this evidence; None = information only."""

    id: str
    kind: str
    words: Bilingual
    confidence: float
    proposes: str | None
    expires_at: datetime | None
    evidence: tuple[dict[str, object], ...]


@cache
def signal_rules() -> SignalRules:
    return SignalRules.model_validate(tomllib.loads(pack_path("rules", "signal_proposals.toml").read_text(encoding="utf-8")))


def proposal(rules: SignalRules, pack: RulePack, kind: str) -> str | None:
    """The factor that a signal of this kind proposes, if the regime has it."""
    factor = rules.proposes.get(kind)
    return factor if factor in pack.overriding or factor in pack.unexpected else None


def risk_signals(
    rules: SignalRules,
    pack: RulePack,
    join: Join,
    heard: Sequence[Signal],
    deficiencies: Sequence[OpenDeficiency],
    credit: Credit | None,
    registered: Sequence[RiskSignal] = (),
) -> list[RiskSignal]:
    """Every signal of one ship, the surest first. `pack`: the regime in use; `registered`: those of `ais.register_signals`."""
    found = list(registered)
    found += [
        RiskSignal(
            one.id, f"ais.{one.kind}", one.words, one.confidence, proposal(rules, pack, f"ais.{one.kind}"), one.expires_at,
            tuple(dict(row) for row in one.evidence),
        )
        for one in heard
    ]  # fmt: skip
    for compared in join.comparisons:
        if compared.state == "mismatch":
            kind = f"register.{compared.field}"
            words = say("targets.signal.register", field=say(f"targets.field.{compared.field}"), ais=compared.ais or "-",
                        register=compared.register or "-")  # fmt: skip
            row: dict[str, object] = {"field": compared.field, "ais": compared.ais, "register": compared.register}
            found.append(RiskSignal(kind, kind, words, rules.confidence.mismatch, proposal(rules, pack, kind), None, (row,)))
    for one_open in deficiencies:
        words = say("targets.signal.deficiency", code=one_open.code, ref=one_open.ref)
        row = {"code": one_open.code, "ref": one_open.ref}
        found.append(
            RiskSignal(
                f"deficiency:{one_open.ref}", "deficiency", words, rules.confidence.deficiency, proposal(rules, pack, "deficiency"), None,
                (row,),
            )
        )  # fmt: skip
    if credit is not None:
        words = say("targets.signal.credit", company=credit.key, grade=say(f"targets.credit.{credit.grade}"))
        row = {"company": credit.key, "grade": credit.grade, "source": credit.source, "valid_to": credit.valid_to.isoformat()}
        found.append(RiskSignal(f"credit:{credit.key}", "credit", words, rules.confidence.credit, None, None, (row,)))
    return sorted(found, key=lambda one: (-one.confidence, one.id))


def ordered_by_credit(
    rules: SignalRules, ships: Sequence[RankedShip], graded: Mapping[str, Credit], on: date
) -> list[RankedShip]:
    """The ranked list with ships of equal rank ordered by their company's credit, poor first.

    Only where credit may speak: never where the ship is or may be of Priority I, never with an overriding or unexpected factor (a
    complaint is one), and never across ranks, so that no ship of a higher class or with more points comes later. Ranks themselves
    do not change.
    """

    def step(ship: RankedShip) -> int:
        held = graded.get(ship.company_imo or "")
        grade: CreditGrade = held.grade if held is not None and held.valid_from <= on <= held.valid_to else "ordinary"
        return rules.credit.order.index(grade)

    moved = iter(sorted((ship for ship in ships if _may_move(ship)), key=lambda ship: (ship.rank, step(ship))))
    return [next(moved) if _may_move(ship) else ship for ship in ships]


def _may_move(ship: RankedShip) -> bool:
    """Credit may speak of it: it cannot be of Priority I, and no factor stands."""
    facts = ship.facts
    return ship.assessment.priority_worst in {"II", "none"} and not facts.overriding and not facts.unexpected


def evidence_json(signal: RiskSignal) -> dict[str, object]:
    """The signal as a decision keeps it."""
    return {
        "id": signal.id,
        "kind": signal.kind,
        "zh": signal.words.zh,
        "en": signal.words.en,
        "confidence": signal.confidence,
        "proposes": signal.proposes,
        "expires_at": None if signal.expires_at is None else rfc3339(signal.expires_at),
        "rows": list(signal.evidence),
    }
