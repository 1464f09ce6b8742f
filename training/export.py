"""Turns a checkpoint of `train.py` into an ONNX file with class scores, and checks it against torch.

Runs in `.venv-train`. The graph ends before the argmax: output (n, 8, h / 8, w / 8) logits, so that thresholds stay a setting.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "False")

import numpy as np
import onnxruntime
import torch
from torch import nn
from ultralytics.nn.tasks import SemanticSegmentationModel

CLASSES = 8


class Scores(nn.Module):
    """The network without anything after the class scores."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = self.model(images)
        return out[0] if isinstance(out, (tuple, list)) else out


def read_model(path: Path, *, trust: bool) -> nn.Module:
    """The model of a checkpoint of `train.py`, or, if trusted, a semantic model of eight classes as ultralytics saves it."""
    try:
        state = torch.load(path, weights_only=True)["model"]
    except Exception as error:  # torch raises its unpickler's errors here, whatever they are
        if not trust:
            raise SystemExit(f"{path}: not a checkpoint of train.py ({str(error).splitlines()[0]}); see --trust") from error
        saved = torch.load(path, weights_only=False)
        model = (saved.get("ema") or saved["model"]) if isinstance(saved, dict) else saved
        return model.float()
    model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
    model.load_state_dict(state)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument(
        "--trust", action="store_true", help="the file may be a whole pickled model; loading one runs code inside it"
    )
    args = parser.parse_args()
    model = read_model(args.checkpoint, trust=args.trust)
    model.eval()
    model.fuse(verbose=False)
    scores = Scores(model).eval()
    sample = torch.rand(1, 3, 320, 384, generator=torch.Generator().manual_seed(1))
    axes = {"images": {0: "n", 2: "h", 3: "w"}, "scores": {0: "n", 2: "h8", 3: "w8"}}
    torch.onnx.export(
        scores,
        (sample,),
        str(args.onnx),
        input_names=["images"],
        output_names=["scores"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(args.onnx), providers=["CPUExecutionProvider"])
    agree = []
    for height, width in ((320, 384), (640, 640), (96, 224)):
        images = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))
        with torch.inference_mode():
            ours = scores(images).numpy()
        theirs = session.run(None, {"images": images.numpy()})[0]
        agree.append(float((ours.argmax(1) == theirs.argmax(1)).mean()))
        if ours.shape != (1, CLASSES, height // 8, width // 8):
            raise SystemExit(
                f"scores of shape {ours.shape}, expected (1, {CLASSES}, h/8, w/8): classes of contracts.md, semantic task"
            )
        if not np.allclose(ours, theirs, atol=2e-3):
            raise SystemExit(f"ONNX and torch differ at {height} x {width}: {np.abs(ours - theirs).max()}")
    data = args.onnx.read_bytes()
    print(json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "agreement": min(agree)}))


if __name__ == "__main__":
    main()
