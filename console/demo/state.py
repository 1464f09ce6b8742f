"""Owns what a walk has done so far, in one small file, so that a killed run goes on where it was.

Never holds results themselves: those are in the database and the file store; here are only ids, paths and seconds.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.ids import new_id


@dataclass(slots=True)
class WalkState:
    """`done` maps a finished station to its facts; `seconds` to its wall time."""

    path: Path
    inputs: dict[str, str]
    run_id: str = field(default_factory=new_id)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def finish(self, station: str, facts: dict[str, Any], seconds: float) -> None:
        self.done[station] = facts
        self.seconds[station] = round(seconds, 1)
        self.save()

    def save(self) -> None:
        body = {"run_id": self.run_id, "inputs": self.inputs, "done": self.done, "seconds": self.seconds}
        temporary = self.path.with_suffix(".tmp")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as target:
            json.dump(body, target, indent=1)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(self.path)


def load_or_begin(path: Path, inputs: dict[str, str], last_station: str) -> WalkState:
    """The unfinished walk with the same inputs, else a new one."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        found = WalkState(path, body["inputs"], body["run_id"], body["done"], body["seconds"])
    except (OSError, ValueError, KeyError):
        return WalkState(path, inputs)
    if found.inputs != inputs or last_station in found.done:
        return WalkState(path, inputs)
    return found
