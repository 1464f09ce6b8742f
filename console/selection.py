"""Owns turning a ranked ship of `ais` into the parts that `inspection` keeps: the two folders do not know each other.

Never adds or drops a fact.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import cast, get_args

from ais import RankedShip
from inspection import EligibilityFacts
from inspection.eligibility import Trigger
from inspection.record import SelectionPart, ShipPart


def ship_part(ship: RankedShip) -> ShipPart:
    """What is known of the ship."""
    return ShipPart.model_validate(asdict(ship.sheet))


def selection_part(ship: RankedShip) -> SelectionPart:
    """Its place in the ranked list with every criterion."""
    return SelectionPart.model_validate(asdict(ship.selection))


def eligibility_facts(ship: RankedShip, today: date) -> EligibilityFacts:
    """What is known for judging whether it may be checked remotely; None stays None.

    `last_remote` is empty: this installation's own records hold no earlier remote check (issue G reads them).
    """
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
