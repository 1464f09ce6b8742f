"""Owns what a desk sees: one case file with what the viewer may do now, and what waits across case files.

Never decides and never writes; every answer is folded from events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from companion import store
from companion.definition import Definition, Document, Effect, Procedures, Step, Text, procedures
from companion.model import ActiveEffect, CaseFile, Event, Obligation, Proposal, Role


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


def waiting(session: Session, role: Role, limit: int = 200, known: Procedures | None = None) -> list[Waiting]:
    """Open proposals and objections, and steps of this role, over the newest case files."""
    table = known or procedures()
    found: list[Waiting] = []
    for row in store.newest_cases(session, limit):
        definition = table.version(row.key, row.version)
        case = store.case_file(session, row.id)
        proposals = [one for one in _proposals(definition, case, table, role) if one.may_confirm]
        found += [
            Waiting(row.id, row.key, row.subject, "proposal", one.proposal.breach)
            for one in proposals
            if one.proposal.state == "open"
        ]
        if role is Role.LEGAL:
            objected = [one for one in case.effects.values() if one.state == "objected"]
            found += [Waiting(row.id, row.key, row.subject, "objection", one.effect) for one in objected]
        found += [Waiting(row.id, row.key, row.subject, "step", step.id) for step in definition.steps if _may(step, case, role)]
    return found


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
