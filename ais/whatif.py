"""Owns the question "what if": the same ship under another flag, company or organisation, or on another day.

Never changes the register and never the live list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ais.facts import facts_of
from ais.join import Join
from ais.ranking import KnownShip, RegisterData, with_factors
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
    ship: KnownShip,
    register: RegisterData,
    changes: Mapping[str, str],
    on: date,
    confirmed: Sequence[str] = (),
) -> WhatIf:
    """Assess a ship again with other values. `changes`: field of the register -> value.

    `pack`, `register` and `confirmed` are those of the day `on`.
    """
    join = _changed(register.index.join(ship.live), changes, on)
    imo = 0 if join.particular is None else join.particular.imo or 0
    facts = facts_of(ship.live, join, register.history.get(imo, []), register.lists(pack, on), pack, on)
    return WhatIf(dict(changes), on, ship.assessment, assess(pack, with_factors(pack, facts, confirmed), on))


def _changed(join: Join, changes: Mapping[str, str], on: date) -> Join:
    held, heard = join.particular, join.heard
    if not changes or heard is None:
        return join
    subject = f"mmsi:{heard.mmsi:09d}" if held is None else held.subject
    values = {} if held is None else dict(held.values)
    for field, value in changes.items():
        values[field] = RegisterValue(subject, field, value, _SOURCE, on, "", 0)
    return replace(join, particular=Particular(subject, values))
