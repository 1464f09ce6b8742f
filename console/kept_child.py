"""Owns keeping one child process beside the console: its thread, its settings, its end.

Never decides when it is wanted: `IngestProcess` and `JobProcess` say that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from abc import ABC, abstractmethod

from config import Settings
from core import processes
from core.context import Services

# What every child needs, and then its own section.
_SECTIONS = ("database", "jobs")


class KeptChild(ABC):
    """A thread that runs a child again and again until `stop`. `starts` counts; `child` is the newest one."""

    def __init__(self, services: Services, name: str, section: str, *command: str) -> None:
        self._services = services
        self._name, self._section = name, section
        self._command = processes.python_module("console.cli", *command)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.child: subprocess.Popen[str] | None = None
        self.starts = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._keep, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    @abstractmethod
    def _keep(self) -> None:
        """Run the child whenever it is wanted; return when `self._stop` is set or it is never wanted again."""

    def _run(self) -> int | None:
        """Start the child and wait for its end; its exit status, None where the console stops and the child was ended."""
        # The child's stdout is not ours: the console's one line there is its address.
        environment = environment_of(self._services.settings, *_SECTIONS, self._section)
        child = self.child = processes.spawn(self._command, env=environment, stdout=sys.stderr)
        self.starts += 1
        while child.poll() is None and not self._stop.wait(0.25):
            pass
        if self._stop.is_set():
            processes.stop(child)
            return None
        return child.returncode


def environment_of(settings: Settings, *sections: str) -> dict[str, str]:
    """The settings in force here, wherever they came from, as a child reads them: data folder, language and these sections."""
    ours = {"YUNJIAN_DATA_DIR": str(settings.data_dir.absolute()), "YUNJIAN_LANGUAGE": settings.language}
    for section in sections:
        values = getattr(settings, section).model_dump(mode="json")
        ours |= {f"YUNJIAN_{section.upper()}__{name.upper()}": json.dumps(value) for name, value in values.items()}
    return {**os.environ, **ours}
