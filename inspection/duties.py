"""Owns what the responsible crew have to do and when they rest, and whether an appointment leaves both alone.

Never moves a duty: a time that falls into one, or that breaks a rest rule, is refused and the rule is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ais.rest import RestBreach, RestScheme, check_rest, load_scheme
from core.catalogue import text
from inspection.record import Text

DutyKind = Literal["watch", "cargo", "manoeuvring"]
Span = tuple[datetime, datetime]
REST_SCHEME = "stcw_mlc_rest"
_DAY = timedelta(days=1)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Daily(_Model):
    """A duty of every day in ship's time, e.g. the 4 to 8; it may run over midnight."""

    kind: DutyKind = "watch"
    starts: time
    ends: time

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.starts == self.ends:
            raise ValueError("a watch begins and ends at different times")
        return self


class Once(_Model):
    """A duty with a date, e.g. cargo work or leaving the berth."""

    kind: DutyKind
    starts_at: datetime
    ends_at: datetime

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None or self.ends_at <= self.starts_at:
            raise ValueError("a duty needs a start and a later end, both with a time zone")
        return self


class CrewPlan(_Model):
    """One responsible crew member as the ship states it. `rests`: rest already taken or planned, UTC; where none is stated,
    everything outside the duties counts as planned rest, which is the most that the ship can mean.
    """

    seat: str = Field(min_length=1)
    utc_offset_min: int = Field(default=480, ge=-720, le=840)
    daily: tuple[Daily, ...] = ()
    once: tuple[Once, ...] = ()
    rests: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a time cannot be: the crew member, the rule (a duty's kind, or ``scheme:rule``), and the words."""

    seat: str
    rule: str
    reason: Text


@cache
def rest_scheme() -> RestScheme:
    return load_scheme(REST_SCHEME)


def duty_spans(plan: CrewPlan, first: datetime, last: datetime) -> list[tuple[DutyKind, datetime, datetime]]:
    """Every duty that touches the stretch, UTC, in order."""
    found: list[tuple[DutyKind, datetime, datetime]] = [(one.kind, one.starts_at, one.ends_at) for one in plan.once]
    offset = timedelta(minutes=plan.utc_offset_min)
    day = (first + offset - _DAY).date()
    while day <= (last + offset).date():
        for one in plan.daily:
            starts = datetime.combine(day, one.starts, tzinfo=UTC) - offset
            ends = datetime.combine(day if one.ends > one.starts else day + _DAY, one.ends, tzinfo=UTC) - offset
            found.append((one.kind, starts, ends))
        day += _DAY
    return sorted(((kind, a, b) for kind, a, b in found if b > first and a < last), key=lambda one: one[1:])


def planned_rest(plan: CrewPlan, first: datetime, last: datetime) -> list[Span]:
    """The rests the ship states, or what its duties leave."""
    if plan.rests:
        return [(max(first, a), min(last, b)) for a, b in plan.rests if b > first and a < last]
    return without([(first, last)], [(a, b) for _, a, b in duty_spans(plan, first, last)])


def without(spans: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """`spans` less everything in `taken`."""
    left = list(spans)
    for start, end in taken:
        cut: list[Span] = []
        for a, b in left:
            cut += [piece for piece in ((a, min(b, start)), (max(a, end), b)) if piece[1] > piece[0]]
        left = cut
    return left


def clashes(plan: CrewPlan, start: datetime, end: datetime) -> list[Clash]:
    """Why this crew member cannot take part from `start` to `end`; empty = nothing speaks against it.

    Rest: the appointment is work. It is refused if it makes a rule broken that was kept, or a broken one worse, in any window
    that touches it (a week before and after; a window that the ship has not stated is not judged).
    """
    found: list[Clash] = []
    for kind, a, b in duty_spans(plan, start, end):
        if a < end and start < b:
            found.append(Clash(plan.seat, kind, _duty_words(kind, plan.seat, a, b)))
    if found:
        return found
    rules = rest_scheme()
    covered = _covered(plan, start, end)
    rests, before = _as_planned(plan, rules.id, *covered)
    after = check_rest(rules, without(rests, [(start, end)]), covered, utc_offset_min=plan.utc_offset_min)
    basis = {rule.id: rule.basis for rule in rules.rules}
    for rule in dict.fromkeys(one.rule for one in after):
        worse = _worse(rule, before, after)
        if worse is not None:
            found.append(Clash(plan.seat, f"{rules.id}:{rule}", _rest_words(plan.seat, worse, rule, basis[rule])))
    return found


@lru_cache(maxsize=256)  # a grid of times asks for the same days again and again
def _as_planned(
    plan: CrewPlan, _scheme: str, first: datetime, last: datetime
) -> tuple[tuple[Span, ...], tuple[RestBreach, ...]]:
    """Rests without the appointment, and what they break by themselves."""
    rests = planned_rest(plan, first, last)
    return tuple(rests), tuple(check_rest(rest_scheme(), rests, (first, last), utc_offset_min=plan.utc_offset_min))


def _covered(plan: CrewPlan, start: datetime, end: datetime) -> Span:
    """The stretch to judge, in whole days: what is stated, or a week around."""
    if plan.rests:
        return min(a for a, _ in plan.rests), max(end, *(b for _, b in plan.rests))
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - 7 * _DAY, midnight + ((end - midnight) // _DAY + 8) * _DAY


def _worse(rule: str, before: Sequence[RestBreach], after: Sequence[RestBreach]) -> RestBreach | None:
    """The first stretch of `after` that is not covered by an equally bad one of `before`."""
    known = [one for one in before if one.rule == rule]
    for one in after:
        if one.rule != rule:
            continue
        same = [old for old in known if old.first_utc <= one.first_utc and one.last_utc <= old.last_utc]
        if not any(abs(old.value_h - old.limit_h) >= abs(one.value_h - one.limit_h) for old in same):
            return one
    return None


def _duty_words(kind: DutyKind, seat: str, start: datetime, end: datetime) -> Text:
    return _both(f"inspection.clash.{kind}", seat=seat, start=f"{start:%m-%d %H:%M}", end=f"{end:%m-%d %H:%M}")


def _rest_words(seat: str, broken: RestBreach, rule: str, basis: str) -> Text:
    return _both(
        "inspection.clash.rest", seat=seat, rule=rule, basis=basis, value=f"{round(broken.value_h, 2):g}", limit=f"{broken.limit_h:g}",
        start=f"{broken.first_utc:%m-%d %H:%M}", end=f"{broken.last_utc:%m-%d %H:%M}",
    )  # fmt: skip


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
