"""Owns the PDF of a record: previews, hull drawings, the page data, one typeset run per language.

Never builds markup from data: everything a person wrote reaches the template through ``json()``.
The same record and the same evidence give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageOps
from pyhanko.pdf_utils.reader import PdfFileReader

from config import Settings, pack_path
from core.catalogue import LANGS, Lang, entries, text
from core.clock import rfc3339
from core.files import FileStore
from inspection.record import CaseRecord
from reports.hullmap import SIDES, draw_side
from reports.model import ellipse, people, record_bytes, summarise, visible_json
from reports.typeset import typeset

TEMPLATES = Path(__file__).with_name("templates")
HullSvgs = Mapping[Lang, tuple[Path, ...]]
"""Drawings of the hull map, per language, in the order they are printed."""


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """An unsigned report: tagged PDF/A-3a with ``record.json`` attached."""

    lang: Lang
    pdf: bytes
    pages: int
    peak_mb: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of the evidence in the report: file below the work folder, size of the preview in pixels."""

    file: str
    width_px: int
    height_px: int


@cache
def report_pack() -> dict[str, Any]:
    """``config/reports/report.toml``."""
    return tomllib.loads(pack_path("reports", "report.toml").read_text(encoding="utf-8"))


class Workspace:
    """A folder in which reports of one record are set; holds what all languages share."""

    def __init__(
        self, root: Path, record: CaseRecord, files: FileStore, settings: Settings, hull_svgs: HullSvgs | None
    ) -> None:
        self.root, self.record, self.settings = root, record, settings
        self.pack = report_pack()
        self.record_json = record_bytes(record)
        shutil.copytree(TEMPLATES, root, dirs_exist_ok=True)
        (root / "record.json").write_bytes(self.record_json)
        self.previews = self._make_previews(files)
        self.drawings = {lang: self._drawings(lang, hull_svgs) for lang in LANGS}

    def render(self, lang: Lang) -> RenderedReport:
        """Set the report in one language; raises as `reports.typeset.typeset`."""
        (self.root / "data.json").write_text(json.dumps(self._page_data(lang), ensure_ascii=False), encoding="utf-8")
        at = max((decision.at for decision in self.record.decisions), default=self.record.opened_at)
        done = typeset(self.root, "report.typ", self.settings, at, float(self.pack["typeset_seconds"]))
        pages = int(PdfFileReader(BytesIO(done.pdf)).root["/Pages"]["/Count"])
        return RenderedReport(lang, done.pdf, pages, done.peak_mb)

    def _page_data(self, lang: Lang) -> dict[str, object]:
        at = max((decision.at for decision in self.record.decisions), default=self.record.opened_at)
        return {
            "lang": lang,
            "other": "en" if lang == "zh" else "zh",
            "text": {key: entry for key, entry in entries().items() if key.startswith("reports.pdf.")},
            "record": visible_json(self.record_json),
            "record_sha256": hashlib.sha256(self.record_json).hexdigest(),
            "date": rfc3339(at),
            "utc_offset_hours": self.pack["utc_offset_hours"],
            "issuer": self.pack["issuer"],
            "colours": self.pack["class_colours"],
            "people": people(self.record),
            "summary": dataclasses.asdict(summarise(self.record)),
            "ellipses": {
                one.id: dataclasses.asdict(found) for one in self.record.findings if (found := ellipse(one)) is not None
            },
            "previews": {key: dataclasses.asdict(preview) for key, preview in self.previews.items()},
            "drawings": [path.name for path in self.drawings[lang]],
        }

    def _drawings(self, lang: Lang, given: HullSvgs | None) -> list[Path]:
        drawings: list[Path] = []
        if given is not None and given.get(lang):
            for source in given[lang]:
                target = self.root / f"hull.{lang}.{len(drawings) + 1}.svg"
                shutil.copyfile(source, target)
                drawings.append(target)
            return drawings
        labels = {key: text(f"reports.pdf.hull.{key}", lang) for key in ("stern", "bow", "waterline")}
        for side in SIDES:
            svg = draw_side(self.record, side, text(f"reports.pdf.side.{side}", lang), labels, self.pack["class_colours"])
            if svg is not None:
                target = self.root / f"hull.{lang}.{side}.svg"
                target.write_bytes(svg)
                drawings.append(target)
        return drawings

    def _make_previews(self, files: FileStore) -> dict[str, Preview]:
        folder = self.root / "previews"
        folder.mkdir()
        made: dict[str, Preview] = {}
        by_hash: dict[str, Preview | None] = {}
        for one in self.record.evidence:
            if not one.media_type.startswith("image/"):
                continue
            if one.sha256 not in by_hash:
                by_hash[one.sha256] = make_preview(
                    files.read(one.sha256), folder / f"{one.sha256[:32]}.jpg", self.settings.report.preview_px,
                    int(self.pack["preview_quality"]), int(self.pack["preview_max_megapixels"]),
                )  # fmt: skip
            preview = by_hash[one.sha256]
            if preview is not None:
                made[one.id] = preview
        return made


def make_preview(data: bytes, target: Path, longest_px: int, quality: int, max_megapixels: int) -> Preview | None:
    """Write a JPEG no longer than `longest_px` with nothing but pixels in it (no EXIF, no position, no thumbnail).

    None where the bytes are no picture or too large to decode: the original stays in the bundle and the report says so.
    """
    try:
        with Image.open(BytesIO(data)) as source:
            if source.width * source.height > max_megapixels * 1_000_000:
                return None
            share = longest_px / max(source.size)  # the decoder skips pixels only if both sides of the wish are small enough
            source.draft("RGB", (int(source.width * share), int(source.height * share)))
            upright = ImageOps.exif_transpose(source).convert("RGB")
            upright.thumbnail((longest_px, longest_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
            upright.info = {}  # a comment or profile would travel into the preview
            upright.save(target, "JPEG", quality=quality)
            return Preview(f"{target.parent.name}/{target.name}", upright.width, upright.height)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


@contextmanager
def workspace(
    record: CaseRecord, files: FileStore, settings: Settings, hull_svgs: HullSvgs | None = None
) -> Iterator[Workspace]:
    """A temporary work folder for one record.

    Raises:
        NotFound, Altered: evidence named in the record is not in the store, or no longer what it was.
    """
    with TemporaryDirectory(prefix="yunjian-report-") as folder:
        yield Workspace(Path(folder).resolve(), record, files, settings, hull_svgs)


def render_report(
    record: CaseRecord, lang: Lang, files: FileStore, settings: Settings, hull_svgs: HullSvgs | None = None
) -> RenderedReport:
    """One report in one language."""
    with workspace(record, files, settings, hull_svgs) as work:
        return work.render(lang)
