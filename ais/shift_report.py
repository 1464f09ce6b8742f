"""Owns the targeting report of a shift as data: the ships in order, why, what was decided, and what was known at that time.

Never sets a page: `reports` does. Never decides: a decision is repeated with the role of who took it, never with a name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ais.codes import Label
from ais.decisions import Decision, decisions
from ais.place import Where
from ais.ports import RiskSources
from ais.register_store import Rating, RatingKind, load_ratings
from ais.rules import RulePack
from ais.service import watched_port
from ais.targeting import Window
from ais.targets_service import TargetLine, rule_pack, target_queue
from ais.text import Bilingual
from config import pack_path
from core import accounts
from core.context import Services
from core.errors import InputError
from core.workdays import SHANGHAI, local_day

HOURS_AHEAD = 24.0
_LONGEST = timedelta(hours=72)
_YEARS = range(2000, 2200)
_KINDS: tuple[RatingKind, ...] = ("flag", "ro", "company")


class ShiftRule(BaseModel):
    """A shift of `config/reports/shifts.toml`; `begins` in the port's time."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    name: Label
    begins: time
    hours: float = Field(gt=0, le=48)


@dataclass(frozen=True, slots=True)
class ShiftSignal:
    """A signal beside the points."""

    words: Bilingual
    confidence: float
    proposes: Bilingual | None


@dataclass(frozen=True, slots=True)
class ShiftDecision:
    """A decision taken in the shift. `role`: of the account that took it, None where there is no such account any more."""

    at: datetime
    ship: str
    name: str
    kind: str
    factor: Bilingual | None
    reason: str | None
    role: str | None
    rank: int | None
    evidence_sha256: str


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """A ship of the shift's list."""

    key: str
    rank: int
    tied_with: int
    name: str
    imo: str | None
    mmsi: str
    flag: str | None
    ship_type: str | None
    simulated: bool
    where: Where
    hours: float | None
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    window: Window | None
    reasons: tuple[Bilingual, ...]
    local: tuple[Bilingual, ...]
    signals: tuple[ShiftSignal, ...]
    last: str | None


@dataclass(frozen=True, slots=True)
class ListTerm:
    """A list that the points rest on, on the day of the report."""

    kind: RatingKind
    state: Literal["in_force", "expired", "missing"]
    lines: int
    valid_from: date | None
    valid_to: date | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """Everything that the PDF and the CSV say. `known_at`: nothing entered later counts; `made_at`: also of the AIS picture."""

    port: Bilingual
    fictitious: bool
    since: datetime
    until: datetime
    made_at: datetime
    known_at: datetime
    on: date
    regime: str
    regime_name: Bilingual
    regime_version: str
    regime_from: date
    regime_to: date | None
    in_force: bool
    unverified: tuple[str, ...]
    lists: tuple[ListTerm, ...]
    hours_ahead: float
    ais_source: str
    ais_sentences: int
    ranked: int
    excluded: int
    lines: tuple[ShiftLine, ...]
    decisions: tuple[ShiftDecision, ...]


@cache
def shift_rules() -> tuple[ShiftRule, ...]:
    tree = tomllib.loads(pack_path("reports", "shifts.toml").read_text(encoding="utf-8"))
    return tuple(ShiftRule.model_validate(one) for one in tree["shifts"])


def shift_times(name: str, on: date) -> tuple[datetime, datetime]:
    """Begin and end of a shift that begins on that day at the port.

    Raises:
        InputError: no shift of that name, names all; or a day that no record here can be of.
    """
    rule = next((one for one in shift_rules() if one.id == name), None)
    if rule is None:
        raise InputError("ais.shift_unknown", name=name, known=", ".join(one.id for one in shift_rules()))
    if on.year not in _YEARS:
        raise InputError("ais.shift_period", since=on.isoformat(), until=on.isoformat())
    begin = datetime.combine(on, rule.begins, SHANGHAI)
    return begin, begin + timedelta(hours=rule.hours)


def shift_at(now: datetime) -> tuple[str, date]:
    """The shift that is running, and the day at the port on which it began; the first rule where none is."""
    today = local_day(now)
    for day in (today, today - timedelta(days=1)):
        for rule in shift_rules():
            begin, end = shift_times(rule.id, day)
            if begin <= now < end:
                return rule.id, day
    return shift_rules()[0].id, today


