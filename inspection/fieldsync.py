"""Owns merging what several devices wrote without a network: one log per device, a register per item, evidence as a set.

Never loses an operation and never hides a conflict: both values are kept until somebody who saw both decides. Pure.

Operations form a set that only grows, so the order and the number of deliveries do not matter (a state-based CRDT without a
library). An item is a multi-value register: an operation replaces those its writer had seen (`seen`, a version vector);
what nobody replaced are the heads. More than one value among the heads is a conflict; until it is resolved the value shown
is that of the highest authority, then the highest Lamport number, then the device's name, which is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inspection.record import AnswerValue

AUTHORITY: Mapping[str, int] = {"supervisor": 2, "inspector": 1}
OpId = tuple[str, int]


class FieldOp(BaseModel):
    """One thing written on a device. `n` counts the device's operations from 1 without a gap; `lamport` is higher than that of
    every operation the device knew; `monotonic_ms` is the device's own running clock, beside the wall clock `at`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    device: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    n: int = Field(ge=1)
    lamport: int = Field(ge=1)
    at: datetime
    monotonic_ms: int = Field(ge=0)
    role: Literal["inspector", "supervisor"]
    case_id: str
    item_id: str
    kind: Literal["answer", "evidence"]
    value: AnswerValue | None = None
    note: str | None = Field(default=None, max_length=4000)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    size: int | None = Field(default=None, ge=0)
    media_type: str | None = None
    seen: dict[str, int] = {}

    @property
    def id(self) -> OpId:
        return self.device, self.n

    @property
    def said(self) -> tuple[str | None, str | None]:
        return self.value, self.note

    def replaces(self, other: FieldOp) -> bool:
        """True if this one's writer knew the other."""
        if self.device == other.device:
            return self.n > other.n
        return self.seen.get(other.device, 0) >= other.n


@dataclass(frozen=True, slots=True)
class Register:
    """What an item holds: the operation that counts now, and every head; `conflict` if they say different things."""

    shown: FieldOp
    heads: tuple[FieldOp, ...]

    @property
    def conflict(self) -> bool:
        return len({one.said for one in self.heads}) > 1


@dataclass(frozen=True, slots=True)
class Merged:
    """The same for the same set of operations, in whatever order they came."""

    registers: Mapping[tuple[str, str], Register]
    evidence: frozenset[tuple[str, str, str]]


def merge(ops: Iterable[FieldOp]) -> Merged:
    """Registers by (case, item) and evidence as (case, item, sha256)."""
    answers: dict[tuple[str, str], list[FieldOp]] = {}
    evidence: set[tuple[str, str, str]] = set()
    for op in ops:
        if op.kind == "evidence" and op.sha256 is not None:
            evidence.add((op.case_id, op.item_id, op.sha256))
        elif op.kind == "answer":
            answers.setdefault((op.case_id, op.item_id), []).append(op)
    return Merged({key: _register(own) for key, own in sorted(answers.items())}, frozenset(evidence))


def _register(ops: list[FieldOp]) -> Register:
    heads = [one for one in ops if not any(other.replaces(one) for other in ops)]
    heads.sort(key=lambda one: (AUTHORITY[one.role], one.lamport, one.device), reverse=True)
    return Register(heads[0], tuple(heads))


@dataclass(slots=True)
class OpLog:
    """A replica: a device's, or the server's. `add` may be called with anything, in any order, as often as it likes."""

    ops: dict[OpId, FieldOp] = field(default_factory=dict)

    def add(self, ops: Iterable[FieldOp]) -> int:
        """Take over what is new; returns how many. Raises ValueError if a number was used for something else."""
        taken = 0
        for op in ops:
            known = self.ops.get(op.id)
            if known is None:
                self.ops[op.id] = op
                taken += 1
            elif known != op:
                raise ValueError(f"operation {op.device}/{op.n} was changed")
        return taken

    def have(self) -> dict[str, int]:
        """Version vector: for each device the last number up to which nothing is missing."""
        numbers: dict[str, set[int]] = {}
        for device, n in self.ops:
            numbers.setdefault(device, set()).add(n)
        return {device: _contiguous(own) for device, own in sorted(numbers.items())}

    def missing_at(self, have: Mapping[str, int]) -> list[FieldOp]:
        """What somebody with this vector lacks, in the order of the devices' logs."""
        return [op for (device, n), op in sorted(self.ops.items()) if n > have.get(device, 0)]

    def merged(self) -> Merged:
        return merge(self.ops.values())


@dataclass(slots=True)
class FieldDevice:
    """The device's side, as the client does it: writes offline, remembers what it had seen, sends until it is answered."""

    name: str
    role: Literal["inspector", "supervisor"] = "inspector"
    log: OpLog = field(default_factory=OpLog)

    def write(self, at: datetime, monotonic_ms: int, case_id: str, item_id: str, **what: object) -> FieldOp:
        """Append an operation to the own log."""
        have = self.log.have()
        lamport = max((one.lamport for one in self.log.ops.values()), default=0) + 1
        op = FieldOp.model_validate(
            {
                "device": self.name, "n": have.get(self.name, 0) + 1, "lamport": lamport, "at": at, "monotonic_ms": monotonic_ms,
                "role": self.role, "case_id": case_id, "item_id": item_id, "seen": have, **what,
            }
        )  # fmt: skip
        self.log.add([op])
        return op


def _contiguous(numbers: set[int]) -> int:
    reached = 0
    while reached + 1 in numbers:
        reached += 1
    return reached
