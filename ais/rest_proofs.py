"""Owns the results of rest checks for a whole crew: by seafarer and rule, and against the ship's movements.

Never turns a doubt into a deficiency: a person asks first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pydantic import BaseModel, ConfigDict

from ais.proofs import Input, Proof
from ais.records import RestPeriod
from ais.rest import RestBreach, RestScheme, check_rest
from ais.text import Bilingual, say
from config import pack_path
from core.clock import rfc3339

Covered = tuple[datetime, datetime]


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _AgainstRule(_Pack):
    id: str
    states: frozenset[str]
    needed: tuple[str, ...]


class AgainstAis(_Pack):
    """`config/rest/against_ais.toml`."""

    id: str
    version: str
    source: str
    overlap_minutes: int
    psc_codes: tuple[str, ...]
    rules: tuple[_AgainstRule, ...]


@dataclass(frozen=True, slots=True)
class ShipState:
    """What AIS shows the ship doing: ``under_way``, ``manoeuvring``, ``arrival``, … Source: a track or an event."""

    state: str
    began_at: datetime
    ended_at: datetime
    source: str


@cache
def load_against_ais() -> AgainstAis:
    return AgainstAis.model_validate(tomllib.loads(pack_path("rest", "against_ais.toml").read_text(encoding="utf-8")))


def by_person(periods: Sequence[RestPeriod]) -> dict[str, list[tuple[datetime, datetime]]]:
    """Rests by seafarer."""
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for one in periods:
        found.setdefault(one.seafarer, []).append((one.starts_at, one.ends_at))
    return found


def rest_proofs(
    scheme: RestScheme, periods: Sequence[RestPeriod], covered: Covered, ages: Mapping[str, int] | None = None
) -> list[Proof]:
    """One result for each seafarer and broken rule, or one that says nothing is broken."""
    sources = {one.seafarer: f"{one.source} ({one.as_of.isoformat()})" for one in periods}
    found: list[Proof] = []
    for person, rests in sorted(by_person(periods).items()):
        breaches = check_rest(scheme, rests, covered, age=(ages or {}).get(person))
        inputs = (Input("rest_periods", str(len(rests)), sources[person]), Input("covered", _span(*covered), sources[person]))
        for rule in scheme.rules:
            own = [one for one in breaches if one.rule == rule.id]
            if own:
                found.append(_broken(scheme, rule.id, rule.basis, rule.psc_codes, person, own, inputs))
        if not breaches:
            hours = round((covered[1] - covered[0]) / timedelta(hours=1))
            label = Bilingual(scheme.name.zh, scheme.name.en)
            reason = say("proof.rest.ok", name=label, windows=hours)
            found.append(Proof("rest", scheme.id, person, label, "ok", "ok", reason, scheme.source, (), inputs))
    return found


def _broken(
    scheme: RestScheme,
    rule: str,
    basis: str,
    codes: tuple[str, ...],
    person: str,
    breaches: Sequence[RestBreach],
    inputs: tuple[Input, ...],
) -> Proof:
    first = breaches[0]
    reason = say(
        "proof.rest.failed", first=rfc3339(first.first_utc)[:16], last=rfc3339(first.last_utc)[:16],
        value=f"{first.value_h:g}", limit=f"{first.limit_h:g}", count=len(breaches),
    )  # fmt: skip
    spans = tuple(Input("stretch", _span(one.first_utc, one.last_utc), None) for one in breaches)
    label = Bilingual(f"{scheme.name.zh} {rule}", f"{scheme.name.en} {rule}")
    return Proof("rest", f"{scheme.id}:{rule}", person, label, "failed", "broken", reason, basis, codes, (*inputs, *spans))


def against_ais(
    rules: AgainstAis,
    periods: Sequence[RestPeriod],
    capacities: Mapping[str, str],
    states: Sequence[ShipState],
    covered: Covered,
) -> list[Proof]:
    """Doubts: nobody at work, or somebody needed at rest, while the ship was doing what `rules` name.

    `capacities`: seafarer -> capacity. A state outside the time that the record covers is not judged.
    """
    rests = by_person(periods)
    least = timedelta(minutes=rules.overlap_minutes)
    found: list[Proof] = []
    for state in states:
        if state.began_at < covered[0] or state.ended_at > covered[1] or state.ended_at - state.began_at < least:
            continue
        resting = sorted(person for person, own in rests.items() if _rests_through(own, state))
        for rule in rules.rules:
            if state.state not in rule.states:
                continue
            needed = [person for person in resting if capacities.get(person) in rule.needed]
            people = needed if rule.needed else resting if rests and len(resting) == len(rests) else []
            if people:
                found.append(_doubt(rules, rule.id, state, people))
    return found


def _rests_through(rests: Sequence[tuple[datetime, datetime]], state: ShipState) -> bool:
    reached = state.began_at
    for start, end in sorted(rests):
        if start > reached:
            break
        reached = max(reached, end)
    return reached >= state.ended_at


def _doubt(rules: AgainstAis, rule: str, state: ShipState, people: Sequence[str]) -> Proof:
    names = ", ".join(people)
    reason = say(
        "proof.rest_ais.failed", first=rfc3339(state.began_at)[:16], last=rfc3339(state.ended_at)[:16], state=state.state,
        people=names,
    )  # fmt: skip
    inputs = (Input(state.state, _span(state.began_at, state.ended_at), state.source), Input("resting", names, None))
    label = Bilingual(rule, rule)
    return Proof("rest_ais", f"{rules.id}:{rule}", names, label, "due", "doubt", reason, rules.source, rules.psc_codes, inputs)


def _span(first: datetime, last: datetime) -> str:
    return f"{rfc3339(first)} – {rfc3339(last)}"
