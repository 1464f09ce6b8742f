"""Owns the code of the vessel side (case 11): an issued inspection bundle is a record behind the same signed code as a firm's papers.

Never opens a bundle: its tag manifest's digest is the record, and the code checks that file offline.
"""

from __future__ import annotations

from companion import envcode
from companion.model import ENGINE, Actor, Role
from core.context import Services
from core.events import Event

SUBSCRIBER = "companion_evidence_code"
REGISTRY, KIND = "inspection", "inspection_bundle"
_ISSUED = "reports.issued"


def on_event(services: Services, event: Event) -> None:
    """``reports.issued`` {case_id, sha256}: the bundle becomes a record of its inspection, once."""
    if event.type != _ISSUED:
        return
    case_id, digest = str(event.payload["case_id"]), str(event.payload["sha256"])
    if all(record.sha256 != digest for record in envcode.records(services, REGISTRY, case_id)):
        envcode.append(services, Actor(ENGINE, Role.SYSTEM), REGISTRY, case_id, KIND, digest)
