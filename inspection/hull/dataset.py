"""Owns handing masks on as training data for other tools: COCO and YOLO folders from photographs and masks of class ids.

Never trains. What goes out carries where it came from: SHA-256 of each photograph, and who or what drew the mask.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from inspection.hull.classes import DEFECTS, IGNORE, ClassId, class_table
from inspection.hull.packs import detector_pack

Format = Literal["coco", "yolo", "real"]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph with its mask (8-bit class ids, contracts.md); `drawn_by` says who or what drew it."""

    photo: Path
    mask: Path
    drawn_by: str


def export_dataset(items: list[Labelled], out: Path, fmt: Format) -> int:
    """Write `images/` and the labels of `fmt` into `out`: COCO `annotations.json` with exact run lengths, YOLO polygons with `data.yaml`, or
    `real`: `masks/` (0 not corroded, 1 corrosion, 255 ignore), the layout that `yunjian hull train --real` and `evaluate` read.

    Returns:
        The number of annotations.

    Raises:
        InputError: a mask that is not a mask of class ids of its photograph's size.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    return {"coco": _coco, "yolo": _yolo, "real": _real}[fmt](items, out)


def _read(item: Labelled, out: Path) -> tuple[Mask, str]:
    """The mask and the photograph's SHA-256; the photograph is copied."""
    data = item.photo.read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    mask = cv2.imread(str(item.mask), cv2.IMREAD_UNCHANGED)
    if image is None or mask is None or mask.ndim != 2 or mask.dtype != np.uint8 or mask.shape != image.shape[:2]:
        raise InputError("hull.mask_does_not_fit", file=item.mask.name)
    (out / "images" / item.photo.name).write_bytes(data)
    return np.asarray(mask, np.uint8), hashlib.sha256(data).hexdigest()


def _parts(mask: Mask) -> list[tuple[ClassId, Mask]]:
    """(class, mask 0/1 of the whole picture) of each connected part of each defect, small ones as they are."""
    parts = []
    for class_id in DEFECTS:
        count, labels = cv2.connectedComponents((mask == class_id).astype(np.uint8), connectivity=8)
        parts += [(class_id, np.asarray(labels == label, np.uint8)) for label in range(1, count)]
    return parts


def _coco(items: list[Labelled], out: Path) -> int:
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for image_id, item in enumerate(items, start=1):
        mask, sha256 = _read(item, out)
        height, width = mask.shape
        images.append(
            {"id": image_id, "file_name": item.photo.name, "width": width, "height": height, "sha256": sha256, "drawn_by": item.drawn_by}
        )  # fmt: skip
        for class_id, part in _parts(mask):
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": image_id, "category_id": int(class_id), "iscrowd": 0,
                    "area": int(part.sum()), "bbox": [int(value) for value in cv2.boundingRect(part)],
                    "segmentation": {"size": [height, width], "counts": run_lengths(part)},
                }
            )  # fmt: skip
    table = class_table()
    categories = [{"id": int(class_id), "name": class_id.name.lower(), "name_zh": table[class_id].zh} for class_id in DEFECTS]
    document = {
        "info": {"description": "YunJian hull masks"},
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (out / "annotations.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return len(annotations)


def _real(items: list[Labelled], out: Path) -> int:
    (out / "masks").mkdir(parents=True, exist_ok=True)
    sources, written = [], 0
    for item in items:
        mask, sha256 = _read(item, out)
        plain = np.where(mask == IGNORE, np.uint8(IGNORE), (mask == ClassId.CORROSION).astype(np.uint8))
        cv2.imwrite(str(out / "masks" / f"{item.photo.stem}.png"), plain)
        sources.append(f"{sha256}  {item.photo.name}  {item.drawn_by}\n")
        written += bool((plain == 1).any())
    (out / "sources.txt").write_text("".join(sources), encoding="utf-8")
    return written


def run_lengths(part: Mask) -> list[int]:
    """COCO's uncompressed run lengths of a 0/1 mask: column by column, zeros first."""
    flat = np.concatenate([[0], part.ravel(order="F"), [2]]).astype(np.int8)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[1], ends])).tolist()
    return [int(length) for length in lengths]


def _yolo(items: list[Labelled], out: Path) -> int:
    (out / "labels").mkdir(parents=True, exist_ok=True)
    index = {class_id: number for number, class_id in enumerate(DEFECTS)}
    written = 0
    sources = []
    for item in items:
        mask, sha256 = _read(item, out)
        height, width = mask.shape
        lines = []
        for class_id, part in _parts(mask):
            contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            outline = cv2.approxPolyDP(max(contours, key=cv2.contourArea), detector_pack().findings.simplify_px, closed=True)[
                :, 0
            ]
            if len(outline) < 3:
                x, y, w, h = cv2.boundingRect(part)
                outline = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
            shares = (np.clip(outline, 0, [width, height]) / [width, height]).ravel().tolist()
            lines.append(" ".join([str(index[class_id]), *(f"{share:.6f}" for share in shares)]))
        (out / "labels" / f"{item.photo.stem}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sources.append(f"{sha256}  {item.photo.name}  {item.drawn_by}\n")
        written += len(lines)
    names = "".join(f"  {number}: {class_id.name.lower()}\n" for class_id, number in index.items())
    (out / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}", encoding="utf-8")
    (out / "sources.txt").write_text("".join(sources), encoding="utf-8")
    return written
