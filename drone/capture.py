"""Owns the way from photos and their feedback to a survey folder (`yunjian.survey/1`).

Never guesses a pose: a photo without feedback has none, and every gap is listed. A folder appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from core.errors import InputError, NotFound, StorageFull
from core.ship import ShipGeometry, ShipPose
from drone.model import CameraSpec, GeometryPart, Plan, Survey, SurveyGap, SurveyPhoto
from drone.packs import error_budget
from drone.pose import pose_in_ship
from drone.vehicle import PhotoFeedback
from drone.xmp import OwnPose, own_pose, packet_of

SURVEY_FILE = "survey.json"
_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
_MATCH_S = 0.4  # a photo's own time and its feedback may differ this much


@dataclass(frozen=True, slots=True)
class CardPhoto:
    """A photo on the card; `at_utc` from EXIF, None where it has no time."""

    path: Path
    at_utc: datetime | None
    own: OwnPose | None = None


@dataclass(frozen=True, slots=True)
class CaptureFrame:
    """What turns a feedback into a pose in the ship's frame."""

    geometry: ShipGeometry
    pose: ShipPose | None
    home_alt_m: float
    camera: CameraSpec
    simulated: bool


def read_card(card: Path) -> tuple[list[CardPhoto], list[str]]:
    """Photos of a folder by name, and the names of files that only pretend to be photos.

    Raises NotFound `drone.card_empty` when there is no photo at all.
    """
    photos: list[CardPhoto] = []
    broken: list[str] = []
    files = sorted(card.iterdir()) if card.is_dir() else []
    for path in files:
        if path.suffix.lower() not in _PHOTO_SUFFIXES:
            continue
        try:
            photos.append(CardPhoto(path, _exif_time(path), own_pose(path)))
        except (UnidentifiedImageError, OSError, ValueError):
            broken.append(path.name)
    if not photos:
        raise NotFound("drone.card_empty", folder=str(card), broken=len(broken))
    return photos, broken


def match(photos: list[CardPhoto], feedback: list[PhotoFeedback]) -> dict[str, PhotoFeedback]:
    """File name -> feedback, by nearest time within 0.4 s, each used once; closest pairs first."""
    pairs = sorted(
        (abs(photo.at_utc.timestamp() - shot.time_usec / 1e6), photo.path.name, shot.img_idx, shot)
        for photo in photos
        if photo.at_utc is not None
        for shot in feedback
        if abs(photo.at_utc.timestamp() - shot.time_usec / 1e6) <= _MATCH_S
    )
    found: dict[str, PhotoFeedback] = {}
    used: set[int] = set()
    for _, name, index, shot in pairs:
        if name not in found and index not in used:
            found[name] = shot
            used.add(index)
    return found


def collect(
    card: Path, feedback: list[PhotoFeedback], frame: CaptureFrame, out: Path, skip: frozenset[str] = frozenset()
) -> Path:
    """Write the survey folder `out` from a card and return it; `skip` names photos that are no survey photos (test shots).

    Raises:
        InputError: `drone.survey_exists`, `out` is there already.
        NotFound: `drone.card_empty`.
        StorageFull: nothing is left behind.
    """
    if out.exists():
        raise InputError("drone.survey_exists", folder=str(out))
    photos, broken = read_card(card)
    photos = [photo for photo in photos if photo.path.name not in skip]
    matched = match(photos, feedback)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        entries = [_entry(photo, matched.get(photo.path.name), frame, part) for photo in photos]
        seen = {shot.img_idx for shot in matched.values()}
        gaps = [
            SurveyGap(kind="trigger_without_photo", trigger_idx=s.img_idx, file=None) for s in feedback if s.img_idx not in seen
        ]
        gaps += [SurveyGap(kind="photo_without_trigger", trigger_idx=None, file=e.file) for e in entries if e.c_ship_m is None]
        gaps += [SurveyGap(kind="not_a_photo", trigger_idx=None, file=name) for name in broken]
        survey = Survey(
            ship=GeometryPart.of(frame.geometry), draught_m=frame.geometry.draught_m, camera=frame.camera.for_survey(),
            photos=entries, gaps=gaps, simulated=frame.simulated,
        )  # fmt: skip
        (part / SURVEY_FILE).write_text(survey.model_dump_json(by_alias=True, indent=1), encoding="utf-8")
        part.replace(out)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StorageFull("storage_full", name=out.name) from error
    return out


