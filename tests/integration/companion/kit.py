"""A window with a clock: applies, acts and reads case files with the papers a definition asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from companion import service
from companion.definition import Definition, Procedures, procedures
from companion.model import Actor, Answer, Apply, CaseFile, Command, Confirm, Result, Role, Supply, Take
from core.clock import ManualClock
from core.context import Services
from core.workdays import SHANGHAI

PAPER = "0" * 64
FIRM = "91210800TEST000001"


@dataclass
class Window:
    """Everything a test does goes through the service, as for a person."""

    services: Services
    clock: ManualClock
    known: Procedures | None = None

    def at(self, day: str, hour: int = 10, minute: int = 0, second: int = 0) -> None:
        """Move the clock to a local time."""
        target = datetime.combine(date.fromisoformat(day), time(hour, minute, second), SHANGHAI)
        self.clock.advance((target - self.clock.now()).total_seconds())

    def procedure(self, key: str) -> Definition:
        on = (self.clock.now() + timedelta(hours=8)).date()
        return (self.known or procedures()).current(key, on)

    def papers(self, key: str, without: str | None = None, klass: str | None = None) -> dict[str, str]:
        wanted = [part for part in self.procedure(key).documents if part.role == "upfront"]
        return {part.id: PAPER for part in wanted if part.id != without and (not part.classes or klass in part.classes)}

    def apply(self, key: str, facts: dict, subject: str = FIRM, **more) -> Result:
        more.setdefault("documents", self.papers(key))
        more.setdefault("commitment_signed", True)
        return service.submit(self.services, Actor(subject, Role.APPLICANT), key, Apply(subject=subject, facts=facts, **more),
                              known=self.known)  # fmt: skip

    def act(self, case: CaseFile, command: Command, role: Role = Role.APPROVAL, user: str = "officer-1") -> Result:
        return service.act(self.services, Actor(user, role), case.id, command, known=self.known)

    def take(self, case: CaseFile, step: str, role: Role = Role.APPROVAL, items: tuple[str, ...] = (), **facts) -> Result:
        return self.act(case, Take(step=step, facts=facts, items=items), role)

    def supply(self, case: CaseFile, document: str, sha256: str = PAPER) -> Result:
        return self.act(case, Supply(document=document, sha256=sha256), Role.APPLICANT, case.subject)

    def confirm(self, case: CaseFile, role: Role = Role.APPROVAL, user: str = "officer-1", proposal: str = "p1") -> Result:
        return self.act(case, Confirm(proposal=proposal, reason="as proposed"), role, user)

    def answer(self, case: CaseFile, effect: str, *, uphold: bool, user: str = "lawyer-1") -> Result:
        return self.act(case, Answer(effect=effect, uphold=uphold, reason="heard both sides"), Role.LEGAL, user)

    def now(self, case: CaseFile) -> CaseFile:
        return service.case_file(self.services, case.id)


def rules(result: Result) -> list[str]:
    """Names of the rules that stood in the way."""
    return [reason.rule for reason in result.reasons]


def effects(case: CaseFile) -> dict[str, str]:
    """Effect -> state."""
    return {active.effect: active.state for active in case.effects.values()}
