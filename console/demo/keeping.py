"""Owns keeping a file as evidence of the walk's case exactly once, however often a killed station is run again.

Never judges what it keeps.
"""

from __future__ import annotations

from typing import Any, Literal

from console.demo.people import ScriptedPeople
from console.demo.walk import Walk
from core import evidence
from core.files import StoredFile
from inspection import keep_evidence, subject_of


def keep_once(
    job: Walk,
    people: ScriptedPeople,
    stored: StoredFile,
    item_id: str,
    *,
    kind: Literal["still", "ais_lines", "external"],
    media_type: str,
    device: str,
    extra: dict[str, Any],
    producer: Literal["ais", "inspection"] = "inspection",
    derived_from: str | None = None,
) -> str:
    """Evidence id of this file in the case; kept and bound to the item if it is not there yet."""
    services = job.services
    case_id = str(job.facts("case")["case_id"])
    with services.db.read() as session:
        kept = evidence.of_subject(session, subject_of(case_id))
    known = next((one.id for one in kept if one.sha256 == stored.sha256), None)
    if known is not None:
        return known
    now = services.clock.now()
    envelope = evidence.Envelope(
        sha256=stored.sha256,
        size=stored.size,
        media_type=media_type,
        kind=kind,
        captured_at=now,
        clock_offset_ms=None,
        received_at=now,
        device=device,
        producer=producer,
        subject_ref=subject_of(case_id),
        item_ref=item_id,
        derived_from=derived_from,
        extra=extra,
    )
    keep_evidence(services, people.inspects, case_id, envelope, item_id)
    return envelope.id
