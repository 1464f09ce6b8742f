"""Owns keeping the ingest process alive beside the console: started when sources are configured, started again when it ends.

Never decodes anything: the child is ``yunjian ais ingest``.
"""

from __future__ import annotations

from console.kept_child import KeptChild
from core import logs
from core.context import Services

_log = logs.get("console")


class IngestProcess(KeptChild):
    """One child process; without sources, none."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, "console-ingest", "ais", "ais", "ingest")

    def start(self) -> None:
        if self._services.settings.ais.sources:
            super().start()

    def _keep(self) -> None:
        ais = self._services.settings.ais
        wait_s = ais.retry_s
        while not self._stop.is_set() and (status := self._run()) is not None:
            if status == 0:
                _log.info("AIS ingest ended: every source was a log")
                return
            _log.error("AIS ingest ended; it is started again", status=status, wait_s=wait_s)
            if self._stop.wait(wait_s):
                return
            wait_s = min(wait_s * 2.0, ais.retry_max_s)
