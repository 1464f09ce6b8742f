"""Owns the page of an evaluation: model beside the colour rules, the trade-off, classes, and the pictures where the model is most wrong.

Never scores by itself what `evaluate` scores; the error of one picture only orders the page. The page is one HTML file without script.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from config.settings import HullSettings
from core.catalogue import Lang, text
from inspection.hull.baselines import Where, hsv_rule
from inspection.hull.classes import DEFECTS, IGNORE, ClassId, class_table
from inspection.hull.detect import read_whole
from inspection.hull.evaluate import Evaluation, MethodScore, SplitName, labelled_pairs
from inspection.hull.packs import detector_pack
from inspection.hull.picture import Bgr, read_photo
from inspection.hull.weights import load_model

WORST = 24
_THUMB_PX = 420
_STYLE = (
    "body{font:15px/1.5 system-ui,'Noto Sans SC',sans-serif;margin:24px auto;max-width:1240px;padding:0 16px;color:#1c2733}"
    "table{border-collapse:collapse;margin:8px 0 20px}td,th{border:1px solid #c5ced6;padding:4px 10px;text-align:right}"
    "td:first-child,th:first-child{text-align:left}.setting{font-weight:600;background:#eef4fa}.quiet{color:#5a6b7a}"
    "ul{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:14px}"
    "img{max-width:100%;display:block}figure{margin:0}figcaption{font-size:13px}"
)
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: share of its judged pixels painted without reason, share missed, IoU (None: nothing to find), the same of HSV."""

    name: str
    false_share: float
    missed_share: float
    iou: float | None
    hsv_iou: float | None
    jpeg: bytes

    @property
    def wrong(self) -> float:
        return self.false_share + self.missed_share


def worst_pictures(folder: Path, settings: HullSettings, split: SplitName, on_progress: Tell | None = None) -> list[Picture]:
    """The pictures with the largest share of wrong pixels at the setting in force, worst first."""
    model, pairs = load_model(settings), labelled_pairs(folder, split)
    found: list[Picture] = []
    for done, (image_path, mask_path) in enumerate(pairs, start=1):
        image = read_photo(
            image_path, settings.max_megapixels, long_side_px=detector_pack().resolution.unknown_long_side_px
        ).image
        mask = np.asarray(cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE), np.uint8)
        mask = np.asarray(cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
        ours = np.asarray(read_whole(model, image, settings.tile_px).mask(settings.threshold) == ClassId.CORROSION)
        found.append(_picture(image_path.name, image, ours, np.asarray(mask == 1), np.asarray(mask != IGNORE)))
        found = sorted(found, key=lambda one: (-one.wrong, one.name))[:WORST]
        if on_progress is not None:
            on_progress(done, len(pairs), image_path.name)
    return found


def _picture(name: str, image: Bgr, ours: Where, truth: Where, judged: Where) -> Picture:
    area = max(int(judged.sum()), 1)
    false, missed = ours & ~truth & judged, truth & ~ours & judged
    return Picture(
        name, float(false.sum()) / area, float(missed.sum()) / area,
        _iou(ours & judged, truth), _iou(hsv_rule(image) & judged, truth), _shown(image, false, missed, ours & truth),
    )  # fmt: skip


def _iou(found: Where, truth: Where) -> float | None:
    return float((found & truth).sum()) / max(float((found | truth).sum()), 1.0) if truth.any() else None


def _shown(image: Bgr, false: Where, missed: Where, hit: Where) -> bytes:
    """The picture beside itself with what was found (green), painted without reason (magenta) and missed (yellow)."""
    drawn = image.astype(np.float32)
    for where, colour in ((hit, (80, 200, 60)), (false, (200, 0, 200)), (missed, (0, 220, 255))):
        drawn[where] = drawn[where] * 0.35 + np.array(colour, np.float32) * 0.65
    both = np.hstack([image, drawn.astype(np.uint8)])
    scale = min(1.0, 2.0 * _THUMB_PX / both.shape[1])
    small = cv2.resize(
        both, (max(2, round(both.shape[1] * scale)), max(1, round(both.shape[0] * scale))), interpolation=cv2.INTER_AREA
    )
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes())


def render_page(found: Evaluation, worst: list[Picture], lang: Lang) -> str:
    """The page as one HTML document."""
    heading = text(
        "hull.evaluate.heading", lang, model=f"{found.model_name} {found.model_sha256[:12]}", part=found.split,
        rusty=found.rusty_pictures, clean=found.clean_pictures,
    )  # fmt: skip
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head><body><h1>{escape(heading)}</h1>"
        f"{_methods(found, lang)}<h2>{escape(text('hull.page.classes', lang))}</h2>{_classes(found, lang)}"
        f"<h2>{escape(text('hull.page.worst', lang, count=len(worst)))}</h2>"
        f'<p class="quiet">{escape(text("hull.page.colours", lang))}</p><ul>{"".join(_figure(one, lang) for one in worst)}</ul></body></html>'
    )


def _methods(found: Evaluation, lang: Lang) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in text("hull.evaluate.columns", lang).split("|"))
    rows = [_method(row, "") for row in found.baselines]
    setting = found.at_setting.threshold
    rows += [_method(row, ' class="setting"' if row.threshold == setting else "") for row in found.curve]
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _method(row: MethodScore, style: str) -> str:
    numbers = (row.threshold, row.pooled_iou, row.mean_iou, row.area_error_points, row.false_area_mean, row.false_area_median)
    cells = "".join(f"<td>{'–' if number is None else f'{number:g}'}</td>" for number in numbers)
    return f"<tr{style}><td>{escape(row.method)}</td>{cells}<td>{row.clean_over_limit}</td></tr>"


def _classes(found: Evaluation, lang: Lang) -> str:
    """Only corrosion has labelled photographs (spec/hull.md, section 3): of the others the table says that nothing is known."""
    head = "".join(f"<th>{escape(text(f'hull.page.{name}', lang))}</th>" for name in ("class", "iou", "experimental"))
    rows = []
    for class_id in DEFECTS:
        info = class_table()[class_id]
        known = found.at_setting.pooled_iou if class_id is ClassId.CORROSION else None
        iou = text("hull.page.no_truth", lang) if known is None else f"{known:g}"
        name = info.zh if lang == "zh" else info.en
        rows.append(f"<tr><td>{escape(name)}</td><td>{escape(iou)}</td><td>{'*' if info.experimental else ''}</td></tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _figure(one: Picture, lang: Lang) -> str:
    said = text(
        "hull.page.picture", lang, file=one.name, false=f"{one.false_share:.1%}", missed=f"{one.missed_share:.1%}",
        iou="–" if one.iou is None else f"{one.iou:.2f}", hsv="–" if one.hsv_iou is None else f"{one.hsv_iou:.2f}",
    )  # fmt: skip
    data = base64.b64encode(one.jpeg).decode()
    return f'<li><figure><img src="data:image/jpeg;base64,{data}" alt="{escape(one.name)}"><figcaption>{escape(said)}</figcaption></figure></li>'
