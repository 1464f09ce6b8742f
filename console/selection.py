"""Owns turning a ranked ship of `ais` into the parts that `inspection` keeps: the two folders do not know each other.

Never adds or drops a fact.
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import cast, get_args

from ais import Bilingual, RankedShip
from inspection import EligibilityFacts
from inspection.eligibility import Trigger
from inspection.record import CriterionPart, SelectionPart, ShipPart, Text


def both(said: Bilingual) -> Text:
    return Text(zh=said.zh, en=said.en)


def ship_part(ship: RankedShip) -> ShipPart:
    """What is known of the ship."""
    return ShipPart.model_validate({name: getattr(ship.sheet, name) for name in ShipPart.model_fields})


def selection_part(ship: RankedShip) -> SelectionPart:
    """Its place in the ranked list with every criterion."""
    plain = {name: getattr(ship.selection, name) for name in SelectionPart.model_fields if name != "criteria"}
    criteria = [
        CriterionPart(
            id=row.id,
            label=both(row.label),
            value=row.value,
            source=row.source,
            state=row.state,
            points=row.points,
            max_points=row.max_points,
            reason=both(row.reason),
        )
        for row in ship.selection.criteria
    ]
    return SelectionPart.model_validate({**plain, "criteria": criteria})


def eligibility_facts(ship: RankedShip, today: date) -> EligibilityFacts:
    """What is known for judging whether it may be checked remotely; None stays None."""
    known = ship.remote
    trigger = cast("Trigger", known.trigger) if known.trigger in get_args(Trigger) else None
    return EligibilityFacts(
        today=today,
        profile_best=known.profile_best,
        profile_worst=known.profile_worst,
        priority=known.priority,
        overriding=known.overriding,
        detained=known.detained,
        under_investigation=known.under_investigation,
        trigger=trigger,
        network_ok=known.network_ok,
        crew_skilled=known.crew_skilled,
        risk_accepted=known.accepts_remote_risk,
        ship_type=ship.sheet.ship_type,
        last_remote=MappingProxyType({}),
    )
