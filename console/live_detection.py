"""Owns the detector's proposals over a live picture: frames of a watched track go to a process of its own, outlines to the room.

Never makes a finding: what is drawn is a proposal of the model on one frame, and is not kept. A person freezes the picture and judges.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from config.settings import HullSettings
from core.context import Services
from core.errors import YunJianError
from core.processes import python_module, spawn, stop
from inspection.hull import class_table
from inspection.hull.batch import detect_photo
from inspection.hull.classes import ClassId
from inspection.hull.weights import load_model
from video.control import PictureReady
from video.hub import Hub

log = logging.getLogger("console.live_detection")
MOST_SHAPES = 60


class LiveDetection:
    """One detector process, started with the first watched picture. A frame that comes while it works is left out."""

    def __init__(self, services: Services, hub: Hub) -> None:
        self._services, self._hub = services, hub
        self._process: subprocess.Popen[str] | None = None
        self._busy = False
        self._lock = threading.Lock()

    def on_picture(self, news: PictureReady) -> None:
        """From any thread: a new picture of a watched seat."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            process = self._process
            if self._busy or process is None or process.stdin is None:
                return
            try:
                process.stdin.write(news.model_dump_json() + "\n")
                process.stdin.flush()
                self._busy = True
            except OSError:
                log.warning("the live detector has gone; it starts again with the next picture")

    def stop(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            stop(process)

    def _start(self) -> None:
        command = python_module("console.live_detection", self._services.settings.hull.model_dump_json())
        self._process, self._busy = spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE), False
        threading.Thread(target=self._read, args=(self._process,), name="live-detection", daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            told = json.loads(line)
            with self._lock:
                self._busy = False
            self._hub.tell_room(told.pop("room"), {"type": "proposals", **told})


def proposals(path: Path, model: Any, settings: HullSettings) -> list[dict[str, Any]]:
    """Outlines in one picture, as shares of its width and height, the surest first. Empty for a picture that cannot be read."""
    try:
        found, _ = detect_photo(path, model, settings)
    except YunJianError:
        return []
    width, height, names = found.photo.width, found.photo.height, class_table()
    return [
        {
            "class_zh": names[ClassId(one.class_id)].zh, "class_en": names[ClassId(one.class_id)].en,
            "score": one.score, "points": [[round(x / width, 4), round(y / height, 4)] for x, y in one.polygon_px],
        }
        for one in sorted(found.findings, key=lambda one: -one.score)[:MOST_SHAPES]
    ]  # fmt: skip


def main(settings: HullSettings) -> None:
    """Answer each line of standard input (a `PictureReady`) with a line of proposals; ends with its input."""
    model = load_model(settings)
    for line in sys.stdin:
        news = PictureReady.model_validate_json(line)
        shapes = proposals(Path(news.path), model, settings)
        sys.stdout.write(
            json.dumps({"room": news.room, "seat": news.seat, "shapes": shapes, "model": model.sha256[:12]}) + "\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main(HullSettings.model_validate_json(sys.argv[1]))
