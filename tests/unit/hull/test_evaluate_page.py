from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from config import Settings
from core.catalogue import LANGS, Lang
from inspection.hull.evaluate import evaluate_folder
from inspection.hull.evaluate_page import render_page, worst_pictures


class _Page(HTMLParser):
    """Counts what the page shows; a tag that is not closed would shift the depth."""

    def __init__(self) -> None:
        super().__init__()
        self.figures, self.rows, self.texts = 0, 0, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.figures += tag == "figure"
        self.rows += tag == "tr"
        assert tag != "script"
        assert all(not (value or "").startswith("http") for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clean picture, and one that is labelled all over although there is nothing: the model must look worst there."""
    for name, value in (("clean", 0), ("all_rust", 1)):
        for part, data in (("images", np.full((96, 128, 3), 120, np.uint8)), ("masks", np.full((96, 128), value, np.uint8))):
            (tmp_path / part).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / part / f"{name}.png"), data)
    return tmp_path


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_puts_the_worst_picture_first(folder: Path, settings: Settings, lang: Lang) -> None:
    found = evaluate_folder(folder, settings.hull)
    worst = worst_pictures(folder, settings.hull, "all")
    assert [one.name for one in worst] == ["all_rust.png", "clean.png"]
    assert worst[1].iou is None
    page = _Page()
    page.feed(render_page(found, worst, lang))
    assert page.figures == 2
    assert page.rows == 1 + len(found.baselines) + len(found.curve) + 1 + 6
    assert {"HSV rule", "Lab rule"} <= set(page.texts)
