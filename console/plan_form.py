"""Owns the form of an appointment's plan: fields to a plan and a plan back to fields.

Never computes a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from ais import Port
from core.errors import InputError
from inspection import plan_text
from inspection.duties import CrewPlan
from inspection.plan_book import Invitee, Plan
from inspection.slots import LinkTest

ROWS = 5
NO_PLAN = "-"
ELSEWHERE = "elsewhere"
ANCHORAGE = "anchorage"
_FIRST = (
    ("master", "crew_guest"),
    ("chief-officer", "crew_guest"),
    ("dpa", "company_staff"),
    ("class", "class_surveyor"),
    ("", "crew_guest"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of people: invitee and duties as text."""

    seat: str
    role: str
    name: str = ""
    channel: str = "email"
    recipient: str = ""
    lang: str = "en"
    responsible: bool = False
    watches: str = ""
    once: str = ""
    rests: str = ""
    zone: str = "480"


def rows_of(plan: Plan | None) -> list[Row]:
    """The people of a plan, or the usual ones, padded to `ROWS`."""
    if plan is None:
        return [Row(seat, role, responsible=seat == "master") for seat, role in _FIRST]
    crew = {one.seat: one for one in plan.crew}
    rows = [
        Row(
            one.seat, one.role, one.name, one.channel.value, one.recipient, one.lang, one.responsible,
            **_duty_text(crew.get(one.seat)),
        )
        for one in plan.invitees
    ]  # fmt: skip
    return rows + [Row("", "crew_guest")] * (ROWS - len(rows))


def weather_lines(plan: Plan | None) -> str:
    lines = []
    for one in plan.weather if plan else ():
        values = [one.wind_m_s, one.gust_m_s, one.visibility_m]
        numbers = ["-" if value is None else f"{value:g}" for value in values]
        lines.append(" ".join([_iso(one.starts_at), _iso(one.ends_at), *numbers, *(["rain"] if one.rain else [])]))
    return "\n".join(lines)


def plan_from(values: Mapping[str, str], port: Port) -> Plan:
    """A plan from the form's fields.

    Raises:
        InputError: a line, number or field that cannot be read.
    """
    place, lonlat = _place(values, port)
    invitees, crew = [], []
    try:
        for number in range(ROWS):
            prefix = f"p{number}_"
            seat = values.get(f"{prefix}seat", "").strip().lower()
            if not seat:
                continue
            invitees.append(
                Invitee.model_validate(
                    {
                        "seat": seat, "role": values.get(f"{prefix}role", ""), "name": values.get(f"{prefix}name", "").strip(),
                        "channel": values.get(f"{prefix}channel", "email"), "recipient": values.get(f"{prefix}recipient", "").strip(),
                        "lang": values.get(f"{prefix}lang", "en"), "responsible": f"{prefix}responsible" in values,
                    }
                )
            )  # fmt: skip
            stated = plan_text.crew_plan_from(seat, values, prefix)
            if stated.daily or stated.once or stated.rests:
                crew.append(stated)
        return Plan(
            place=place, lonlat=lonlat, arrives_at=plan_text.optional_time(values.get("arrives_at", "")),
            departs_at=plan_text.optional_time(values.get("departs_at", "")), weather=plan_text.weather(values.get("weather", "")),
            link=_link(values), crew=tuple(crew), invitees=tuple(invitees),
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError("console.validation", where=".".join(str(one) for one in first["loc"]), reason=first["msg"]) from error


def _place(values: Mapping[str, str], port: Port) -> tuple[str, tuple[float, float]]:
    berth = next((one for one in port.berths if one.id == values.get("berth")), None)
    if berth is not None:
        (west, south), (east, north) = berth.quay
        return f"{berth.name.zh} / {berth.name.en}", ((west + east) / 2, (south + north) / 2)
    if values.get("berth") == ANCHORAGE:
        count = len(port.anchorage)
        centre = (sum(one[0] for one in port.anchorage) / count, sum(one[1] for one in port.anchorage) / count)
        return "锚地 / anchorage", centre
    try:
        lon, lat = (float(one) for one in values.get("lonlat", "").replace("，", ",").split(","))
    except ValueError as error:
        raise InputError("console.validation", where="lonlat", reason=values.get("lonlat", "")[:40]) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InputError("console.validation", where="lonlat", reason=values.get("lonlat", "")[:40])
    return values.get("place", "").strip() or f"{lat:.4f}, {lon:.4f}", (lon, lat)


def _link(values: Mapping[str, str]) -> LinkTest | None:
    typed = [values.get(f"link_{name}", "").strip() for name in ("up", "rtt", "loss")]
    if not any(typed):
        return None
    try:
        up, rtt, loss = (float(one) for one in typed)
        at = plan_text.utc_time(values.get("link_at", "") or "1970-01-01")
        return LinkTest(at=at, up_kbps=up, rtt_ms=rtt, loss_pct=loss)
    except ValueError as error:
        raise InputError("console.validation", where="link", reason=", ".join(typed)) from error


def _duty_text(crew: CrewPlan | None) -> dict[str, str]:
    if crew is None:
        return {}
    return {
        "watches": " ".join(f"{one.starts:%H:%M}-{one.ends:%H:%M}" for one in crew.daily),
        "once": "\n".join(f"{_iso(one.starts_at)} {_iso(one.ends_at)} {one.kind}" for one in crew.once),
        "rests": "\n".join(f"{_iso(a)} {_iso(b)}" for a, b in crew.rests),
        "zone": str(crew.utc_offset_min),
    }


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"