def load_survey(folder: Path) -> Survey:
    """Raises NotFound `drone.survey_missing` or InputError `drone.survey_broken`."""
    path = folder / SURVEY_FILE
    if not path.is_file():
        raise NotFound("drone.survey_missing", folder=str(folder))
    try:
        return Survey.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError("drone.survey_broken", folder=str(folder), reason=str(error).splitlines()[0]) from error


def _entry(photo: CardPhoto, shot: PhotoFeedback | None, frame: CaptureFrame, folder: Path) -> SurveyPhoto:
    data = photo.path.read_bytes()
    (folder / photo.path.name).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    at = photo.at_utc or datetime.fromtimestamp(photo.path.stat().st_mtime, tz=UTC)
    index = shot.img_idx if shot else None
    bare = SurveyPhoto(
        file=photo.path.name, sha256=digest, t_utc=at, trigger_idx=index, c_ship_m=None, q_ship_xyzw=None, cov_6x6=None,
        pose_source=None,
    )  # fmt: skip
    seen = _view(shot, photo.own)
    if seen is not None and shot is not None:
        (folder / photo.path.name).with_suffix(".xmp").write_bytes(packet_of(seen))
    if seen is None or frame.pose is None:
        return bare
    enu = frame.pose.frame.to_enu(seen.lonlat, seen.alt_rel_m + frame.home_alt_m)
    pose = pose_in_ship(frame.pose, frame.geometry.draught_m, enu, seen.yaw_deg_true, seen.pitch_deg, seen.roll_deg)
    x, y, z = (round(float(value), 4) for value in pose.centre_m)
    worse = frame.pose.source == "ais" and seen.rtk_fixed is False
    covariance = error_budget("ais_gnss" if worse else frame.pose.source).covariance
    return bare.model_copy(
        update={
            "c_ship_m": (x, y, z),
            "q_ship_xyzw": pose.q_xyzw,
            "cov_6x6": [[float(value) for value in row] for row in covariance],
            "pose_source": frame.pose.source,
        }
    )


def _view(shot: PhotoFeedback | None, own: OwnPose | None) -> OwnPose | None:
    """Where a photo was taken: the vehicle's feedback, or what the camera wrote into the file."""
    if shot is not None and shot.gimbal_pitch_deg is not None:
        return OwnPose(shot.lonlat, shot.alt_rel_m, shot.yaw_deg_true, shot.gimbal_pitch_deg, 0.0, shot.rtk_fixed)
    return own


def missing_triggers(plan: Plan, survey: Survey, near_m: float) -> list[int]:
    """Numbers (over all sorties, from 0) of planned triggers near which no photo was taken."""
    pose = plan.ship.pose
    planned = [point for sortie in plan.sorties for point in sortie.triggers_enu_m]
    if pose is None:
        return list(range(len(planned)))
    draught = plan.ship.geometry.draught_m
    centres = [photo.c_ship_m for photo in survey.photos if photo.c_ship_m is not None]
    if not centres:
        return list(range(len(planned)))
    taken = pose.pose().to_enu(np.array(centres), draught)
    apart = np.linalg.norm(np.array(planned)[:, None, :] - taken[None], axis=2)
    missing, used = set(range(len(planned))), set()
    for at, photo in zip(*np.unravel_index(np.argsort(apart, axis=None), apart.shape), strict=True):
        if apart[at, photo] > near_m:
            break
        if at in missing and photo not in used:  # a photo stands for one trigger, the nearest pairs first
            missing.remove(int(at))
            used.add(photo)
    return sorted(missing)


def _exif_time(path: Path) -> datetime | None:
    """DateTimeOriginal with sub-seconds as UTC (OffsetTimeOriginal if given); raises ValueError for a wrong picture."""
    with Image.open(path) as picture:
        details = picture.getexif().get_ifd(ExifTags.IFD.Exif)
    text = details.get(ExifTags.Base.DateTimeOriginal)
    if not isinstance(text, str):
        return None
    part = str(details.get(ExifTags.Base.SubsecTimeOriginal, "0")).strip() or "0"
    offset = str(details.get(ExifTags.Base.OffsetTimeOriginal, "+00:00"))
    try:
        return datetime.strptime(f"{text}.{part[:6]}{offset}", "%Y:%m:%d %H:%M:%S.%f%z").astimezone(UTC)
    except ValueError:
        return None
