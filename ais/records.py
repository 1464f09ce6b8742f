"""Owns the typed records that authorities' systems hold about a ship: certificates, crew, manning, rest, companies, reports, ports.

Never judges a record: the checks do.

Each record says where it came from (`source`, `as_of`, `licence`). `KEY` names the fields that tell one record of its kind from
another; the same key from two sources is two records, and both are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where a record came from."""

    KIND: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]

    source: str
    as_of: date
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Record):
    """A statutory certificate or document of a ship, with the surveys endorsed on it.

    `code` is a code of `config/checklists` or the authority's own. `annual_on` and `intermediate_on` are the days of the
    endorsed surveys. `company_imo`, `ship_type` and `gross_tonnage` are what the document itself says.
    """

    KIND: ClassVar[str] = "certificate"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "code", "number")

    imo: int
    code: str
    number: str
    issuer: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    interim: bool | None = None
    annual_on: tuple[date, ...] = ()
    intermediate_on: date | None = None
    company_imo: str | None = None
    ship_type: str | None = None
    gross_tonnage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewCertificate(Record):
    """One certificate of one seafarer on board. `seafarer` is a reference, never a name. A limit of None is no limit stated."""

    KIND: ClassVar[str] = "crew_certificate"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "seafarer", "regulation", "number")

    imo: int
    seafarer: str
    capacity: str
    regulation: str
    number: str
    issuer: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    max_gross_tonnage: float | None = None
    max_power_kw: float | None = None
    area: str | None = None
    endorsed_by_flag: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManningLine(Record):
    """One line of the minimum safe manning document: so many people of this capacity with that STCW regulation."""

    KIND: ClassVar[str] = "manning"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "line")

    imo: int
    line: int
    capacity: str
    regulation: str
    count: int
    gross_tonnage: float | None = None
    power_kw: float | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPeriod(Record):
    """A period of rest as the ship recorded it, UTC."""

    KIND: ClassVar[str] = "rest"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "seafarer", "starts_at")

    imo: int
    seafarer: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Company(Record):
    """A company by its IMO number (ISM company, registered owner).

    `psc_history_from` and `psc_history_to`: the source vouches that the register has every inspection of the company's ships
    between these days, so that its performance can be reckoned from them.
    """

    KIND: ClassVar[str] = "company"
    KEY: ClassVar[tuple[str, ...]] = ("company_imo",)

    company_imo: str
    name: str
    country: str | None = None
    psc_history_from: date | None = None
    psc_history_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortReport(Record):
    """A port entry or exit report of a ship. `reported_at` is when the authority received it, UTC."""

    KIND: ClassVar[str] = "port_report"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "port", "movement", "planned_at")

    imo: int
    port: str
    movement: str
    planned_at: datetime
    reported_at: datetime | None = None
    persons_on_board: int | None = None
    draught_m: float | None = None
    cargo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPort(Record):
    """A port of a world port index: a point, no area."""

    KIND: ClassVar[str] = "port"
    KEY: ClassVar[tuple[str, ...]] = ("number",)

    number: str
    name: str
    lon_deg: float
    lat_deg: float
    country: str | None = None
    locode: str | None = None
    size: str | None = None
    max_draught_m: float | None = None
    max_length_m: float | None = None
