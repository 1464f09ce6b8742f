"""Owns reading a case's evidence into what `inspection.doubts` judges: small luma pictures, capture times, frames of clips.

Never judges; a file that cannot be read raises no doubt here (the evidence page says that it cannot be shown).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from sqlalchemy.orm import Session

from ais.dossier import dossier
from ais.ports import RiskSources
from ais.proofs import Proof
from core import evidence
from core.context import Services
from core.errors import NotFound
from core.evidence import Envelope
from core.geo import LonLat
from core.workdays import local_day
from inspection import store
from inspection.assemble import subject_of
from inspection.doubts import Clip, Doubt, Luma, Material, Photo, judge_evidence
from inspection.record import ShipPart

_SIDE = 32
_MOST_FRAMES = 2000  # of a clip; longer ones are read at every nth frame, whose times still tell a hole
_EARLIER_CASES = 20


def doubts_of(services: Services, case_id: str) -> list[Doubt]:
    """Every doubt about the evidence of a case. Raises NotFound for a case that does not exist."""
    with services.db.read() as session:
        case = store.case(session, case_id)
        ship = ShipPart.model_validate(case.ship)
        own = evidence.of_subject(session, subject_of(case_id))
        before, opened_at = _earlier(session, case), case.opened_at
    photos = tuple(_photos(services, case_id, own))
    earlier = tuple(photo for other, kept in before.items() for photo in _photos(services, other, kept))
    clips = tuple(clip for one in own if one.kind == "clip" and (clip := _clip(services, one)) is not None)
    material = Material(
        photos=photos, earlier=earlier, clips=clips, proofs=_proofs(services, ship), session=(opened_at, services.clock.now()),
        ship_length_m=ship.loa_m,
    )  # fmt: skip
    return judge_evidence(material)


def look_of(path: Path) -> tuple[Luma, datetime | None]:
    """(32, 32) luma of the upright picture, and the time its camera wrote (EXIF with its offset, else unknown).

    Raises:
        OSError, UnidentifiedImageError: not a picture.
    """
    with Image.open(path) as image:
        image.draft("L", (_SIDE * 4, _SIDE * 4))
        taken = _taken(image)
        small = ImageOps.exif_transpose(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return np.asarray(small, dtype=np.uint8), taken


def _taken(image: Image.Image) -> datetime | None:
    """Without an offset the camera's clock is in some zone: that is not a known time."""
    exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
    at, offset = exif.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.OffsetTimeOriginal)
    if not at or not offset:
        return None
    try:
        return datetime.strptime(f"{at}{offset}".strip("\x00 "), "%Y:%m:%d %H:%M:%S%z").astimezone(UTC)
    except ValueError:
        return None


def frames_of(path: Path) -> tuple[list[float], Luma]:
    """Times in seconds and (n, 32, 32) luma of a clip; empty where nothing can be read."""
    video = cv2.VideoCapture(str(path))
    try:
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        every = max(1, -(-count // _MOST_FRAMES))
        times: list[float] = []
        looks: list[Luma] = []
        place = 0
        while video.grab():
            if place % every == 0:
                good, frame = video.retrieve()
                if good:
                    times.append(video.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
                    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
                    looks.append(np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8))
            place += 1
        return times, np.stack(looks) if looks else np.zeros((0, _SIDE, _SIDE), dtype=np.uint8)
    finally:
        video.release()


def _photos(services: Services, inspection: str, kept: list[Envelope]) -> list[Photo]:
    """Stills alone: the drone's photos overlap on purpose and come from our own flight."""
    found: list[Photo] = []
    for one in kept:
        if one.kind != "still":
            continue
        try:
            look, taken = look_of(services.files.path(one.sha256))
        except (OSError, UnidentifiedImageError, NotFound):
            continue
        found.append(
            Photo(
                one.id, inspection, one.item_ref or "-", one.sha256, look, one.captured_at, one.received_at, taken,
                LonLat(*one.position.lonlat) if one.position else None, one.position.accuracy_m if one.position else 0.0,
            )
        )  # fmt: skip
    return found


def _clip(services: Services, one: Envelope) -> Clip | None:
    try:
        times, looks = frames_of(services.files.path(one.sha256))
    except NotFound:
        return None
    return Clip(one.id, one.item_ref or "-", np.array(times), looks) if len(times) > 2 else None


def _earlier(session: Session, case: store.CaseRow) -> dict[str, list[Envelope]]:
    imo = case.ship.get("imo")
    others = [one.id for one in store.cases_of_ship(session, str(imo)) if one.id != case.id] if imo else []
    return {one: evidence.of_subject(session, subject_of(one)) for one in others[:_EARLIER_CASES]}


def _proofs(services: Services, ship: ShipPart) -> tuple[Proof, ...]:
    if ship.imo is None or not ship.imo.isdecimal():
        return ()
    try:
        return dossier(services, RiskSources(), int(ship.imo), local_day(services.clock.now())).proofs
    except NotFound:
        return ()
