"""Owns the shape of what data already proves about a ship: one result with its rule, its inputs and the reason in words.

Never decides: `certificates`, `crosscheck`, `manning` and `rest` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ais.text import Bilingual

ProofKind = Literal["certificate", "crosscheck", "manning", "rest", "rest_ais"]
ProofState = Literal["ok", "due", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Input:
    """One value that a result rests on, and where it came from."""

    name: str
    value: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One result. `outcome` is the rule's own word, e.g. ``window_missed``; `basis` the instrument that `rule` retells.

    ok: holds. due: something has to be done before departure. failed: the data contradict the rule. unknown: data are missing.
    A person decides whether it is a deficiency; `psc_codes` are the codes it would carry.
    """

    kind: ProofKind
    rule: str
    subject: str
    label: Bilingual
    state: ProofState
    outcome: str
    reason: Bilingual
    basis: str
    psc_codes: tuple[str, ...]
    inputs: tuple[Input, ...]
