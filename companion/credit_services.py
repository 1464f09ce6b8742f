"""Owns what good credit gets and what the authority owes: zero-document comparison, guarantees, arrears, payout, sharing (case 4).

Never refuses an applicant on a comparison: what does not match goes to an officer with both values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import credit_store
from companion.creditfile import company_credit
from config import pack_path
from core.errors import InputError, NotFound, Refused
from core.workdays import add_months


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ZeroDocument(_Part):
    item: str
    registers: tuple[str, ...]


class Guarantees(_Part):
    kinds: tuple[str, ...]


class Arrears(_Part):
    """A year of the arrears ledger with its plan of repayment."""

    year: int
    payments: int = Field(ge=0)
    amount_fen: int = Field(ge=0)
    state: Literal["paid", "planned"]


class Zone(_Part):
    """An area that may read credit files, and which parts of them."""

    id: str
    zh: str
    en: str
    reads: frozenset[Literal["letter", "lists", "events"]]


class ServiceRules(_Part):
    """``config/companion/credit_services.toml``."""

    version: str
    source: str
    zero_document: ZeroDocument
    guarantees: Guarantees
    zone: tuple[Zone, ...]
    arrears: tuple[Arrears, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """`differing`: (field, what the applicant says, what the publicity system says). Done only where nothing differs and not listed."""

    done: bool
    differing: tuple[tuple[str, str, str], ...]
    listed: bool


def compare(said: Mapping[str, str], published: Mapping[str, str], *, on_dishonest_list: bool) -> Compared:
    """Consignee registration without a paper: every field has to match character by character, else an officer looks."""
    differing = tuple((name, value, published.get(name, "")) for name, value in said.items() if published.get(name) != value)
    return Compared(not differing and not on_dishonest_list, differing, on_dishonest_list)


@dataclass(frozen=True, slots=True)
class Letter:
    """One guarantee letter; `kinds` holds several where one letter stands for all (一函通办)."""

    kinds: tuple[str, ...]
    amount_fen: int


def guarantees(
    wanted: Mapping[str, int], rules: Guarantees, *, good_credit: bool, one_for_all: bool = False
) -> tuple[Letter, ...]:
    """Letters in place of cash deposits for a firm with good credit, several at once or one for all.

    Raises:
        InputError ``credit_services.guarantee`` for an unknown kind or sum; Refused ``credit_services.credit``.
    """
    for kind, amount in wanted.items():
        if kind not in rules.kinds or amount <= 0:
            raise InputError("credit_services.guarantee", kind=kind, kinds=", ".join(rules.kinds))
    if not good_credit:
        raise Refused("credit_services.credit")
    if one_for_all and wanted:
        return (Letter(tuple(wanted), sum(wanted.values())),)
    return tuple(Letter((kind,), amount) for kind, amount in wanted.items())


def still_owed(arrears: Sequence[Arrears]) -> int:
    """Fen of the arrears that are planned and not yet paid."""
    return sum(row.amount_fen for row in arrears if row.state == "planned")


@dataclass(frozen=True, slots=True)
class Payout:
    """Policy money of a firm for a month, paid without a visit."""

    subject: str
    month: date
    amount_fen: int


def monthly_payouts(granted: Mapping[str, Sequence[tuple[date, int]]], month: date) -> tuple[Payout, ...]:
    """What is due for a month: everything granted from its first day up to its last, one payment a firm."""
    first, end = month.replace(day=1), add_months(month.replace(day=1), 1)
    sums = {subject: sum(amount for day, amount in rows if first <= day < end) for subject, rows in granted.items()}
    return tuple(Payout(subject, first, amount) for subject, amount in sorted(sums.items()) if amount)


def shared_file(session: Session, zone: str, subject: str, on: date, rules: ServiceRules | None = None) -> dict[str, object]:
    """The parts of a credit file that another zone may read. Raises NotFound for a zone without a row."""
    found = next((one for one in (rules or service_rules()).zone if one.id == zone), None)
    if found is None:
        raise NotFound("credit_services.zone", zone=zone)
    known = company_credit(session, subject, on)
    parts: dict[str, object] = {
        "letter": known.letter if known else None,
        "lists": list(known.lists) if known else [],
        "events": [one.ref for one in credit_store.events_of(session, subject) if one.day <= on],
    }
    return {name: part for name, part in parts.items() if name in found.reads}


@cache
def service_rules() -> ServiceRules:
    raw = tomllib.loads(pack_path("companion", "credit_services.toml").read_text(encoding="utf-8"))
    return ServiceRules.model_validate(raw)
