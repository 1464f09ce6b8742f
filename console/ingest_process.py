"""Owns keeping the ingest process alive beside the console: started when sources are configured, started again when it ends.

Never decodes anything: the child is ``yunjian ais ingest``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

from core import logs, processes
from core.context import Services

_log = logs.get("console")


class IngestProcess:
    """One child process; without sources, none."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.child: subprocess.Popen[str] | None = None
        self.starts = 0

    def start(self) -> None:
        if self._services.settings.ais.sources:
            self._thread = threading.Thread(target=self._keep, name="console-ingest", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _keep(self) -> None:
        ais = self._services.settings.ais
        wait_s = ais.retry_s
        while not self._stop.is_set():
            # The child's stdout is not ours: the console's one line there is its address.
            child = self.child = processes.spawn(self._command(), env=self._environment(), stdout=sys.stderr)
            self.starts += 1
            while child.poll() is None and not self._stop.wait(0.25):
                pass
            if self._stop.is_set():
                processes.stop(child)
                return
            if child.returncode == 0:
                _log.info("AIS ingest ended: every source was a log")
                return
            _log.error("AIS ingest ended; it is started again", status=child.returncode, wait_s=wait_s)
            self._stop.wait(wait_s)
            wait_s = min(wait_s * 2.0, ais.retry_max_s)

    @staticmethod
    def _command() -> list[str]:
        return processes.python_module("console.cli", "ais", "ingest")

    def _environment(self) -> dict[str, str]:
        """The settings in force here, wherever they came from."""
        settings = self._services.settings
        ours = {
            "YUNJIAN_DATA_DIR": str(settings.data_dir.absolute()),
            "YUNJIAN_LANGUAGE": settings.language,
            "YUNJIAN_DATABASE__URL": settings.database.url,
            **{
                f"YUNJIAN_AIS__{name.upper()}": json.dumps(value)
                for name, value in settings.ais.model_dump(mode="json").items()
            },
        }
        return {**os.environ, **ours}