def shift_report(
    services: Services, sources: RiskSources, since: datetime, until: datetime, hours_ahead: float = HOURS_AHEAD
) -> ShiftReport:
    """The list as known at the end of the shift, or now if it is still running.

    Raises:
        InputError: the end is not after the begin, the shift is longer than 72 hours, or it has not begun.
    """
    now = services.clock.now()
    possible = since.year in _YEARS and until.year in _YEARS
    if not possible or not timedelta() < until - since <= _LONGEST or since > now:
        raise InputError("ais.shift_period", since=since.isoformat(), until=until.isoformat())
    known_at = min(until, now)
    on, port = local_day(known_at), watched_port(services)
    pack = rule_pack(services, on)
    queue = target_queue(services, sources, on, hours_ahead, known_at)
    taken = [one for one in decisions(services, known_at) if one.at >= since]
    with services.db.read() as session:
        roles = {one.id: one.role.value for one in accounts.accounts(session)}
        ratings = load_ratings(session, pack.regime, known_at)
    names = {ship.sheet.imo or f"mmsi:{ship.live.mmsi:09d}": ship.sheet.name for ship in queue.ranking.ships} if taken else {}
    feed = next((line.ship.feed for line in queue.lines), None)
    return ShiftReport(
        port=Bilingual(port.name.zh, port.name.en), fictitious=port.fictitious, since=since, until=until, made_at=now,
        known_at=known_at, on=on, regime=pack.regime, regime_name=Bilingual(pack.name_zh, pack.name_en),
        regime_version=pack.version, regime_from=pack.valid_from, regime_to=pack.valid_to, in_force=pack.in_force(on),
        unverified=pack.unverified, lists=list_terms(ratings, on), hours_ahead=hours_ahead,
        ais_source="" if feed is None else feed.source, ais_sentences=0 if feed is None else feed.sentences,
        ranked=len(queue.ranking.ships), excluded=len(queue.ranking.excluded),
        lines=tuple(_line(pack, one) for one in queue.lines),
        decisions=tuple(_decision(pack, one, names, roles) for one in taken),
    )  # fmt: skip


def list_terms(ratings: Iterable[Rating], on: date) -> tuple[ListTerm, ...]:
    """What lists there are for flags, recognised organisations and companies; one that has run out is said to have."""
    by_kind: dict[RatingKind, list[Rating]] = {kind: [] for kind in _KINDS}
    for line in ratings:
        by_kind[line.kind].append(line)
    return tuple(_term(kind, lines, on) for kind, lines in by_kind.items())


def _term(kind: RatingKind, lines: Sequence[Rating], on: date) -> ListTerm:
    current = [one for one in lines if one.valid_from <= on <= one.valid_to]
    past = [one for one in lines if one.valid_to < on]
    shown = current or [one for one in past if one.valid_to == max(past, key=lambda last: last.valid_to).valid_to]
    if not shown:
        return ListTerm(kind, "missing", 0, None, None, ())
    return ListTerm(
        kind, "in_force" if current else "expired", len(shown), min(one.valid_from for one in shown),
        max(one.valid_to for one in shown), tuple(sorted({one.source for one in shown})),
    )  # fmt: skip


def _line(pack: RulePack, line: TargetLine) -> ShiftLine:
    ship, sheet, found = line.ship, line.ship.sheet, line.ship.assessment
    return ShiftLine(
        key=line.key, rank=ship.rank, tied_with=ship.tied_with, name=sheet.name, imo=sheet.imo, mmsi=f"{ship.live.mmsi:09d}",
        flag=sheet.flag, ship_type=sheet.ship_type, simulated=sheet.simulated, where=line.place.where, hours=line.place.hours,
        points_low=found.points_low, points_high=found.points_high, profile_best=found.profile_best,
        profile_worst=found.profile_worst, priority=found.priority,
        window=found.window_best if found.window_best == found.window_worst else None, reasons=ship.reasons,
        local=tuple(
            Bilingual(f"{one.label.zh}：{one.reason.zh}", f"{one.label.en}: {one.reason.en}") for one in line.local if one.state == "met"
        ),
        signals=tuple(ShiftSignal(one.words, one.confidence, _factor(pack, one.proposes)) for one in line.signals),
        last=None if line.last is None else line.last.kind,
    )  # fmt: skip


def _decision(pack: RulePack, one: Decision, names: Mapping[str, str], roles: Mapping[str, str]) -> ShiftDecision:
    rank = one.evidence.get("rank")
    return ShiftDecision(
        one.at, one.ship, names.get(one.ship, one.ship), one.kind, _factor(pack, one.factor), one.reason, roles.get(one.by),
        rank if isinstance(rank, int) else None, one.evidence_sha256,
    )  # fmt: skip


def _factor(pack: RulePack, code: str | None) -> Bilingual | None:
    if code is None:
        return None
    label = (pack.overriding | pack.unexpected).get(code)
    return Bilingual(code, code) if label is None else Bilingual(label.zh, label.en)
