"""Owns the review of masks by a person: what there is to review in a case, the mask at a threshold, and keeping the corrected one.

Never trains: a correction is a file of the store and a row that says where it came from; `yunjian hull export` hands it on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core import evidence, journal
from core.context import Services
from core.errors import InputError, NotFound
from core.evidence import Envelope
from core.ids import new_id
from inspection import store
from inspection.assemble import subject_of
from inspection.hull import kept, review_store, runs
from inspection.hull.classes import IGNORE, MASK_CLASSES, ClassId
from inspection.hull.dataset import Labelled
from inspection.hull.detect import Mask
from inspection.hull.packs import detector_pack
from inspection.hull.review_store import Correction, CorrectionRow
from inspection.hull.runs import PhotoAsk, PhotoDone
from inspection.model import Actor, CaseSummary

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff"})
KINDS = frozenset({"still", "drone_photo", "external"})
MOST_ACTIONS = 5000


class Action(BaseModel):
    """One thing the hand did: `brush`, `erase` and `polygon` draw; `accept`, `reject` and `merge` speak of a region of the mask."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tool: Literal["brush", "erase", "polygon", "accept", "reject", "merge"]
    class_id: int = Field(ge=0, le=IGNORE)  # IGNORE: doubtful, not judged
    area_px: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class ReviewPhoto:
    """A photo of a case: what the model made of it (None: not read yet) and the correction that counts."""

    envelope: Envelope
    file: str
    done: PhotoDone | None
    correction: Correction | None


def photos_of(session: Session, case_id: str) -> list[ReviewPhoto]:
    """The pictures of a case in the order they came; crops and drawings that were made of others are left out.

    Raises:
        NotFound: no such case.
    """
    store.case(session, case_id)
    told = runs.progress(session, case_id)
    done = {one.sha256: one for one in told.found} if told else {}
    corrected = {row.photo_sha256: row for row in review_store.newest_corrections(session, case_id)}
    return [
        ReviewPhoto(one, _name(one), done.get(one.sha256), corrected.get(one.sha256))
        for one in evidence.of_subject(session, subject_of(case_id))
        if one.media_type in PICTURES and one.kind in KINDS and one.derived_from is None and "finding" not in one.extra
    ]


def _name(envelope: Envelope) -> str:
    told = envelope.extra.get("file")
    return Path(told).name if isinstance(told, str) and told else f"{envelope.id}{_SUFFIX[envelope.media_type]}"


_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/tiff": ".tif"}


def case_of(session: Session, case_id: str) -> CaseSummary:
    """Number, state and ship of a case. Raises NotFound."""
    return store.summary(store.case(session, case_id))


def read_photos(services: Services, actor: Actor, case_id: str) -> None:
    """Ask the job processes to read every picture of the case, as photos of unknown scale.

    Raises:
        NotFound: no such case.
        InputError: it has no pictures.
    """
    with services.db.write() as session:
        unique = {one.envelope.sha256: one for one in photos_of(session, case_id)}
        if not unique:
            raise InputError("hull.no_photos", path=case_id)
        asked = [PhotoAsk(sha256=sha256, file=one.file) for sha256, one in unique.items()]
        runs.ask(services, session, case_id, actor.user_id, asked)


def photo_of(session: Session, case_id: str, evidence_id: str) -> ReviewPhoto:
    """Raises NotFound."""
    found = next((one for one in photos_of(session, case_id) if one.envelope.id == evidence_id), None)
    if found is None:
        raise NotFound("inspection.evidence_missing", evidence_id=evidence_id)
    return found


def mask_of(services: Services, photo: ReviewPhoto, long_side_px: int, threshold: float | None = None) -> Mask:
    """The mask to be shown: the corrected one, or with a threshold (or no correction yet) the model's; reduced to `long_side_px`.

    Raises:
        NotFound: the photo was not read, or could not be.
    """
    if photo.correction is not None and threshold is None:
        data = np.frombuffer(services.files.read(photo.correction.mask_sha256), np.uint8)
        mask = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    else:
        reading = _kept(services, photo)
        rule = detector_pack().threshold if reading.gsd_mm is None else detector_pack().survey_threshold
        mask = reading.reading.mask(threshold or services.settings.hull.threshold, rule)
        mask = np.asarray(cv2.resize(mask, reading.full, interpolation=cv2.INTER_NEAREST), np.uint8)
    shrink = min(1.0, long_side_px / max(mask.shape))
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _kept(services: Services, photo: ReviewPhoto) -> kept.Kept:
    done = photo.done
    reading = kept.read_kept(services.files.path(done.prob)) if done is not None and done.prob is not None else None
    if reading is None:
        raise NotFound("hull.not_read", file=photo.file)
    return reading


