"""Owns the check of case 10 by call: the room of `video`, a shot for each promised paper, and the recording as the evidence of the step.

Never lets an officer type a hash or a time: both come from the evidence that the call kept.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import video
from companion import service, store
from companion.definition import Definition, procedures
from companion.model import Actor, CaseFile, Result, Take
from core import evidence
from core.auth import Principal
from core.clock import Clock, rfc3339
from core.context import Services
from core.errors import AccessDenied, InputError, Refused
from core.evidence import Envelope
from video import NewRoom, RoomOrder, SeatOrder, SeatRole, Shot

STEP = "check_by_video"
_KINDS = frozenset({"recording", "clip"})
_EARLY, _LASTS = timedelta(minutes=1), timedelta(hours=2)


def subject_of(case_id: str) -> str:
    """How a room and its evidence name a case file."""
    return f"reform:{case_id}"


def counts(kept: Envelope) -> bool:
    """Whether this is a recording that a call made: whole, not one of its segments."""
    return (
        kept.kind in _KINDS
        and kept.producer == "video"
        and kept.extra.get("part") != "segment"
        and kept.extra.get("track") != "audio"
    )


def room_order(case: CaseFile, definition: Definition, clock: Clock) -> RoomOrder:
    """A room that opens now, with one seat for the firm and a shot for each paper that was promised."""
    shots = tuple(
        Shot(
            item_ref=f"paper:{part.id}", label_zh=part.title.zh, label_en=part.title.en, prompt_zh=part.title.zh,
            prompt_en=part.title.en, media=("live", "clip", "still"),
        )
        for part in definition.documents
        if part.role == "committed"
    )  # fmt: skip
    now = clock.now()
    seats = (SeatOrder(role=SeatRole.CREW, name_hint="firm"),)
    return RoomOrder(subject_ref=subject_of(case.id), not_before=now - _EARLY, not_after=now + _LASTS, shots=shots, seats=seats)


def open_room(services: Services, actor: Actor, principal: Principal, case_id: str, request: str | None = None) -> NewRoom:
    """Open the call of a case file whose check is due. Raises AccessDenied, NotFound, Refused ``video_check.not_due``."""
    with services.db.read() as session:
        case = store.case_file(session, case_id)
    definition = procedures().version(case.key, case.version)
    step = definition.step(STEP)
    if step is None or case.state not in step.from_:
        raise Refused("video_check.not_due", id=case_id)
    if actor.role not in step.by:
        raise AccessDenied("companion.not_your_step", role=actor.role.value)
    return video.create_room(services, room_order(case, definition, services.clock), principal, request)


def conclude(
    services: Services, actor: Actor, case_id: str, evidence_id: str, *, equipment_seen: bool, frame_time_s: float | None = None
) -> Result:
    """Take the step with what the call recorded: its time, its registered digest, and the digest of the file as it is now.

    Raises:
        InputError ``video_check.no_evidence``: it is not a recording of this case file's call. Otherwise as `service.act`.
    """
    with services.db.read() as session:
        kept = evidence.get(session, evidence_id)
    if kept is None or kept.subject_ref != subject_of(case_id) or not counts(kept):
        raise InputError("video_check.no_evidence", evidence=evidence_id)
    with services.files.path(kept.sha256).open("rb") as file:
        now = hashlib.file_digest(file, "sha256").hexdigest()
    facts: dict[str, str | bool | float] = {
        "recorded_at": rfc3339(kept.captured_at), "sha256": now, "registered_sha256": kept.sha256, "equipment_seen": equipment_seen,
    }  # fmt: skip
    if frame_time_s is not None:
        facts["frame_time_s"] = frame_time_s
    return service.act(services, actor, case_id, Take(step=STEP, facts=facts))
