"""Owns the delivery of the double push (双推送): posted to each receiver until it acknowledges, with one key for all tries.

Never inside a transaction; never drops a push. A process killed after posting posts again: the key lets the receiver tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import rfc8785

from companion import store
from core import logs
from core.context import Services
from core.messages import wait_s

PUSH_EVERY_S = 2.0
_LEASE_FACTOR = 3.0  # a claimed push is free again after this many time-outs: its process must be dead
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did."""

    acknowledged: int = 0
    waiting: int = 0


def deliver_due(services: Services) -> Delivered:
    """Post every queued push whose time has come; a failure waits, twice as long each time, for ever."""
    limits = services.settings.companion
    now = services.clock.now()
    lease = now + timedelta(seconds=limits.push_timeout_s * _LEASE_FACTOR)
    with services.db.write() as session:
        claimed = store.claim_pushes(session, now, lease, _BATCH)
        jobs = [(row.key, row.receiver, row.body, row.attempts) for row in claimed]
    if not jobs:
        return Delivered()
    done = 0
    with httpx.Client(timeout=limits.push_timeout_s, trust_env=False) as client:
        for key, receiver, body, attempts in jobs:
            error = _post(client, services, key, receiver, body)
            done += error is None
            _note(services, key, attempts, error)
    return Delivered(done, len(jobs) - done)


def _post(client: httpx.Client, services: Services, key: str, receiver: str, body: dict[str, Any]) -> str | None:
    """None when the receiver acknowledged with 2xx, else why not."""
    address = services.settings.companion.endpoints.get(receiver)
    if address is None:
        return "no address"
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    try:
        answer = client.post(address, content=rfc8785.dumps(body), headers=headers)
    except httpx.HTTPError as error:
        return type(error).__name__
    return None if answer.is_success else f"HTTP {answer.status_code}"


def _note(services: Services, key: str, attempts: int, error: str | None) -> None:
    limits, now = services.settings.companion, services.clock.now()
    with services.db.write() as session:
        row = session.get_one(store.PushRow, key)
        if row.state != "queued":
            return
        row.attempts, row.error = attempts + 1, error
        if error is None:
            row.state, row.delivered_at = "delivered", now
            return
        row.due_at = now + timedelta(seconds=wait_s(row.attempts, limits.push_retry_s, limits.push_retry_max_s))
    logs.get("companion").warning("push not acknowledged", key=key, reason=error)
