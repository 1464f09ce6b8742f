"""Owns minimum safe manning as a matching of people to lines: which lines stay empty, who competes, why each candidate fails.

Never counts one person twice and never guesses a limit that a certificate does not state.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict

from ais.proofs import Input, Proof
from ais.records import CrewCertificate, ManningLine
from ais.text import Bilingual, say
from config import pack_path


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Areas(_Pack):
    order: tuple[str, ...]


class Capacities(_Pack):
    """`config/certificates/capacities.toml`."""

    id: str
    date: str
    source: str
    may_serve_as: dict[str, tuple[str, ...]]
    covers: dict[str, tuple[str, ...]]
    areas: _Areas


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a person does not fill a line: the words of the best of their certificates."""

    seafarer: str
    reasons: tuple[Bilingual, ...]


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line: who fills it, how many are missing, who fits but is needed elsewhere, and who fails by what."""

    line: ManningLine
    filled_by: tuple[str, ...]
    missing: int
    needed_elsewhere: tuple[str, ...]
    failing: tuple[Failing, ...]


@cache
def load_capacities() -> Capacities:
    return Capacities.model_validate(tomllib.loads(pack_path("certificates", "capacities.toml").read_text(encoding="utf-8")))


def match_crew(
    rules: Capacities, lines: Sequence[ManningLine], crew: Sequence[CrewCertificate], on: date, departs_on: date | None = None
) -> list[LineResult]:
    """Fill as many places as the certificates allow. A certificate has to be good on `on` and on the day of departure."""
    import networkx as nx  # noqa: PLC0415 - a third of a second at every start, and few processes match seafarers

    until = max(on, departs_on or on)
    papers: dict[str, list[CrewCertificate]] = {}
    for paper in crew:
        papers.setdefault(paper.seafarer, []).append(paper)
    people = sorted(papers)
    places = [line for line in sorted(lines, key=lambda one: one.line) for _ in range(line.count)]
    failing = {(line.line, person): _why_not(rules, line, papers[person], until) for line in lines for person in people}
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(places) + len(people)))
    graph.add_edges_from(
        (place, len(places) + number)
        for place, line in enumerate(places)
        for number, person in enumerate(people)
        if not failing[line.line, person]
    )
    matched = nx.bipartite.hopcroft_karp_matching(graph, top_nodes=range(len(places)))
    found: list[LineResult] = []
    for line in sorted(lines, key=lambda one: one.line):
        own = [place for place, other in enumerate(places) if other.line == line.line]
        filled = tuple(people[matched[place] - len(places)] for place in own if place in matched)
        missing = line.count - len(filled)
        fits = [person for person in people if not failing[line.line, person]]
        found.append(
            LineResult(
                line=line,
                filled_by=filled,
                missing=missing,
                needed_elsewhere=tuple(person for person in fits if person not in filled) if missing else (),
                failing=tuple(Failing(person, failing[line.line, person]) for person in people if failing[line.line, person])
                if missing
                else (),
            )
        )
    return found


def manning_proofs(rules: Capacities, results: Iterable[LineResult]) -> list[Proof]:
    """One result for each line."""
    return [_proof(rules, result) for result in results]


def _proof(rules: Capacities, result: LineResult) -> Proof:
    line = result.line
    outcome = "unfilled" if result.missing else "filled"
    return Proof(
        kind="manning",
        rule=f"{rules.id}:line {line.line}",
        subject=f"{line.capacity} {line.regulation}",
        label=Bilingual(f"{line.capacity} ({line.regulation})", f"{line.capacity} ({line.regulation})"),
        state="failed" if result.missing else "ok",
        outcome=outcome,
        reason=say(f"proof.manning.{outcome}", count=line.count, missing=result.missing, capacity=line.capacity,
                   people=", ".join(result.filled_by) or "-", elsewhere=", ".join(result.needed_elsewhere) or "-"),
        basis="SOLAS V/14; A.1047(27)",
        psc_codes=("01209",),
        inputs=(
            Input("manning_line", f"{line.count} x {line.capacity} {line.regulation}", f"{line.source} ({line.as_of.isoformat()})"),
            *(Input(one.seafarer, "; ".join(reason.en for reason in one.reasons), None) for one in result.failing),
        ),
    )  # fmt: skip


def _why_not(rules: Capacities, line: ManningLine, papers: Sequence[CrewCertificate], until: date) -> tuple[Bilingual, ...]:
    """Empty where one certificate does; else what the certificate nearest to doing lacks."""
    reasons = [_lacks(rules, line, paper, until) for paper in papers]
    return min(reasons, key=len)


def _lacks(rules: Capacities, line: ManningLine, paper: CrewCertificate, until: date) -> tuple[Bilingual, ...]:
    lacks: list[Bilingual] = []
    if line.capacity != paper.capacity and line.capacity not in rules.may_serve_as.get(paper.capacity, ()):
        lacks.append(say("proof.manning.capacity", has=paper.capacity, needs=line.capacity))
    if line.regulation != paper.regulation and line.regulation not in rules.covers.get(paper.regulation, ()):
        lacks.append(say("proof.manning.regulation", has=paper.regulation, needs=line.regulation))
    if paper.expires_on is not None and paper.expires_on < until:
        lacks.append(say("proof.manning.expired", expires=paper.expires_on.isoformat()))
    if _too_small(paper.max_gross_tonnage, line.gross_tonnage):
        lacks.append(say("proof.manning.tonnage", has=f"{paper.max_gross_tonnage:g}", needs=f"{line.gross_tonnage:g}"))
    if _too_small(paper.max_power_kw, line.power_kw):
        lacks.append(say("proof.manning.power", has=f"{paper.max_power_kw:g}", needs=f"{line.power_kw:g}"))
    if not _area_covers(rules.areas.order, paper.area, line.area):
        lacks.append(say("proof.manning.area", has=paper.area or "-", needs=line.area or "-"))
    if paper.endorsed_by_flag is False:
        lacks.append(say("proof.manning.endorsement"))
    return tuple(lacks)


def _too_small(limit: float | None, needed: float | None) -> bool:
    return limit is not None and needed is not None and limit < needed


def _area_covers(order: Sequence[str], has: str | None, needs: str | None) -> bool:
    if has is None or needs is None or has == needs:
        return True
    return has in order and needs in order and order.index(has) <= order.index(needs)


def by_seafarer(results: Iterable[LineResult]) -> Mapping[str, str]:
    """Seafarer -> the capacity they fill."""
    return {person: result.line.capacity for result in results for person in result.filled_by}
