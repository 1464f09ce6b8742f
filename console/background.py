"""Owns the loops beside the web server: handing events to subscribers, sending due messages, watching
deadlines, taking stills of berth cameras, dropping old sessions.

Never loses an event: a failing handler is logged, counted and tried again from the same cursor.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping

import inspection
from ais import camera_service
from companion import address_ledger, credit_feed, creditfile, evidence_code, obligations, push
from console.metrics import Metrics
from console.wiring import Area
from core import accounts, events, logs, messages
from core.context import Services
from inspection import helpdesk

Subscriber = Callable[[events.Event], None]
EVENTS_EVERY_S = 0.5
MESSAGES_EVERY_S = 5.0
SESSIONS_EVERY_S = 600.0
DEADLINES_EVERY_S = 60.0
LEDGER_EVERY_S = 60.0
_log = logs.get("console")


def subscribers(services: Services, area: Area = Area.ALL) -> dict[str, Subscriber]:
    """Who hears about facts, by the name of the cursor; the reforms service alone hears its own case files."""
    own: dict[str, Subscriber] = {credit_feed.SUBSCRIBER: lambda event: credit_feed.on_event(services, event)}
    if area is Area.REFORMS:
        return own
    return {
        **own,
        inspection.SUBSCRIBER: lambda event: inspection.on_event(services, event),
        creditfile.SUBSCRIBER: lambda event: creditfile.on_event(services, event),
        evidence_code.SUBSCRIBER: lambda event: evidence_code.on_event(services, event),
    }


class Background:
    """Threads that run until `stop`; each loop is one function called again and again."""

    def __init__(
        self,
        services: Services,
        metrics: Metrics,
        heard: Mapping[str, Subscriber] | None = None,
        area: Area = Area.ALL,
    ) -> None:
        self._area = area
        self._services = services
        self._metrics = metrics
        self._heard = subscribers(services, area) if heard is None else heard
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        loops: list[tuple[str, Callable[[], object], float]] = [
            ("messages", lambda: messages.deliver_due(self._services), MESSAGES_EVERY_S),
            ("obligations", lambda: obligations.sweep(self._services), obligations.SWEEP_EVERY_S),
            ("double push", lambda: push.deliver_due(self._services), push.PUSH_EVERY_S),
            ("events", self.deliver_events, EVENTS_EVERY_S),
            ("address ledger", lambda: address_ledger.send_due(self._services), LEDGER_EVERY_S),
            ("sessions", lambda: accounts.forget_expired_sessions(self._services), SESSIONS_EVERY_S),
        ]
        if self._area is Area.ALL:
            loops += [
                ("berth cameras", lambda: camera_service.sweep(self._services), camera_service.SWEEP_EVERY_S),
                ("service", lambda: helpdesk.sweep(self._services), DEADLINES_EVERY_S),
                ("deadlines", lambda: inspection.sweep(self._services), DEADLINES_EVERY_S),
            ]
        for name, work, every_s in loops:
            thread = threading.Thread(target=self._repeat, args=(name, work, every_s), name=f"console-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    def deliver_events(self) -> int:
        """Hand waiting events to every subscriber; returns how many were handled."""
        return sum(events.deliver(self._services.db, name, handler) for name, handler in self._heard.items())

    def _repeat(self, name: str, work: Callable[[], object], every_s: float) -> None:
        while not self._stop.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001  # the loop outlives any failure of one round; it is logged and counted
                self._metrics.fault(name)
                _log.error("background loop failed; it goes on", loop=name, trace=traceback.format_exc())
            self._stop.wait(every_s)
