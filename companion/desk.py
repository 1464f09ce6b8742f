"""Owns what a desk sees: one case file with what the viewer may do now, and what waits across case files.

Never decides. One case file is folded from its events; what waits across all of them is kept in rows and only read.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from companion import store
from companion.definition import Definition, Document, Effect, EffectTable, Procedures, Step, Text, procedures
from companion.evolve import fold
from companion.model import ActiveEffect, CaseFile, Event, Obligation, Proposal, Role
from core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the definition, and whether it is in. `asked`: the applicant has to bring it (now or later)."""

    document: Document
    sha256: str | None
    asked: bool


@dataclass(frozen=True, slots=True)
class Owed:
    """An obligation with its words."""

    obligation: Obligation
    title: Text | None
    responsible: Text | None
    owed_by: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal with the effects it would have, and whether the viewer may confirm it."""

    proposal: Proposal
    title: Text
    clause: Text
    effects: tuple[Effect, ...]
    may_confirm: bool


@dataclass(frozen=True, slots=True)
class Ordered:
    """An effect that was ordered."""

    active: ActiveEffect
    effect: Effect


@dataclass(frozen=True, slots=True)
class Sheet:
    """One case file as a desk shows it."""

    case: CaseFile
    definition: Definition
    steps: tuple[Step, ...]
    papers: tuple[Paper, ...]
    owed: tuple[Owed, ...]
    proposals: tuple[Proposed, ...]
    effects: tuple[Ordered, ...]
    events: tuple[Event, ...]

    @property
    def state(self) -> Text | None:
        return self.definition.states.get(self.case.state)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits at a desk."""

    case_id: str
    key: str
    subject: str
    kind: str
    part: str


def sheet(session: Session, case_id: str, role: Role, known: Procedures | None = None) -> Sheet:
    """A case file with the steps this role may take now. Raises NotFound."""
    row = store.case_row(session, case_id)
    table = known or procedures()
    definition = table.version(row.key, row.version)
    case = store.case_file(session, case_id)
    return Sheet(
        case=case,
        definition=definition,
        steps=tuple(step for step in definition.steps if _may(step, case, role)),
        papers=tuple(_papers(definition, case)),
        owed=tuple(_owed(definition, case, session)),
        proposals=tuple(_proposals(definition, case, table, role)),
        effects=tuple(Ordered(active, table.effects.named(active.effect)) for active in case.effects.values()),
        events=tuple(store.events_of(session, case_id)),
    )


def waiting(session: Session, role: Role, limit: int = 200) -> list[Waiting]:
    """Open proposals and objections, and steps of this role, over all case files, the newest first."""
    return [Waiting(*row) for row in store.waiting(session, role.value, limit)]


def waits_of(definition: Definition, case: CaseFile, effects: EffectTable) -> set[tuple[str, str, str]]:
    """(role, kind, part) of everything somebody may do on a case file now; kept in the transaction that changed it."""
    found: set[tuple[str, str, str]] = set()
    for one in case.proposals.values():
        if one.state == "open" and definition.breach(one.breach) is not None:
            allowed = [set(effects.named(name).confirmed_by) for name in one.effects]
            found |= {(role.value, "proposal", one.breach) for role in set.intersection(*allowed)}
    found |= {(Role.LEGAL.value, "objection", one.effect) for one in case.effects.values() if one.state == "objected"}
    found |= {(role.value, "step", step.id) for step in definition.steps for role in step.by if _may(step, case, role)}
    return found


def catch_up(session: Session, case_ids: list[str], known: Procedures) -> None:
    """Note what waits on case files that were written before it was kept; nothing waits where the procedure is gone."""
    rows, stored = store.lock_cases(session, case_ids), store.events_of_many(session, case_ids)
    waits: dict[str, set[tuple[str, str, str]]] = {case_id: set() for case_id in rows}
    for row in rows.values():
        with suppress(NotFound):
            definition = known.version(row.key, row.version)
            waits[row.id] = waits_of(definition, fold(stored[row.id], CaseFile(id=row.id)), known.effects)
        row.waits_known = True
    store.write_waiting(session, waits)


def _may(step: Step, case: CaseFile, role: Role) -> bool:
    fresh = step.again or step.id not in case.steps
    return not step.automatic and role in step.by and case.state in step.from_ and fresh


def _papers(definition: Definition, case: CaseFile) -> Iterable[Paper]:
    for part in definition.documents:
        asked = part.role in ("upfront", "committed") and (not part.classes or case.klass in part.classes)
        yield Paper(part, case.documents.get(part.id), asked)


def _owed(definition: Definition, case: CaseFile, session: Session) -> Iterable[Owed]:
    by = {row.id: row.owed_by for row in store.obligations_of_case(session, case.id)}
    for known in case.obligations.values():
        term = definition.deadline(known.deadline)
        yield Owed(known, term.title if term else None, term.responsible if term else None, by.get(known.id, "applicant"))


def _proposals(definition: Definition, case: CaseFile, table: Procedures, role: Role) -> Iterable[Proposed]:
    for one in case.proposals.values():
        breach = definition.breach(one.breach)
        if breach is None:
            continue
        effects = tuple(table.effects.named(name) for name in one.effects)
        yield Proposed(one, breach.title, breach.clause, effects, all(role in effect.confirmed_by for effect in effects))
