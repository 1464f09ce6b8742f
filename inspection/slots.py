"""Owns finding the times at which everything due can be done at once: stay, daylight, weather, link, duties and rest of the crew.

Never picks one: it proposes, and where nothing is left it says which rules stand in the way and how often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.catalogue import text
from inspection.appointment import AppointmentRules, PortStay, Slot, light_throughout, on_grid
from inspection.duties import Clash, CrewPlan, clashes
from inspection.record import Text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weather(_Model):
    """A stretch of the forecast as the officer enters it, or takes it from the weather service. None = not said."""

    starts_at: datetime
    ends_at: datetime
    wind_m_s: float | None = Field(default=None, ge=0)
    gust_m_s: float | None = Field(default=None, ge=0)
    visibility_m: float | None = Field(default=None, ge=0)
    rain: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None or self.ends_at <= self.starts_at:
            raise ValueError("a forecast needs a start and a later end, both with a time zone")
        return self


class LinkTest(_Model):
    """What a test call from the ship measured."""

    at: datetime
    up_kbps: float = Field(ge=0)
    rtt_ms: float = Field(ge=0)
    loss_pct: float = Field(ge=0, le=100)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything that decides whether a time is good, besides the stay."""

    weather: tuple[Weather, ...] = ()
    link: LinkTest | None = None
    crew: tuple[CrewPlan, ...] = ()
    survey: bool = True
    wind_limit_m_s: float = 8.0
    gust_limit_m_s: float = 12.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A rule that stood in the way, how many times of the grid it took, and its words for the first of them."""

    rule: str
    times: int
    example: Text


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """What was found. `tried`: times looked at; `obstacles`: the commonest first."""

    slots: tuple[Slot, ...]
    tried: int
    obstacles: tuple[Obstacle, ...]
    notes: tuple[Text, ...]


def find_slots(now: datetime, stay: PortStay, length: timedelta, rules: AppointmentRules, given: Conditions) -> SlotPlan:
    """The earliest good times on the grid. A time is good if nothing speaks against it; no rule is traded against another."""
    counted: Counter[str] = Counter()
    examples: dict[str, Text] = {}
    found: list[Slot] = []
    tried = 0
    notes = _notes(given)
    start, latest = window(now, stay, rules)
    step = timedelta(minutes=rules.step_minutes)
    while start + length <= latest and len(found) < rules.proposals:
        tried += 1
        against = list(against_slot(start, start + length, stay, rules, given))
        for one in {clash.rule: clash for clash in against}.values():
            counted[one.rule] += 1
            examples.setdefault(one.rule, one.reason)
        if not against:
            found.append(
                Slot(start, start + length, light_throughout(stay.position, start, length, step, rules.min_sun_elevation_deg))
            )
            start = on_grid(start + length, step)
        else:
            start += step
    if tried == 0:
        counted["stay"], examples["stay"] = 1, _both("inspection.clash.stay", place=stay.place)
    obstacles = tuple(Obstacle(rule, times, examples[rule]) for rule, times in counted.most_common())
    return SlotPlan(tuple(found), tried, obstacles, notes)


def window(now: datetime, stay: PortStay, rules: AppointmentRules) -> tuple[datetime, datetime]:
    """First and last moment an appointment may touch: after the notice and the arrival, before the departure."""
    earliest = now + timedelta(hours=rules.min_notice_h)
    if stay.arrives_at is not None:
        earliest = max(earliest, stay.arrives_at + timedelta(hours=rules.settle_after_arrival_h))
    latest = now + timedelta(hours=rules.horizon_h)
    if stay.departs_at is not None:
        latest = min(latest, stay.departs_at - timedelta(hours=rules.clear_before_departure_h))
    return on_grid(earliest, timedelta(minutes=rules.step_minutes)), latest


def against_slot(start: datetime, end: datetime, stay: PortStay, rules: AppointmentRules, given: Conditions) -> Iterator[Clash]:
    """Everything that speaks against one time."""
    step = timedelta(minutes=rules.step_minutes)
    if given.survey and not light_throughout(stay.position, start, end - start, step, rules.min_sun_elevation_deg):
        yield Clash("-", "daylight", _both("inspection.clash.daylight", degrees=f"{rules.min_sun_elevation_deg:g}"))
    for one in given.weather:
        if (
            one.starts_at < end
            and start < one.ends_at
            and given.survey
            and (bad := _bad_weather(one, given, rules)) is not None
        ):
            yield Clash("-", "weather", bad)
    if given.link is not None and (weak := _weak(given.link, rules)) is not None:
        yield Clash("-", "link", weak)
    for plan in given.crew:
        yield from clashes(plan, start, end)


def _bad_weather(one: Weather, given: Conditions, rules: AppointmentRules) -> Text | None:
    words = {"start": f"{one.starts_at:%m-%d %H:%M}", "end": f"{one.ends_at:%m-%d %H:%M}"}
    if one.wind_m_s is not None and one.wind_m_s > given.wind_limit_m_s:
        return _both("inspection.clash.wind", value=f"{one.wind_m_s:g}", limit=f"{given.wind_limit_m_s:g}", **words)
    if one.gust_m_s is not None and one.gust_m_s > given.gust_limit_m_s:
        return _both("inspection.clash.gust", value=f"{one.gust_m_s:g}", limit=f"{given.gust_limit_m_s:g}", **words)
    if one.visibility_m is not None and one.visibility_m < rules.min_visibility_m:
        return _both("inspection.clash.visibility", value=f"{one.visibility_m:g}", limit=f"{rules.min_visibility_m:g}", **words)
    return _both("inspection.clash.rain", **words) if one.rain else None


def _weak(link: LinkTest, rules: AppointmentRules) -> Text | None:
    if link.up_kbps >= rules.min_up_kbps and link.loss_pct <= rules.max_loss_pct and link.rtt_ms <= rules.max_rtt_ms:
        return None
    return _both(
        "inspection.clash.link", up=f"{link.up_kbps:g}", loss=f"{link.loss_pct:g}", rtt=f"{link.rtt_ms:g}",
        min_up=f"{rules.min_up_kbps:g}", max_loss=f"{rules.max_loss_pct:g}", max_rtt=f"{rules.max_rtt_ms:g}",
    )  # fmt: skip


def _notes(given: Conditions) -> tuple[Text, ...]:
    """What was not known, so that nobody takes it for checked."""
    missing: Sequence[tuple[bool, str]] = (
        (given.link is None, "link_unknown"),
        (given.survey and not given.weather, "weather_unknown"),
        (not given.crew, "duties_unknown"),
    )
    return tuple(_both(f"inspection.slot_note.{key}") for absent, key in missing if absent)


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
