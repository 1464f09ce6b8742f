"""Owns the life of an inspection: which step is allowed from which state, to whom and under which guards.

Never writes anything: a step is a pure decision; the table is data, ``config/statemachine/inspection.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from config import ConfigError, pack_path
from core.auth import Role
from core.errors import AccessDenied, Refused
from inspection.record import CaseState, Verdict

SYSTEM = "system"
ActorRole = Literal[
    "inspector", "supervisor", "drone_operator", "company_staff", "class_surveyor", "crew_guest", "auditor", "admin", "system"
]
STATES: tuple[CaseState, ...] = get_args(CaseState)
ROLES: tuple[ActorRole, ...] = get_args(ActorRole)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guards look at. `submitted_by`: everyone who ever submitted this case for review. `attendance_overridden`: a
    supervisor has written why a ground for detention stands without attendance. `grounds_open`: grounds not ended yet.
    """

    actor: str
    role: ActorRole
    reason: str | None = None
    verdict: Verdict | None = None
    open_conditions: frozenset[str] = frozenset()
    undecided_findings: int = 0
    detention_grounds: int = 0
    attended_by: str | None = None
    attendance_overridden: bool = False
    grounds_open: int = 0
    detained: bool = False
    submitted_by: frozenset[str] = frozenset()
    approved_by: str | None = None
    open_deficiencies: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A permitted step; `moves` is False where only content changes. A step may lead back to its own state (a second new time)."""

    action: str
    from_state: CaseState
    to_state: CaseState
    moves: bool


Guard = Callable[[Facts], bool]


def _two_signers(facts: Facts) -> bool:
    return facts.approved_by is not None and bool(facts.submitted_by) and facts.approved_by not in facts.submitted_by


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "has_reason": lambda facts: bool(facts.reason and facts.reason.strip()),
        "verdict_allows_remote": lambda facts: facts.verdict in ("remote", "remote_then_attend"),
        "verdict_refuses_remote": lambda facts: facts.verdict in ("attend_only", "none_due"),
        "conditions_confirmed": lambda facts: not facts.open_conditions,
        "findings_decided": lambda facts: facts.undecided_findings == 0,
        "another_person": lambda facts: bool(facts.submitted_by) and facts.actor not in facts.submitted_by,
        "detention_attended": lambda facts: (
            facts.detention_grounds == 0 or facts.attended_by is not None or facts.attendance_overridden
        ),
        "has_ground": lambda facts: facts.detention_grounds > 0,
        "not_detained": lambda facts: not facts.detained,
        "is_detained": lambda facts: facts.detained,
        "grounds_ended": lambda facts: facts.grounds_open == 0,
        "attended": lambda facts: facts.attended_by is not None,
        "two_signers": _two_signers,
        "deficiencies_ended": lambda facts: facts.open_deficiencies == 0,
    }
)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    action: str
    from_: list[CaseState] = Field(alias="from")
    to: CaseState | Literal["="]
    roles: list[ActorRole]
    guards: list[str]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    initial: CaseState
    final: list[CaseState]
    states: list[CaseState]
    step: list[_Row]


@dataclass(frozen=True, slots=True)
class Machine:
    """The loaded table. `rows` is keyed by (state, action): there is at most one."""

    version: str
    initial: CaseState
    final: frozenset[CaseState]
    rows: Mapping[tuple[CaseState, str], _Row]

    @property
    def actions(self) -> list[str]:
        return sorted({action for _, action in self.rows})

    def allowed(self, state: CaseState, role: ActorRole) -> list[str]:
        """Actions a role may try from a state, guards not looked at: for menus."""
        return sorted(action for (at, action), row in self.rows.items() if at == state and role in row.roles)

    def step(self, state: CaseState, action: str, facts: Facts) -> Step:
        """Decide one step.

        Raises:
            Refused: ``inspection.step_refused`` for a step that does not exist from here,
                ``inspection.guard.<name>`` for the first guard that does not hold.
            AccessDenied: the role may not do this.
        """
        row = self.rows.get((state, action))
        if row is None:
            raise Refused("inspection.step_refused", action=action, state=state)
        if facts.role not in row.roles:
            raise AccessDenied("inspection.role_refused", action=action, role=facts.role)
        for name in row.guards:
            if not GUARDS[name](facts):
                raise Refused(f"inspection.guard.{name}", action=action, state=state)
        return Step(action, state, state if row.to == "=" else row.to, moves=row.to != "=")


def load_machine(path: Path) -> Machine:
    """Read a table.

    Raises:
        ConfigError: an unknown guard, an unlisted state, a step out of a final state, or two rows for one step.
    """
    table = _Table.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    rows: dict[tuple[CaseState, str], _Row] = {}
    for row in table.step:
        if unknown := [name for name in row.guards if name not in GUARDS]:
            raise ConfigError(f"{path.name}: step {row.action!r} names an unknown guard {unknown[0]!r}")
        for state in row.from_:
            if state not in table.states or (state in table.final and row.to != "="):
                raise ConfigError(f"{path.name}: step {row.action!r} starts from {state!r}, which is final or not listed")
            if (state, row.action) in rows:
                raise ConfigError(f"{path.name}: two steps {row.action!r} from {state!r}")
            rows[state, row.action] = row
    return Machine(table.version, table.initial, frozenset(table.final), MappingProxyType(rows))


@cache
def machine() -> Machine:
    """The machine in force."""
    return load_machine(pack_path("statemachine", "inspection.toml"))


def actor_role(role: Role) -> ActorRole:
    """A signed-in role as the machine names it. Raises AccessDenied for people of the reforms service."""
    if role.value not in ROLES:
        raise AccessDenied("inspection.role_refused", action="-", role=role.value)
    return cast("ActorRole", role.value)
