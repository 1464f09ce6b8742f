"""Owns one thread per source: it runs the source, and after a fault runs it again with growing waits.

Never ends because a source failed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ais.sources import lines, network, receiver_http
from ais.sources.inbox import Inbox
from ais.sources.spec import SourceSpec
from config.settings import AisSettings
from core import logs
from core.clock import Clock
from core.errors import YunJianError

_log = logs.get("ais")


class Supply:
    """All sources of an installation and their inboxes."""

    def __init__(self, specs: Sequence[SourceSpec], settings: AisSettings, clock: Clock) -> None:
        self.inboxes = {spec.name: Inbox(settings.queue_kb * 1024) for spec in specs}
        self._specs = tuple(specs)
        self._settings = settings
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for spec in self._specs:
            thread = threading.Thread(target=self._keep, args=(spec,), name=f"ais-{spec.name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    @property
    def ended(self) -> bool:
        """True once every source was a file and is read to its end."""
        return all(inbox.snapshot().condition == "ended" for inbox in self.inboxes.values())

    def _keep(self, spec: SourceSpec) -> None:
        inbox = self.inboxes[spec.name]
        wait_s = self._settings.retry_s
        while not self._stop.is_set():
            before = inbox.state.connects
            try:
                self._run(spec, inbox)
            except (OSError, YunJianError) as error:
                inbox.state.condition, inbox.state.fault = "waiting", str(error)
                if inbox.state.connects > before:
                    wait_s = self._settings.retry_s  # it had worked: begin again with the short wait
                _log.warning("AIS source failed; it will be tried again", source=spec.name, reason=str(error), wait_s=wait_s)
                self._stop.wait(wait_s)
                wait_s = min(wait_s * 2.0, self._settings.retry_max_s)
                continue
            return

    def _run(self, spec: SourceSpec, inbox: Inbox) -> None:
        match spec.scheme:
            case "udp":
                network.udp(spec, inbox, self._stop)
            case "tcp":
                network.tcp_client(spec, inbox, self._stop)
            case "tcp-listen":
                network.tcp_server(spec, inbox, self._stop)
            case "http-listen":
                receiver_http.http_server(spec, inbox, self._stop)
            case "serial":
                lines.serial_line(spec, inbox, self._stop)
            case "file":
                lines.replay_file(spec, inbox, self._stop, self._clock)
