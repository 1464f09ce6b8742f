"""Owns the code lists: deficiency codes and actions taken (``config/codes/``), each valid only with its scheme and edition.

Never decides which code fits: proposals come from a table, a person chooses.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from config import ConfigError, pack_path
from core.errors import InputError
from core.workdays import add_months
from inspection.record import Text

Detention = Literal["yes", "control", "release", "no"]
_DETENTION = ("yes", "control", "release", "no")


@dataclass(frozen=True, slots=True)
class DeficiencyCode:
    code: str
    title: Text
    group: Text


@dataclass(frozen=True, slots=True)
class DeficiencyList:
    """One scheme's deficiency codes."""

    scheme: str
    edition: str
    source: str
    codes: MappingProxyType[str, DeficiencyCode]
    proposals: MappingProxyType[str, tuple[str, ...]]

    def has(self, code: str) -> bool:
        return code in self.codes

    def get(self, code: str) -> DeficiencyCode:
        """Raises InputError for a code the list does not have."""
        if code not in self.codes:
            raise InputError("inspection.code_unknown", value=code, scheme=self.scheme)
        return self.codes[code]

    def search(self, words: str, limit: int = 20) -> list[DeficiencyCode]:
        """Codes whose number begins with the query, or whose title or group has every word (zh or en, any case).

        Order: number matches, then title matches, then matches by group; within each by code.
        """
        terms = words.casefold().split()
        if not terms:
            return []
        ranked: list[tuple[int, DeficiencyCode]] = []
        for entry in self.codes.values():
            title = f"{entry.title.zh} {entry.title.en}".casefold()
            everything = f"{title} {entry.group.zh} {entry.group.en}".casefold()
            if len(terms) == 1 and entry.code.startswith(terms[0]):
                ranked.append((0, entry))
            elif all(term in title for term in terms):
                ranked.append((1, entry))
            elif all(term in everything for term in terms):
                ranked.append((2, entry))
        return [entry for _, entry in sorted(ranked, key=lambda pair: (pair[0], pair[1].code))][:limit]

    def proposed(self, finding_class: str) -> tuple[str, ...]:
        """Codes a hull finding may lead to, e.g. for ``corrosion``; proposals only."""
        return self.proposals.get(finding_class, ())


@dataclass(frozen=True, slots=True)
class ActionCode:
    """An action taken. `due`: ``days:N``, ``months:N``, ``before_departure``, ``before_release``, ``next_port`` or empty."""

    scheme: str
    code: str
    title: Text
    level: str
    detention: Detention
    due: str
    ends: bool

    def due_at(self, inspected_at: datetime, zone: ZoneInfo) -> datetime | None:
        """Last second of the due day in `zone`, as UTC; None where the term is an event or is written out.

        Terms count from the local day of the inspection; a month term ends on the same day of the month, clamped.
        """
        unit, _, number = self.due.partition(":")
        if unit not in ("days", "months"):
            return None
        day = inspected_at.astimezone(zone).date()
        day = day + timedelta(days=int(number)) if unit == "days" else add_months(day, int(number))
        return datetime.combine(day, time(23, 59, 59), tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class ActionList:
    edition: str
    source: str
    default_scheme: str
    ends_by: tuple[str, ...]
    zone: ZoneInfo
    codes: MappingProxyType[tuple[str, str], ActionCode]

    def get(self, scheme: str, code: str) -> ActionCode:
        """Raises InputError: a code is only valid with its scheme."""
        found = self.codes.get((scheme, code))
        if found is None:
            raise InputError("inspection.action_unknown", value=code, scheme=scheme)
        return found


def load_deficiency_codes(header: Path) -> DeficiencyList:
    """Read a list and its header.

    Raises:
        ConfigError: a code twice, without group or title, or another number of rows than the header says.
    """
    meta, rows = _read(header)
    groups = cast("dict[str, dict[str, str]]", meta["groups"])
    codes: dict[str, DeficiencyCode] = {}
    for row in rows:
        group = groups.get(row["code"][:2])
        if group is None or not row["title_zh"] or not row["title_en"] or row["code"] in codes:
            raise ConfigError(f"{header.name}: code {row['code']} is there twice or lacks a group or a title")
        codes[row["code"]] = DeficiencyCode(row["code"], Text(zh=row["title_zh"], en=row["title_en"]), Text(**group))
    proposals = {name: tuple(cast("list[str]", listed)) for name, listed in cast("dict[str, Any]", meta["proposals"]).items()}
    for name, listed in proposals.items():
        if unknown := [code for code in listed if code not in codes]:
            raise ConfigError(f"{header.name}: proposal for {name} names {unknown[0]}, which is not in the list")
    return DeficiencyList(
        str(meta["scheme"]), str(meta["edition"]), str(meta["source"]), MappingProxyType(codes), MappingProxyType(proposals)
    )


def load_action_codes(header: Path) -> ActionList:
    """Read the actions of all schemes. Raises ConfigError as `load_deficiency_codes`."""
    meta, rows = _read(header)
    codes: dict[tuple[str, str], ActionCode] = {}
    for row in rows:
        key = (row["scheme"], row["code"])
        if row["scheme"] not in meta["schemes"] or key in codes or row["detention"] not in _DETENTION:
            raise ConfigError(f"{header.name}: action {key} is there twice, has no scheme or a wrong detention mark")
        codes[key] = ActionCode(
            row["scheme"], row["code"], Text(zh=row["title_zh"], en=row["title_en"]), row["level"],
            cast("Detention", row["detention"]), row["due"], row["ends"] == "yes",
        )  # fmt: skip
    return ActionList(
        str(meta["edition"]), str(meta["source"]), str(meta["default_scheme"]), tuple(meta["ends_by"]),
        ZoneInfo(str(meta["display_zone"])), MappingProxyType(codes),
    )  # fmt: skip


@cache
def deficiency_codes() -> DeficiencyList:
    """The deficiency list in force."""
    return load_deficiency_codes(pack_path("codes", "deficiency_codes_paris_mou.toml"))


@cache
def action_codes() -> ActionList:
    """The action lists in force."""
    return load_action_codes(pack_path("codes", "action_codes.toml"))


def _read(header: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    meta = tomllib.loads(header.read_text(encoding="utf-8"))
    with header.with_name(meta["file"]).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if len(rows) != meta["count"]:
        raise ConfigError(f"{header.name}: {len(rows)} rows in {meta['file']}, {meta['count']} announced")
    return meta, rows