def relative_area_pct(mask: Mask) -> dict[ClassId, float]:
    """Per cent of the hull that the photo shows, by defect class: what can be said of an area when the scale is not known."""
    counts = np.bincount(mask.ravel(), minlength=MASK_CLASSES)[:MASK_CLASSES]
    hull = int(counts[ClassId.HULL :].sum())
    return {ClassId(index): float(counts[index]) / hull * 100.0 for index in range(2, MASK_CLASSES) if hull and counts[index]}


def correct(
    services: Services, actor: Actor, case_id: str, evidence_id: str, png: bytes, actions: Sequence[Action], threshold: float
) -> str:
    """Keep a mask that a person has drawn over the model's; returns the id of the correction. The same mask again is the same correction.

    Raises:
        NotFound: no such picture of this case, or the model has not read it.
        InputError: not a PNG whose first channel holds class ids, or of other proportions than the photo.
    """
    with services.db.read() as session:
        photo = photo_of(session, case_id, evidence_id)
    full = _kept(services, photo).full
    mask = services.files.put_bytes(_whole(png, full, photo.file))
    base = {
        "model_sha256": _model_of(services, photo),
        "threshold": threshold,
        "detection": photo.done.detection if photo.done else None,
    }
    with services.db.write() as session:
        last = photo_of(session, case_id, evidence_id).correction
        if last is not None and last.mask_sha256 == mask.sha256:
            return last.id
        made = new_id()
        row = CorrectionRow(
            id=made, case_id=case_id, photo_sha256=photo.envelope.sha256, mask_sha256=mask.sha256, file=photo.file, base=base,
            actions=[action.model_dump() for action in actions], by=actor.user_id, at=services.clock.now(),
        )  # fmt: skip
        session.add(row)
        journal.append(
            session, services.clock, stream=subject_of(case_id), actor=actor.user_id, action="hull.mask_corrected",
            payload={"correction_id": made, "photo_sha256": row.photo_sha256, "mask_sha256": row.mask_sha256},
        )  # fmt: skip
    return made


def _model_of(services: Services, photo: ReviewPhoto) -> str:
    detection: dict[str, Any] = (
        json.loads(services.files.read(photo.done.detection)) if photo.done and photo.done.detection else {}
    )
    return str(detection.get("model", {}).get("sha256", ""))


def _whole(png: bytes, full: tuple[int, int], file: str) -> bytes:
    """The drawn mask at the photo's own size."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) if png else None
    if image is None or image.dtype != np.uint8:
        raise InputError("hull.mask_does_not_fit", file=file)
    mask = np.asarray(image if image.ndim == 2 else image[..., 2], np.uint8)  # OpenCV: blue, green, red
    same = abs(mask.shape[1] * full[1] - mask.shape[0] * full[0]) <= max(full)
    if not same or not np.isin(np.unique(mask), [*range(MASK_CLASSES), IGNORE]).all():
        raise InputError("hull.mask_does_not_fit", file=file)
    whole = cv2.resize(mask, full, interpolation=cv2.INTER_NEAREST)
    return bytes(cv2.imencode(".png", whole)[1].tobytes())


def corrected(services: Services, folder: Path, case_id: str | None = None) -> list[Labelled]:
    """The newest correction of each photo as labelled pictures in `folder` (`images/`, `masks/` of class ids), named by the photo's hash;
    each says who drew it, when, over which weights.
    """
    with services.db.read() as session:
        rows = review_store.newest_corrections(session, case_id)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    found = []
    for row in rows:
        stem = row.photo_sha256[:16]
        photo, mask = folder / "images" / f"{stem}{Path(row.file).suffix.lower()}", folder / "masks" / f"{stem}.png"
        photo.write_bytes(services.files.read(row.photo_sha256))
        mask.write_bytes(services.files.read(row.mask_sha256))
        said = f"{row.by} {row.at:%Y-%m-%dT%H:%M:%SZ} over {row.base['model_sha256'][:12]}, correction {row.id}"
        found.append(Labelled(photo, mask, said))
    return found
