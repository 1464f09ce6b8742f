"""Share of pixels on which ONNX Runtime and torch give the same mask, both with the product's own post-processing.

Synthetic photographs, and the real ones of ../shared/data/hull where they are. Needs `make train-env`; without it, it says so.
Prints one JSON object. Usage: python -m tests.perf.bench_hull_agree [--small]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from config import load_settings
from inspection.hull.detect import Reading
from inspection.hull.packs import detector_pack
from inspection.hull.synth import render_photo
from inspection.hull.weights import WEIGHTS_DIR, load_model, read_card

ROOT = Path(__file__).resolve().parents[2]
BAR = 0.999
STRIDE = 8


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """BGR pictures with sides on multiples of 32."""
    real = sorted((ROOT.parent / "shared" / "data" / "hull" / "images").rglob("*.jpg"))
    found = [render_photo(500_700 + index)[0] for index in range(count // 2)]
    found += [np.asarray(cv2.imread(str(path)), np.uint8) for path in real[:: max(1, len(real) * 2 // count)][: count // 2]]
    return [picture[: picture.shape[0] // 32 * 32, : picture.shape[1] // 32 * 32] for picture in found]


def masks(logits: NDArray[np.float32], threshold: float) -> list[NDArray[np.uint8]]:
    """The mask by the rules for single photos and for surveys."""
    odds = np.exp(logits - logits.max(axis=0, keepdims=True))
    reading = Reading(
        np.asarray(odds / odds.sum(axis=0, keepdims=True), np.float32),
        logits.shape[2] * STRIDE,
        logits.shape[1] * STRIDE,
        STRIDE,
    )
    return [reading.mask(threshold, rule) for rule in (detector_pack().threshold, detector_pack().survey_threshold)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    count = 4 if parser.parse_args().small else 40
    python = ROOT / ".venv-train" / "bin" / "python"
    if not python.is_file():
        print(json.dumps({"bar": BAR, "skipped": "no .venv-train: run make train-env"}))
        return
    settings, card = load_settings(), read_card()
    model = load_model(settings.hull)
    seen = pictures(count)
    with tempfile.TemporaryDirectory(prefix="yunjian-bench-agree-") as scratch:
        tiles, scores = Path(scratch) / "tiles.npz", Path(scratch) / "scores.npz"
        np.savez(tiles, **{str(n): cv2.dnn.blobFromImage(one, 1.0 / 255.0, swapRB=True) for n, one in enumerate(seen)})  # type: ignore[arg-type]
        subprocess.run(
            [str(python), "training/agree.py", str(WEIGHTS_DIR / card.file), str(tiles), str(scores)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        same = total = 0
        furthest = 0.0
        with np.load(scores) as theirs:
            for number, picture in enumerate(seen):
                ours, other = model.run(picture), theirs[str(number)]
                furthest = max(furthest, float(np.abs(ours - other).max()))
                for first, second in zip(
                    masks(ours, settings.hull.threshold), masks(other, settings.hull.threshold), strict=True
                ):
                    same += int((first == second).sum())
                    total += first.size
    report = {
        "bar": BAR, "pictures": len(seen), "pixels": total, "agree": round(same / total, 6), "largest_score_difference": round(furthest, 6),
        "weights": card.sha256[:12],
    }  # fmt: skip
    print(json.dumps(report))


if __name__ == "__main__":
    main()
