"""Owns comparing what several documents of a ship say: equal, listed, without gap, lasting beyond departure.

Never calls a missing value a contradiction. Which fields must agree is data.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ais.codes import Label
from ais.proofs import Input, Proof, ProofState
from ais.records import Certificate
from ais.register import Particular
from ais.text import Bilingual, say
from config import pack_path

CheckKind = Literal["equal", "equal_number", "listed", "gap_free", "covers_etd"]
_CONTINUOUS = "CSR"  # its `number` is its place in the sequence


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Pack):
    id: str
    kind: CheckKind
    label: Label
    fields: tuple[str, ...]
    basis: str
    psc_codes: tuple[str, ...]


class Checks(_Pack):
    """`config/certificates/crosschecks_*.toml`."""

    id: str
    date: str
    source: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """What one document says."""

    value: str
    source: str


Statements = Mapping[str, Sequence[Stated]]
"""``DOCUMENT.field`` -> what is stated there, by every source that states it."""


@cache
def load_checks() -> Checks:
    return Checks.model_validate(
        tomllib.loads(pack_path("certificates", "crosschecks_2026_1.toml").read_text(encoding="utf-8"))
    )


def statements(papers: Sequence[Certificate], entry: Particular | None, on: date) -> Statements:
    """What the papers issued up to `on` and the register state; of several papers of one code the newest counts, CSR all."""
    found: dict[str, list[Stated]] = {}
    newest: dict[str, Certificate] = {}
    for paper in papers:
        if paper.issued_on is not None and paper.issued_on > on:
            continue
        source = f"{paper.source} ({paper.as_of.isoformat()})"
        if paper.code == _CONTINUOUS:
            found.setdefault(f"{_CONTINUOUS}.numbers", []).append(Stated(paper.number, source))
        held = newest.get(paper.code)
        if held is None or (paper.issued_on or date.min) >= (held.issued_on or date.min):
            newest[paper.code] = paper
    for code, paper in newest.items():
        source = f"{paper.source} ({paper.as_of.isoformat()})"
        values = {
            "company_imo": paper.company_imo,
            "ship_type": paper.ship_type,
            "gross_tonnage": None if paper.gross_tonnage is None else f"{paper.gross_tonnage:g}",
            "expires_on": None if paper.expires_on is None else paper.expires_on.isoformat(),
        }
        for name, value in values.items():
            if value is not None:
                found.setdefault(f"{code}.{name}", []).append(Stated(value, source))
    for name in ("company_imo", "ship_type", "gross_tonnage"):
        value = None if entry is None else entry.get(name)
        if entry is not None and value is not None:
            found.setdefault(f"register.{name}", []).append(Stated(value, entry.source(name) or ""))
    return found


def cross_check(checks: Checks, stated: Statements, departs_on: date) -> list[Proof]:
    """One result for each check."""
    return [_proof(checks, check, stated, departs_on) for check in checks.checks]


def _proof(checks: Checks, check: Check, stated: Statements, departs_on: date) -> Proof:
    given = {name: stated[name] for name in check.fields if stated.get(name)}
    values = [one.value for name in check.fields for one in given.get(name, ())]
    holds = _JUDGES[check.kind](check, given, values, departs_on)
    state: ProofState = "unknown" if holds is None else "ok" if holds else "failed"
    said = ", ".join(f"{name} = {one.value}" for name in check.fields for one in given.get(name, ()))
    return Proof(
        kind="crosscheck",
        rule=f"{checks.id}:{check.id}",
        subject=check.id,
        label=Bilingual(check.label.zh, check.label.en),
        state=state,
        outcome=state,
        reason=say(f"proof.crosscheck.{state}", values=said or "-"),
        basis=check.basis,
        psc_codes=check.psc_codes,
        inputs=tuple(Input(name, one.value, one.source) for name in check.fields for one in given.get(name, ())),
    )


def _equal(_check: Check, given: Statements, values: list[str], _departs_on: date) -> bool | None:
    return None if len(given) < 2 else len({_plain(value) for value in values}) == 1  # two to compare


def _equal_number(_check: Check, given: Statements, values: list[str], _departs_on: date) -> bool | None:
    return None if len(given) < 2 else len({round(float(value)) for value in values}) == 1


def _listed(check: Check, given: Statements, _values: list[str], _departs_on: date) -> bool | None:
    listed, wanted = (given.get(name) for name in check.fields)
    if not listed or not wanted:
        return None
    kinds = {part.strip() for one in listed for part in one.value.split(";")}
    return all(one.value in kinds for one in wanted)


def _gap_free(_check: Check, _given: Statements, values: list[str], _departs_on: date) -> bool | None:
    numbers = {int(value) for value in values if value.isascii() and value.isdigit()}
    return numbers == set(range(1, max(numbers) + 1)) if numbers else None


def _covers(_check: Check, _given: Statements, values: list[str], departs_on: date) -> bool | None:
    return all(date.fromisoformat(value) >= departs_on for value in values) if values else None


_JUDGES = {"equal": _equal, "equal_number": _equal_number, "listed": _listed, "gap_free": _gap_free, "covers_etd": _covers}


def _plain(value: str) -> str:
    return value.upper().replace(" ", "").removeprefix("IMO")
