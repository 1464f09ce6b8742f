"""Owns the dossier of one ship: what the register holds about it by every source, and all that these records already prove.

Never judges: the checks do; what a check says in codes is put in words here, and the check's own result stays beside it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from ais.camera_service import BerthView, berth_view
from ais.certificates import Judged, judge_certificate, load_terms
from ais.codes import ship_types
from ais.crosscheck import cross_check, load_checks, statements
from ais.decisions import Decision, decisions
from ais.event_store import PortCall, events, port_calls
from ais.join import Comparison, MatchedBy
from ais.manning import LineResult, by_seafarer, load_capacities, manning_proofs, match_crew
from ais.ports import RiskSources
from ais.proofs import Proof
from ais.records import Certificate, CrewCertificate, ManningLine, PortReport, RestPeriod
from ais.register import Particular, particulars
from ais.register_store import Inspection, RegisterValue, load_records, load_register
from ais.rest import load_scheme
from ais.rest_proofs import ShipState, against_ais, load_against_ais, rest_proofs
from ais.risk_signals import RiskSignal
from ais.targets_service import known_ship, port_day_end, signals_of
from ais.text import Bilingual
from config import pack_path
from core.catalogue import entries
from core.context import Services
from core.errors import NotFound
from core.workdays import local_day

REST_SCHEME = "stcw_mlc_rest"
REST_DAYS = 92  # of the record before the day of the question; three months, as much as one visit looks at
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one source; `counts`: the one that the reckoning takes; `differs`: another source says otherwise."""

    value: RegisterValue
    counts: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate as judged, with its name."""

    name: Bilingual
    judged: Judged


@dataclass(frozen=True, slots=True)
class Records:
    """What the register holds about a ship, of every kind."""

    certificates: tuple[Certificate, ...] = ()
    crew: tuple[CrewCertificate, ...] = ()
    manning: tuple[ManningLine, ...] = ()
    rest: tuple[RestPeriod, ...] = ()
    reports: tuple[PortReport, ...] = ()
    inspections: tuple[Inspection, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """How the ship that is heard was found in the register, how sure that is (0 to 1), and what both say in three states."""

    matched_by: MatchedBy
    confidence: float
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that is known about a ship on a day. `departs_on`: from its exit report; None = not reported.

    `match` None = not in the picture. `missing`: kinds of records that the register does not hold, so that nothing could be checked with them.
    """

    imo: int
    on: date
    known_at: datetime
    name: str | None
    mmsi: int | None
    departs_on: date | None
    facts: tuple[Fact, ...]
    papers: tuple[Paper, ...]
    manning: tuple[LineResult, ...]
    proofs: tuple[Proof, ...]
    missing: tuple[str, ...]
    inspections: tuple[Inspection, ...]
    reports: tuple[PortReport, ...]
    calls: tuple[PortCall, ...]
    signals: tuple[RiskSignal, ...]
    decisions: tuple[Decision, ...]
    berth: BerthView | None
    match: Match | None

    def of(self, *kinds: str) -> tuple[Proof, ...]:
        """The proofs of these kinds, what fails first."""
        order = ("failed", "due", "unknown", "ok")
        return tuple(sorted((one for one in self.proofs if one.kind in kinds), key=lambda one: order.index(one.state)))


def dossier(services: Services, sources: RiskSources, imo: int, on: date) -> Dossier:
    """What was known about the ship at the end of that day at the port.

    Raises:
        NotFound: neither a value nor a record of the ship had been entered by then.
    """
    known_at = port_day_end(on)
    with services.db.read() as session:
        values = load_register(session, known_at, imo)
        held = Records(
            certificates=tuple(load_records(session, Certificate, imo, known_at)),
            crew=tuple(load_records(session, CrewCertificate, imo, known_at)),
            manning=tuple(load_records(session, ManningLine, imo, known_at)),
            rest=tuple(load_records(session, RestPeriod, imo, known_at)),
            reports=tuple(load_records(session, PortReport, imo, known_at)),
            inspections=tuple(load_records(session, Inspection, imo, known_at)),
        )
    if not values and held == Records():
        raise NotFound("ais.not_registered", imo=imo)
    entry = next(iter(particulars(values)), None)
    signals: tuple[RiskSignal, ...] = ()
    match: Match | None = None
    mmsi = _mmsi(entry)
    try:
        ship = known_ship(services, str(imo), on)
        signals, mmsi = signals_of(services, sources, ship, on), ship.live.mmsi
        match = Match(ship.join.matched_by, ship.join.confidence, ship.join.comparisons)
    except NotFound:  # not in the picture: nothing is heard of it
        pass
    states: list[ShipState] = []
    calls: list[PortCall] = []
    berth: BerthView | None = None
    if mmsi is not None:
        with services.db.ais_read() as session:
            calls = [one for one in port_calls(session, mmsi=mmsi) if one.arrived_at <= known_at]
            since = known_at - timedelta(days=REST_DAYS)
            states = [
                ShipState(one.kind, one.began_at, one.ended_at or known_at, "AIS")
                for one in events(session, mmsi=mmsi, since=since)
                if one.began_at <= known_at
            ]
        berth = berth_view(services, mmsi, known_at, calls)
    departs = departure(held.reports, on)
    papers = judged_papers(held.certificates, on, departs)
    lines = manning_lines(held, on, departs)
    return Dossier(
        imo=imo, on=on, known_at=known_at, name=None if entry is None else entry.get("name"), mmsi=mmsi, departs_on=departs,
        facts=_facts(values, entry), papers=papers, manning=lines, proofs=prove(held, papers, lines, entry, states, on, departs),
        missing=tuple(name for name in ("certificates", "crew", "manning", "rest") if not getattr(held, name)),
        inspections=tuple(sorted(held.inspections, key=lambda one: one.inspected_on, reverse=True)),
        reports=tuple(sorted(held.reports, key=lambda one: one.planned_at, reverse=True)), calls=tuple(calls), signals=signals,
        decisions=tuple(decisions(services, known_at, str(imo))), berth=berth, match=match,
    )  # fmt: skip


