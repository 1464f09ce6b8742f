"""Owns taking a drone survey (``yunjian.survey/1``, contracts.md) into a case: every photo becomes evidence.

Never looks into a photo: whether it shows anything is for the detector and the inspector.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from core import evidence
from core.context import Services
from core.errors import Altered, InputError
from core.evidence import Envelope
from core.files import StoredFile
from core.ids import new_id
from inspection import store
from inspection.assemble import subject_of
from inspection.change import Change, Written, change
from inspection.checklist import editions
from inspection.model import Actor, Outcome, SurveyFacts
from inspection.record import SurveyPart

_MEDIA_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png", b"II*": "image/tiff", b"MM\x00": "image/tiff"}


class _Photo(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    file: str
    sha256: str
    t_utc: datetime | None = None
    trigger_idx: int | None = None
    c_ship_m: list[float] | None = None
    q_ship_xyzw: list[float] | None = None
    pose_source: str | None = None


class _Survey(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    schema_: Literal["yunjian.survey/1"] = Field(alias="schema")
    photos: list[_Photo]
    gaps: list[JsonValue] = []
    simulated: bool

    @classmethod
    def parse(cls, data: bytes, where: str) -> _Survey:
        """Raises InputError."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            detail = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            raise InputError("inspection.survey_unreadable", folder=where, detail=detail) from error


@dataclass(frozen=True, slots=True)
class _Kept:
    photo: _Photo
    file: StoredFile
    media_type: str


def register_survey(services: Services, actor: Actor, case_id: str, folder: Path, facts: SurveyFacts) -> Outcome:
    """Keep every photo of a survey folder (and the flight log) as evidence of the case. `ref` is the survey's id.

    The same survey.json is registered once; a run killed before the end leaves files in the store but no half survey.

    Raises:
        InputError: no or unreadable survey.json, a photo that is missing or lies outside the folder.
        Altered: a photo whose bytes are not the ones survey.json names.
        StorageFull: as the file store.
    """
    manifest = folder / "survey.json"
    if not manifest.is_file():
        raise InputError("inspection.survey_unreadable", folder=str(folder), detail="survey.json")
    data = manifest.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    survey = _Survey.parse(data, str(folder))
    with services.db.read() as session:
        known = store.survey_by_digest(session, case_id, digest)
    kept = [] if known else [_keep(services, folder, photo) for photo in survey.photos]
    log = services.files.put_path(facts.log) if facts.log and not known else None

    def body(work: Change) -> Written | None:
        if store.survey_by_digest(work.session, case_id, digest) is not None:
            return None
        items = editions()[work.case.edition].survey_items
        envelopes = [_envelope(work, one, facts, items[0] if items else None, simulated=survey.simulated) for one in kept]
        for envelope in envelopes:
            evidence.keep(work.session, envelope)
            work.session.add_all(
                store.BindingRow(case_id=case_id, item_id=item_id, evidence_id=envelope.id, at=work.at, by=work.actor.user_id)
                for item_id in items
            )
        log_id = _keep_log(work, log, facts, simulated=survey.simulated) if log else None
        part = SurveyPart(
            id=new_id(),
            simulated=survey.simulated,
            camera=facts.camera,
            target_gsd_mm=facts.target_gsd_mm,
            photos=len(envelopes),
            photos_lost=len(survey.gaps) if facts.photos_lost is None else facts.photos_lost,
            seen2_pct=facts.seen2_pct,
            area_m2=facts.area_m2,
            flown_at=facts.flown_at,
            heading_deg_true=facts.heading_deg_true,
            clock_speed=facts.clock_speed,
            log_evidence_id=log_id,
        )
        work.session.add(store.SurveyRow(id=part.id, case_id=case_id, digest=digest, part=part.model_dump(mode="json")))
        payload: dict[str, JsonValue] = {
            "survey_id": part.id, "survey_sha256": digest, "photos": len(envelopes), "simulated": survey.simulated,
        }  # fmt: skip
        return Written(payload, part.id, "inspection.survey_registered")

    return change(services, actor, case_id, "register_survey", body)


def _keep(services: Services, folder: Path, photo: _Photo) -> _Kept:
    path = (folder / photo.file).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError("inspection.survey_photo_missing", file=photo.file)
    with path.open("rb") as stream:
        head = stream.read(3)
    stored = services.files.put_path(path)
    if stored.sha256 != photo.sha256:
        raise Altered("inspection.survey_photo_altered", file=photo.file)
    return _Kept(photo, stored, _MEDIA_TYPES.get(head, "application/octet-stream"))


def _envelope(work: Change, kept: _Kept, facts: SurveyFacts, item_id: str | None, *, simulated: bool) -> Envelope:
    photo = kept.photo
    return Envelope(
        sha256=kept.file.sha256,
        size=kept.file.size,
        media_type=kept.media_type,
        kind="drone_photo",
        captured_at=photo.t_utc or facts.flown_at,
        clock_offset_ms=None,
        received_at=work.at,
        device=facts.device,
        producer="drone",
        subject_ref=subject_of(work.case.id),
        item_ref=item_id,
        extra={
            "file": photo.file,
            "trigger_idx": photo.trigger_idx,
            "c_ship_m": photo.c_ship_m,
            "q_ship_xyzw": photo.q_ship_xyzw,
            "pose_source": photo.pose_source,
            "simulated": simulated,
        },
    )


def _keep_log(work: Change, log: StoredFile, facts: SurveyFacts, *, simulated: bool) -> str:
    envelope = Envelope(
        sha256=log.sha256,
        size=log.size,
        media_type="application/octet-stream",
        kind="flight_log",
        captured_at=facts.flown_at,
        clock_offset_ms=None,
        received_at=work.at,
        device=facts.device,
        producer="drone",
        subject_ref=subject_of(work.case.id),
        extra={"simulated": simulated},
    )
    evidence.keep(work.session, envelope)
    return envelope.id
