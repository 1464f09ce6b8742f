"""Owns the count of what was read, used and rejected, in sentences and in bytes (contracts.md, AIS).

sentences = fragments_used + sum(rejected); read_bytes + added_line_ends = decoded_bytes + sum(rejected_bytes). A sentence owns the
bytes of its line (of several in one line each those up to the next), a line without a sentence is the reason `NO_SENTENCE`.
Never decides why something is rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_SENTENCE = "no_sentence"


@dataclass(slots=True)
class Ledger:
    """One per source. `pending` fragments are neither used nor rejected until their message is whole or given up.

    `added_line_ends`: line feeds that we put behind a last line without one, or behind a line that is too long to be one.
    """

    read_bytes: int = 0
    read_lines: int = 0
    sentences: int = 0
    messages: int = 0
    fragments_used: int = 0
    ignored_non_ais: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    decoded_bytes: int = 0
    rejected_bytes: Counter[str] = field(default_factory=Counter)
    added_line_ends: int = 0

    def reject(self, reason: str, size: int, sentences: int = 1) -> None:
        """So many sentences of `size` bytes in all."""
        self.rejected[reason] += sentences
        self.rejected_bytes[reason] += size

    def accept(self, sentences: int, size: int) -> None:
        """One decoded message made of so many sentences."""
        self.messages += 1
        self.fragments_used += sentences
        self.decoded_bytes += size

    def no_sentence(self, size: int, lines: int) -> None:
        """Lines without a sentence; blank ones are among the bytes but not counted as lines that are no AIS."""
        self.ignored_non_ais += lines
        if size:
            self.rejected_bytes[NO_SENTENCE] += size

    @property
    def rejected_sentences(self) -> int:
        return sum(self.rejected.values())

    @property
    def adds_up(self) -> bool:
        """True once nothing is pending."""
        bytes_out = self.decoded_bytes + sum(self.rejected_bytes.values())
        sentences_out = self.fragments_used + self.rejected_sentences
        return (self.sentences, self.read_bytes + self.added_line_ends) == (sentences_out, bytes_out)

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
            "decoded_bytes": self.decoded_bytes,
            "rejected_bytes": dict(sorted(self.rejected_bytes.items())),
            "added_line_ends": self.added_line_ends,
        }


def bytes_waiting(summary: Mapping[str, Any]) -> int:
    """Of a stored summary: read, but neither decoded nor rejected yet; 0 for one of a version that did not count bytes."""
    if "decoded_bytes" not in summary:
        return 0
    out = summary["decoded_bytes"] + sum(summary["rejected_bytes"].values())
    return int(summary["read_bytes"] + summary["added_line_ends"] - out)
