"""Owns the run of the detector over many photos: workers, resume after a stop, results written whole or not at all.

Never lets one bad photo end the batch: it is counted with the code of its error.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import ValidationError

from config.settings import HullSettings
from core.errors import InputError, StorageFull, YunJianError
from inspection.hull.detect import read_probabilities, read_whole
from inspection.hull.findings import Detection, ModelRef, PhotoRef, find
from inspection.hull.packs import detector_pack
from inspection.hull.picture import read_photo
from inspection.hull.weights import Model, load_model

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".mpo"}
_RUN_FILE = "run.meta"
# Of the ways to write a mask of 12 megapixels, five times faster than OpenCV's usual one, and no larger.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A photo that could not be read, and why."""

    file: str
    error: YunJianError


@dataclass(frozen=True, slots=True)
class BatchResult:
    """`detections` in the order of the photos; `analysed` were run now, the others were there already."""

    detections: tuple[Detection, ...]
    rejected: tuple[Rejected, ...]
    analysed: int


def photos_in(path: Path) -> list[Path]:
    """The photo itself, or the photos of a folder by name.

    Raises:
        InputError: nothing there, or two photos with one stem (their masks would overwrite each other).
    """
    if path.is_file():
        return [path]
    found = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PHOTO_SUFFIXES) if path.is_dir() else []
    if not found:
        raise InputError("hull.no_photos", path=str(path))
    return _one_per_stem(found)


def _one_per_stem(paths: Iterable[Path]) -> list[Path]:
    seen: dict[str, Path] = {}
    for path in paths:
        if path.stem in seen:
            raise InputError("hull.same_stem", first=seen[path.stem].name, second=path.name)
        seen[path.stem] = path
    return list(seen.values())


def detect_photos(
    paths: Iterable[Path],
    out_dir: Path,
    settings: HullSettings,
    on_progress: Progress | None = None,
    gsd_mm: Mapping[str, float] | None = None,
) -> BatchResult:
    """Detect in every photo; writes `<stem>.json` (`yunjian.detection/1`) and `<stem>.png` (mask in full size) into `out_dir`.

    `gsd_mm` is the ground sample distance in mm per pixel by file name, where known; it decides the reading resolution and the areas.
    Photos whose result is there already, from the same bytes, weights and settings, are not run again. Results do not depend on
    the number of workers.
    """
    photos = _one_per_stem(paths)
    known = dict(gsd_mm or {})
    model = load_model(settings)
    out_dir.mkdir(parents=True, exist_ok=True)
    _same_run(out_dir, model, settings)
    by_file: dict[str, Detection] = {}
    rejected: list[Rejected] = []
    analysed = 0
    with ThreadPoolExecutor(max_workers=max(1, settings.workers)) as pool:
        waiting = {pool.submit(_one, photo, out_dir, model, settings, known.get(photo.name)): photo for photo in photos}
        for done, future in enumerate(as_completed(waiting), start=1):
            photo = waiting[future]
            try:
                detection, fresh = future.result()
                by_file[photo.name] = detection
                analysed += fresh
            except StorageFull:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
            except YunJianError as error:
                rejected.append(Rejected(photo.name, error))
            if on_progress is not None:
                on_progress(done, len(photos), photo.name)
    order = [photo.name for photo in photos]
    return BatchResult(
        tuple(by_file[name] for name in order if name in by_file),
        tuple(sorted(rejected, key=lambda reject: order.index(reject.file))),
        analysed,
    )


def _same_run(out_dir: Path, model: Model, settings: HullSettings) -> None:
    """Results of other weights or settings must not be taken for results of these: they are removed."""
    wanted = json.dumps(
        {
            "model": model.sha256,
            "threshold": settings.threshold,
            "min_area_px": settings.min_area_px,
            "tile_px": settings.tile_px,
            "pack": detector_pack().model_dump(mode="json"),
        }
    )
    path = out_dir / _RUN_FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        for old in out_dir.glob("*.json"):
            old.unlink()
        _write_whole(path, wanted.encode())


def _one(path: Path, out_dir: Path, model: Model, settings: HullSettings, gsd_mm: float | None) -> tuple[Detection, bool]:
    earlier = _earlier(path, out_dir, gsd_mm, settings.max_megapixels)
    if earlier is not None:
        return earlier, False
    detection, mask_png = detect_photo(path, model, settings, gsd_mm)
    _write_whole(out_dir / f"{path.stem}.png", mask_png)
    _write_whole(out_dir / f"{path.stem}.json", detection.to_json().encode())
    return detection, True


def detect_photo(path: Path, model: Model, settings: HullSettings, gsd_mm: float | None = None) -> tuple[Detection, bytes]:
    """Findings and the mask as PNG bytes (8-bit class ids, size of the photo after EXIF rotation).

    Raises:
        InputError, NotFound: as `read_photo`.
    """
    pack = detector_pack().resolution
    scale, long_side = (
        (None, pack.unknown_long_side_px) if gsd_mm is None else (0.5 if gsd_mm < pack.fine_gsd_mm else 1.0, None)
    )
    photo = read_photo(path, settings.max_megapixels, scale, long_side)
    read = read_whole if gsd_mm is None else read_probabilities
    reading = read(model, photo.image, settings.tile_px)
    rule = detector_pack().threshold if gsd_mm is None else detector_pack().survey_threshold
    mask = reading.mask(settings.threshold, rule)
    full = (photo.width, photo.height)
    findings = find(reading, mask, full, settings.min_area_px, gsd_mm, photo.sha256)
    if mask.shape[::-1] != full:
        mask = np.asarray(cv2.resize(mask, full, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    _, png = cv2.imencode(".png", mask, _PNG)
    detection = Detection(
        model=ModelRef(sha256=model.sha256, name=model.name),
        photo=PhotoRef(file=photo.file, sha256=photo.sha256, width=photo.width, height=photo.height, gsd_mm=gsd_mm),
        findings=findings,
    )
    return detection, png.tobytes()


def _earlier(path: Path, out_dir: Path, gsd_mm: float | None, max_megapixels: float) -> Detection | None:
    result = out_dir / f"{path.stem}.json"
    if not result.is_file() or not (out_dir / f"{path.stem}.png").is_file():
        return None
    try:
        detection = Detection.model_validate_json(result.read_text(encoding="utf-8"))
    except ValidationError:
        return None
    current = read_photo(path, max_megapixels, long_side_px=32)
    same = detection.photo.sha256 == current.sha256 and detection.photo.gsd_mm == gsd_mm
    return detection if same and detection.photo.file == path.name else None


def _write_whole(path: Path, data: bytes) -> None:
    """Write to a temporary name beside `path`, then rename.

    Raises:
        StorageFull: no space; nothing half-written stays.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("storage_full", name=path.name) from error
        raise