def departure(reports: Sequence[PortReport], on: date) -> date | None:
    """The day at the port of the next exit that the ship reported."""
    days = (local_day(one.planned_at) for one in reports if one.movement == "out")
    return min((day for day in days if day >= on), default=None)


def judged_papers(papers: Sequence[Certificate], on: date, departs_on: date | None) -> tuple[Paper, ...]:
    """Every certificate judged, by name; a later one of the same kind first."""
    terms, names = load_terms(), certificate_names()
    found = [
        Paper(names.get(one.code, Bilingual(one.code, one.code)), judge_certificate(terms, one, on, departs_on))
        for one in papers
    ]
    return tuple(sorted(found, key=lambda one: (one.name.en, -(one.judged.certificate.expires_on or date.min).toordinal())))


def manning_lines(held: Records, on: date, departs_on: date | None) -> tuple[LineResult, ...]:
    """The manning document against the crew; nothing where either is not in the register."""
    if not (held.manning and held.crew):
        return ()
    found = match_crew(load_capacities(), held.manning, held.crew, on, departs_on)
    return tuple(
        replace(
            one, failing=tuple(replace(who, reasons=tuple(in_words(reason) for reason in who.reasons)) for who in one.failing)
        )
        for one in found
    )


def prove(
    held: Records,
    papers: Sequence[Paper],
    lines: Sequence[LineResult],
    entry: Particular | None,
    states: Sequence[ShipState],
    on: date,
    departs_on: date | None,
) -> tuple[Proof, ...]:
    """Run every check for which there are records; nothing is said where there are none."""
    found = [replace(one.judged.proof, label=one.name) for one in papers]
    found += cross_check(load_checks(), statements(held.certificates, entry, on), departs_on or on)
    found += manning_proofs(load_capacities(), lines)
    end = port_day_end(on)
    recent = [one for one in held.rest if end - timedelta(days=REST_DAYS) <= one.starts_at and one.ends_at <= end]
    if recent:
        covered = (min(one.starts_at for one in recent), max(one.ends_at for one in recent))
        found += rest_proofs(load_scheme(REST_SCHEME), recent, covered)
        found += against_ais(load_against_ais(), recent, by_seafarer(lines), states, covered)
    return tuple(replace(one, label=in_words(one.label), reason=in_words(one.reason)) for one in found)


@cache
def certificate_names() -> dict[str, Bilingual]:
    """Names of certificates by their code, from the list of papers to ask for."""
    pack = tomllib.loads(pack_path("checklists", "certificates_2026_1.toml").read_text(encoding="utf-8"))
    return {one["id"]: Bilingual(one["zh"], one["en"]) for one in pack["certificate"]}


@cache
def _words() -> dict[str, Bilingual]:
    prefix = "ship.word."
    said = {
        key.removeprefix(prefix): Bilingual(one["zh"], one["en"]) for key, one in entries().items() if key.startswith(prefix)
    }
    types = {code: Bilingual(label.zh, label.en) for code, label in ship_types().types.items()}
    return types | certificate_names() | said


def in_words(said: Bilingual) -> Bilingual:
    """The same with every code that has a name replaced by it: ``DOC.company_imo``, ``able_seafarer_deck``, ``R8-NEEDED``."""
    words = _words()

    def put(match: re.Match[str], *, zh: bool) -> str:
        word = words.get(match[0])
        return match[0] if word is None else word.zh if zh else word.en

    return Bilingual(
        _TOKEN.sub(lambda match: put(match, zh=True), said.zh), _TOKEN.sub(lambda match: put(match, zh=False), said.en)
    )


def _mmsi(entry: Particular | None) -> int | None:
    text = None if entry is None else entry.get("mmsi")
    return None if text is None else int(text)


def _facts(values: Sequence[RegisterValue], entry: Particular | None) -> tuple[Fact, ...]:
    if entry is None:
        return ()
    differing = {one.field for one in entry.others}
    return tuple(
        Fact(one, entry.values[one.field] is one, one.field in differing) for one in sorted(values, key=lambda one: one.field)
    )
