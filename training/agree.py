"""Runs an exported ONNX file's own weights in torch, for comparison: the scores of given tiles, beside what ONNX Runtime made of them.

Runs in `.venv-train`. The weights are read from the ONNX file and put into the fused network, so no checkpoint is needed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "False")

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from ultralytics.nn.tasks import SemanticSegmentationModel

CLASSES = 8


def network(path: Path) -> nn.Module:
    """The torch network with the weights of an ONNX file. Ends with a message if a weight of the network is not in the file."""
    model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False).eval()
    model.fuse(verbose=False)
    held = {t.name.removeprefix("model."): numpy_helper.to_array(t).copy() for t in onnx.load(str(path)).graph.initializer}
    state = model.state_dict()
    wanted = [name for name in state if not name.endswith("num_batches_tracked")]
    missing = [name for name in wanted if name not in held or state[name].shape != held[name].shape]
    for name in set(wanted) - set(missing):
        state[name] = torch.from_numpy(held[name])
    model.load_state_dict(state)
    if missing:
        print(f"not in the file: {missing}")  # parts that the class scores do not depend on
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("tiles", type=Path, help=".npz of tiles (1, 3, h, w) float32 RGB 0-1")
    parser.add_argument("scores", type=Path, help=".npz to write: scores (8, h / 8, w / 8) by the same names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = network(args.onnx)
    found = {}
    with torch.inference_mode(), np.load(args.tiles) as tiles:
        for name in tiles.files:
            out = model(torch.from_numpy(tiles[name]))
            found[name] = (out[0] if isinstance(out, (tuple, list)) else out).numpy()[0]
    np.savez(args.scores, **found)


if __name__ == "__main__":
    main()
