"""Owns who may move the vehicle: one operator's lease, which ends for good when the vehicle does what we did not command.

Never sends anything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lease:
    """Taken by an operator by name. Ended, nothing that moves is sent until an operator takes a new one."""

    operator: str
    ended: str = ""

    @property
    def active(self) -> bool:
        return not self.ended

    def end(self, reason: str) -> None:
        """The first reason stays."""
        self.ended = self.ended or reason
