"""Cost of reading photos: 12-megapixel photos at half resolution in CPU seconds, the share spent in inference, memory, kill -9.

CPU seconds decide, not the clock of a busy machine: two idle cores do 120 CPU seconds a minute. Prints one JSON object.
Usage: python -m tests.perf.bench_hull_speed [--small]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from config import Settings, load_settings
from inspection.hull import detect_photos, map_survey, photos_in, score_map, survey_gsd
from inspection.hull.batch import detect_photo
from inspection.hull.overview import survey_parts
from inspection.hull.synth import render_photo
from inspection.hull.weights import WEIGHTS_DIR, Model, read_card
from tests.perf.bench_hull import write_survey

GSD_MM = 1.4  # 10 m away with the lens of spec/hull.md, section 6: read at half resolution


def twelve_megapixels(seed: int) -> bytes:
    """A JPEG of 4000 x 3000 made of synthetic sides."""
    tiles = [
        cv2.resize(render_photo(500_900 + seed * 4 + index)[0], (2000, 1500), interpolation=cv2.INTER_CUBIC)
        for index in range(4)
    ]
    canvas = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
    return bytes(cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


class _Timed(Model):
    """A model that adds up the CPU seconds inside the inference."""

    inside_s = 0.0

    def run(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        began = time.process_time()
        scores = super().run(tile)
        self.inside_s += time.process_time() - began
        return scores


def cost(folder: Path, count: int, settings: Settings) -> dict[str, float]:
    """CPU seconds a photo, all in one thread, and the share inside ONNX Runtime."""
    card = read_card()
    model = _Timed(WEIGHTS_DIR / card.file, card.sha256, card.name)
    paths = []
    for index in range(count):
        path = folder / f"large-{index}.jpg"
        path.write_bytes(twelve_megapixels(index))
        paths.append(path)
    detect_photo(paths[0], model, settings.hull, GSD_MM)
    model.inside_s, began = 0.0, time.process_time()
    for path in paths:
        detect_photo(path, model, settings.hull, GSD_MM)
    spent = time.process_time() - began
    each = spent / count
    return {
        "cpu_s_per_photo": round(each, 3),
        "photos_per_min_2_idle_cores": round(120.0 / each, 1),
        "inference_share": round(model.inside_s / spent, 3),
    }


def overview(folder: Path, settings: Settings) -> dict[str, float]:
    """A simulated survey: CPU seconds a photo with the parts that can show the shell, and whole; what was found must be alike on the map."""
    ship_dir, survey_dir = write_survey(7101, folder, held_out=False)
    photos, gsd, parts = photos_in(survey_dir), survey_gsd(survey_dir), survey_parts(survey_dir)
    spent, score = {}, {}
    for name, where in (("whole", None), ("parts", parts)):
        began = time.process_time()
        detect_photos(photos, folder / f"read-{name}", settings.hull, gsd_mm=gsd, parts=where)
        spent[name] = (time.process_time() - began) / len(photos)
        score[name] = score_map(map_survey(survey_dir, folder / f"read-{name}"), ship_dir)
    return {
        "photos": len(photos),
        "cpu_s_whole": round(spent["whole"], 3),
        "cpu_s_parts": round(spent["parts"], 3),
        "times_faster": round(spent["whole"] / spent["parts"], 2),
        "found_whole": round(score["whole"].recall, 4),
        "found_parts": round(score["parts"].recall, 4),
        "false_whole": score["whole"].false,
        "false_parts": score["parts"].false,
    }


def small_photos(folder: Path, count: int) -> None:
    folder.mkdir()
    pool = [cv2.resize(render_photo(500_800 + index)[0], (224, 224)) for index in range(8)]
    for index in range(count):
        image = np.roll(pool[index % 8], index // 8 * 3, axis=1)
        cv2.imwrite(str(folder / f"p{index:05d}.jpg"), image)


def memory(folder: Path, count: int, settings: Settings) -> dict[str, float]:
    """Resident memory after a tenth of the photos and at the end, MB."""
    photos = photos_in(folder)
    seen: list[float] = []

    def note(done: int, total: int, _: str) -> None:
        if done in {max(1, total // 10), total}:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            seen.append(pages * resource.getpagesize() / 1e6)

    detect_photos(photos[:count], folder.parent / "memory", settings.hull, note)
    return {"photos": float(count), "rss_mb_after_a_tenth": round(seen[0], 1), "rss_mb_at_the_end": round(seen[-1], 1)}


def killed(folder: Path, settings: Settings) -> dict[str, bool | int]:
    """kill -9 in the middle, restart, compare with a run that nobody stopped."""
    whole, stopped = folder.parent / "whole", folder.parent / "stopped"
    total = len(photos_in(folder))
    detect_photos(photos_in(folder), whole, settings.hull)
    command = [sys.executable, "-m", "console.cli", "hull", "detect", str(folder), "--out", str(stopped), "--json"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and len(list(stopped.glob("p*.json"))) < total // 3:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    before = len(list(stopped.glob("p*.json")))
    again = detect_photos(photos_in(folder), stopped, settings.hull)
    return {
        "photos": total,
        "done_before_kill": before,
        "analysed_after_restart": again.analysed,
        "identical": digest(whole) == digest(stopped),
    }


def digest(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="yunjian-bench-hull-speed-") as scratch:
        folder = Path(scratch)
        report: dict[str, object] = {"bars": {"photos_per_min_2_idle_cores": 60, "inference_share": 0.9}}
        report["twelve_megapixels"] = cost(folder, 1 if small else 6, settings)
        report["sky_and_water_left_out"] = overview(folder, settings)
        small_photos(folder / "survey", 40 if small else 200)
        report["kill_9"] = killed(folder / "survey", settings)
        small_photos(folder / "many", 60 if small else 2000)
        report["memory"] = memory(folder / "many", 60 if small else 2000, settings)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
