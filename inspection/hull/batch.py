"""Owns the run of the detector over many photos: workers, resume after a stop, results written whole or not at all.

Never lets one bad photo end the batch: it is counted with the code of its error.
"""

from __future__ import annotations

import errno
import hashlib
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
from inspection.hull import kept
from inspection.hull.detect import read_whole
from inspection.hull.findings import Detection, ModelRef, PhotoRef, find
from inspection.hull.overview import Part, overview_pack, read_part
from inspection.hull.packs import detector_pack
from inspection.hull.picture import read_photo
from inspection.hull.weights import Model, load_model

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".mpo"}
_RUN_FILE = "run.meta"
# Of the ways to write a mask of 12 megapixels, five times faster than OpenCV's usual one, and half as large.
_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
]  # fmt: skip
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A photo that could not be read, and why."""

    file: str
    error: YunJianError


@dataclass(frozen=True, slots=True)
class BatchResult:
    """`detections` in the order of the photos; `analysed` went through the model now, the others had results or probabilities."""

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
    parts: Mapping[str, Part] | None = None,
) -> BatchResult:
    """Detect in every photo; writes `<stem>.json` (`yunjian.detection/1`), `<stem>.png` (mask in full size) and `<stem>.prob.png`
    (probabilities at the network's stride) into `out_dir`.

    `gsd_mm` is the ground sample distance in mm per pixel by file name, where known; it decides the reading resolution and the areas.
    `parts` says by file name where the photo can show the shell; outside it nothing is read.
    Photos whose result is there already, from the same bytes, weights and settings, are not run again; after a change of thresholds alone
    the kept probabilities are decided anew, without the model. Results do not depend on the number of workers.
    """
    photos = _one_per_stem(paths)
    known, where = dict(gsd_mm or {}), dict(parts or {})
    model = load_model(settings)
    out_dir.mkdir(parents=True, exist_ok=True)
    _same_run(out_dir, model, settings)
    by_file: dict[str, Detection] = {}
    rejected: list[Rejected] = []
    analysed = 0
    with ThreadPoolExecutor(max_workers=max(1, settings.workers)) as pool:
        waiting = {
            pool.submit(_one, photo, out_dir, model, settings, known.get(photo.name), where.get(photo.name)): photo
            for photo in photos
        }
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
    """Results of other weights or settings must not be taken for results of these: they are removed. Kept probabilities stay while only
    what is made of them has changed: thresholds and the smallest area.
    """
    pack = detector_pack()
    reading = {
        "model": model.sha256,
        "tile_px": settings.tile_px,
        "resolution": pack.resolution.model_dump(mode="json"),
        "overview": overview_pack().model_dump(mode="json"),
    }
    deciding = {"threshold": settings.threshold, "min_area_px": settings.min_area_px, "pack": pack.model_dump(mode="json")}
    path = out_dir / _RUN_FILE
    wanted = f"{json.dumps(reading)}\n{json.dumps(deciding)}\n"
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    if there == wanted:
        return
    stale = ["*.json"] if there.startswith(f"{json.dumps(reading)}\n") else ["*.json", f"*{kept.SUFFIX}"]
    for old in (one for pattern in stale for one in out_dir.glob(pattern)):
        old.unlink()
    _write_whole(path, wanted.encode())


def _one(
    path: Path, out_dir: Path, model: Model, settings: HullSettings, gsd_mm: float | None, part: Part | None
) -> tuple[Detection, bool]:
    earlier = _earlier(path, out_dir, gsd_mm)
    if earlier is not None:
        return earlier, False
    readings = out_dir / f"{path.stem}{kept.SUFFIX}"
    there = kept.read_kept(readings)
    known = there is not None and there.gsd_mm == gsd_mm and there.photo_sha256 == _sha256(path)
    read = there if there is not None and known else read_one(path, model, settings, gsd_mm, part)
    detection, mask_png = decide(read, path.name, model, settings)
    if not known:
        _write_whole(readings, read.to_png())
    _write_whole(out_dir / f"{path.stem}.png", mask_png)
    _write_whole(out_dir / f"{path.stem}.json", detection.to_json().encode())
    return detection, not known


def detect_photo(path: Path, model: Model, settings: HullSettings, gsd_mm: float | None = None) -> tuple[Detection, bytes]:
    """Findings and the mask as PNG bytes (8-bit class ids, size of the photo after EXIF rotation).

    Raises:
        InputError, NotFound: as `read_photo`.
    """
    return decide(read_one(path, model, settings, gsd_mm), path.name, model, settings)


def read_one(path: Path, model: Model, settings: HullSettings, gsd_mm: float | None, part: Part | None = None) -> kept.Kept:
    """Run the model over one photo: at half resolution where its ground sample distance is finer than needed, whole where it is unknown.

    Raises:
        InputError, NotFound: as `read_photo`.
    """
    pack = detector_pack().resolution
    scale, long_side = (
        (None, pack.unknown_long_side_px) if gsd_mm is None else (0.5 if gsd_mm < pack.fine_gsd_mm else 1.0, None)
    )
    photo = read_photo(path, settings.max_megapixels, scale, long_side)
    if gsd_mm is None:
        reading = read_whole(model, photo.image, settings.tile_px)
    else:
        reading = read_part(model, photo.image, settings.tile_px, part)
    reading = kept.rounded(reading)
    return kept.Kept(reading, photo.sha256, gsd_mm, (photo.width, photo.height))


def decide(read: kept.Kept, file: str, model: Model, settings: HullSettings) -> tuple[Detection, bytes]:
    """Findings and mask (PNG) that the thresholds of `settings` make of a reading."""
    pack = detector_pack()
    mask = read.reading.mask(settings.threshold, pack.threshold if read.gsd_mm is None else pack.survey_threshold)
    findings = find(read.reading, mask, read.full, settings.min_area_px, read.gsd_mm, read.photo_sha256)
    if mask.shape[::-1] != read.full:
        mask = np.asarray(cv2.resize(mask, read.full, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    _, png = cv2.imencode(".png", mask, _PNG)
    told = PhotoRef(file=file, sha256=read.photo_sha256, width=read.full[0], height=read.full[1], gsd_mm=read.gsd_mm)
    return Detection(model=ModelRef(sha256=model.sha256, name=model.name), photo=told, findings=findings), png.tobytes()


def _earlier(path: Path, out_dir: Path, gsd_mm: float | None) -> Detection | None:
    result = out_dir / f"{path.stem}.json"
    if not path.is_file() or not result.is_file() or not (out_dir / f"{path.stem}.png").is_file():
        return None
    try:
        detection = Detection.model_validate_json(result.read_text(encoding="utf-8"))
    except ValidationError:
        return None
    same = detection.photo.file == path.name and detection.photo.gsd_mm == gsd_mm
    return detection if same and detection.photo.sha256 == _sha256(path) else None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
