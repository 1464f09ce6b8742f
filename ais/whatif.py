"""Owns the question "what if": the same ship under another flag, company or organisation, or on another day.

Never changes the register and never the live list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ais.facts import RatingLists, facts_of
from ais.join import Join
from ais.ranking import RankedShip, RegisterData
from ais.register import Particular
from ais.register_store import RegisterValue
from ais.rules import RulePack
from ais.targeting import Assessment, assess

CHANGEABLE = ("flag", "company_imo", "ro", "ship_type")
_SOURCE = "what-if"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The assessment as it is and as it would be."""

    changes: dict[str, str]
    on: date
    now: Assessment
    then: Assessment


def what_if(
    pack: RulePack,
    ship: RankedShip,
    register: RegisterData,
    changes: Mapping[str, str],
    on: date,
    confirmed: Sequence[str] = (),
) -> WhatIf:
    """Assess a ranked ship again with other values. `changes`: field of the register -> value."""
    join = _changed(ship, changes, on)
    imo = 0 if join.particular is None else join.particular.imo or 0
    facts = facts_of(ship.live, join, register.history.get(imo, []), RatingLists(register.ratings, on), pack, on)
    facts = replace(facts, overriding=tuple(dict.fromkeys((*facts.overriding, *confirmed))))
    return WhatIf(dict(changes), on, ship.assessment, assess(pack, facts, on))


def _changed(ship: RankedShip, changes: Mapping[str, str], on: date) -> Join:
    if not changes:
        return ship.join
    held = ship.join.particular
    subject = f"mmsi:{ship.live.mmsi:09d}" if held is None else held.subject
    values = {} if held is None else dict(held.values)
    for field, value in changes.items():
        values[field] = RegisterValue(subject, field, value, _SOURCE, on, "", 0)
    return replace(ship.join, particular=Particular(subject, values))
