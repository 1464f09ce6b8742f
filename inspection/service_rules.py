"""Owns the rules of the service to ships, ``config/service.toml``, and how a ship and its file are named.

Never reaches anybody.
"""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from config import pack_path
from core.errors import InputError
from core.ids import Imo, Mmsi
from inspection import store
from inspection.record import ShipPart

_FILE = "ship:"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Template(_Model):
    id: str
    hours: int = Field(gt=0)


class ServiceRules(_Model):
    id: str
    version: str
    escalate_minutes: int = Field(gt=0)
    highest_level: int = Field(gt=0)
    link_days: int = Field(gt=0)
    position_age_hours: float = Field(gt=0)
    largest_radius_nm: float = Field(gt=0)
    template: tuple[Template, ...]

    def of(self, template: str) -> Template:
        """Raises InputError for a template that is not there."""
        found = next((one for one in self.template if one.id == template), None)
        if found is None:
            raise InputError("service.template_unknown", template=template[:40])
        return found


@cache
def rules() -> ServiceRules:
    return ServiceRules.model_validate(tomllib.loads(pack_path("service.toml").read_text(encoding="utf-8")))


def ship_key(typed: str) -> str:
    """How a ship is named here: its MMSI in nine digits (the radio's name, so that any ship heard has one), or ``imo<number>``
    where only that is known.

    Raises:
        InputError: neither an IMO number nor an MMSI.
    """
    text = typed.strip().lower()
    if text.startswith("imo") or (text.isdecimal() and len(text) == 7):
        return f"imo{Imo.parse(text)}"
    return str(Mmsi.parse(text))


def key_of(ship: ShipPart) -> str | None:
    """The name of a case's ship."""
    if ship.mmsi:
        return str(Mmsi.parse(ship.mmsi))
    return f"imo{ship.imo}" if ship.imo else None


def file_of(key: str) -> str:
    """The ship's file that entries about it show up in."""
    return f"{_FILE}{key}"


def ship_of_scope(session: Session, scope: str | None) -> str | None:
    """The ship a guest speaks for: from a link for the ship itself, or from the one inspection he came for."""
    if scope is None:
        return None
    if scope.startswith(_FILE):
        return scope.removeprefix(_FILE)
    kind, _, case_id = scope.partition(":")
    if kind != "inspection":
        return None
    return key_of(ShipPart.model_validate(store.case(session, case_id).ship))
