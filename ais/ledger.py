"""Owns the count of what was read, used and rejected: sentences = fragments_used + sum(rejected) (contracts.md, AIS).

Never decides why something is rejected.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """One per source. `pending` fragments are neither used nor rejected until their message is whole or given up."""

    read_bytes: int = 0
    read_lines: int = 0
    sentences: int = 0
    messages: int = 0
    fragments_used: int = 0
    ignored_non_ais: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str, sentences: int = 1) -> None:
        self.rejected[reason] += sentences

    def accept(self, sentences: int) -> None:
        """One decoded message made of so many sentences."""
        self.messages += 1
        self.fragments_used += sentences

    @property
    def rejected_sentences(self) -> int:
        return sum(self.rejected.values())

    @property
    def adds_up(self) -> bool:
        """True once nothing is pending."""
        return self.sentences == self.fragments_used + self.rejected_sentences

    def as_summary(self) -> dict[str, int | dict[str, int]]:
        """The object that `yunjian ais decode` writes to stderr."""
        return {
            "read_bytes": self.read_bytes,
            "read_lines": self.read_lines,
            "sentences": self.sentences,
            "messages": self.messages,
            "fragments_used": self.fragments_used,
            "rejected": dict(sorted(self.rejected.items())),
            "ignored_non_ais": self.ignored_non_ais,
        }
