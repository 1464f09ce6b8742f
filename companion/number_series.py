"""Owns the series that numbers of the vessel side come from: inspection numbers and seal numbers, by the allocator of case 14.

Never hands a number out itself: `companion.pool` does, each to one subject, once.
"""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from companion import credit_store as store
from companion import pool
from companion.model import Actor
from companion.pool import Allotted
from config import pack_path
from core.context import Services
from core.errors import NotFound


class Series(BaseModel):
    """``prefix`` and a running number of `digits`; `batch` numbers are made when fewer than `reserve` are free."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str
    en: str
    prefix: str = Field(min_length=1)
    digits: int = Field(ge=1, le=12)
    batch: int = Field(ge=1)
    reserve: int = Field(ge=0)


def number_for(services: Services, actor: Actor, name: str, subject: str) -> str:
    """The number of a ship's inspection or of a seal: the one it has, or the next; the series never runs dry.

    Raises:
        NotFound ``number_series.unknown``; AccessDenied.
    """
    series = series_named(name)
    given: Allotted = pool.allot(services, actor, name, subject, series.reserve)
    if given.low:
        _refill(services, actor, name, series)
    if given.number is None:
        given = pool.allot(services, actor, name, subject, series.reserve)
    if given.number is None:  # every number of the batch went to those who waited before
        return number_for(services, actor, name, subject)
    return given.number


def series_named(name: str) -> Series:
    found = all_series().get(name)
    if found is None:
        raise NotFound("number_series.unknown", name=name)
    return found


def _refill(services: Services, actor: Actor, name: str, series: Series) -> None:
    with services.db.read() as session:
        made = store.pool_size(session, name)
    pool.fill(services, actor, name, (f"{series.prefix}{made + n + 1:0{series.digits}d}" for n in range(series.batch)))


@cache
def all_series() -> dict[str, Series]:
    raw = tomllib.loads(pack_path("companion", "number_series.toml").read_text(encoding="utf-8"))
    return {name: Series.model_validate(part) for name, part in raw["series"].items()}
