"""Owns what targeting asks of the folders above it: open deficiencies from `inspection`, company credit from `companion`.

Never weighs either. A table kept by hand, where the authority has one, comes before the companion service's own credit file.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import cast, get_args

import inspection
from ais import OpenDeficiency, RiskSources
from ais.ports import Credit, CreditGrade, CreditSource
from companion.creditfile import CreditRecords
from core.context import Services
from core.errors import InputError

CREDIT_FILE = "company_credit.csv"
_COLUMNS = ("company", "grade", "source", "valid_from", "valid_to")


class HandKeptCredit:
    """``<data_dir>/company_credit.csv``: company, grade (poor, ordinary, good), source, valid_from, valid_to."""

    def __init__(self, path: Path, otherwise: CreditSource) -> None:
        self._path, self._otherwise = path, otherwise
        self._seen: tuple[int, int] | None = None
        self._lines: list[Credit] = []

    def credits_of(self, companies: Collection[str], on: date) -> Mapping[str, Credit]:
        """The newest line in force on that day of each company, else what `otherwise` says.

        Raises:
            InputError: the file cannot be read; names row and column.
        """
        held: dict[str, Credit] = {}
        for one in self._fresh():
            if one.key in companies and one.valid_from <= on <= one.valid_to:
                held.setdefault(one.key, one)
        return {**self._otherwise.credits_of([one for one in companies if one not in held], on), **held}

    def _fresh(self) -> list[Credit]:
        if not self._path.is_file():
            return []
        stat = self._path.stat()
        if self._seen != (stat.st_mtime_ns, stat.st_size):
            self._lines = sorted(_read(self._path), key=lambda one: one.valid_from, reverse=True)
            self._seen = (stat.st_mtime_ns, stat.st_size)
        return self._lines


def _read(path: Path) -> list[Credit]:
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("console.credit_file", file=path.name, row=1, column="-") from error
    found: list[Credit] = []
    for number, row in enumerate(rows, start=2):
        missing = next((name for name in _COLUMNS if not (row.get(name) or "").strip()), None)
        if missing is not None or row["grade"] not in get_args(CreditGrade):
            raise InputError("console.credit_file", file=path.name, row=number, column=missing or "grade")
        try:
            first, last = (date.fromisoformat(row[name].strip()) for name in ("valid_from", "valid_to"))
        except ValueError as error:
            raise InputError("console.credit_file", file=path.name, row=number, column="valid_from, valid_to") from error
        found.append(Credit(row["company"].strip(), cast("CreditGrade", row["grade"]), row["source"].strip(), first, last))
    return found


class CaseDeficiencies:
    """Open deficiencies of inspections whose report is out."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def open_by_ship(self) -> Mapping[str, Sequence[OpenDeficiency]]:
        found: dict[str, list[OpenDeficiency]] = {}
        for line in inspection.board(self._services):
            key = line.ship.imo or f"mmsi:{line.ship.mmsi}"
            found.setdefault(key, []).append(OpenDeficiency(line.deficiency.code, f"{line.number}/{line.deficiency.id}"))
        return found


def risk_sources(services: Services) -> RiskSources:
    """Both, for this installation."""
    credit = HandKeptCredit(services.settings.data_dir / CREDIT_FILE, CreditRecords(services))
    return RiskSources(credit, CaseDeficiencies(services))
