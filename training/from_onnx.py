"""Turns an ONNX file written by `export.py` back into a checkpoint that training can go on from.

Runs in `.venv-train`. The export folded each batch normalisation into its convolution; here the normalisation is put back with the
statistics that pictures of the data folder give, so that the network computes the same in evaluation and nearly the same in training.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "False")

import numpy as np
import onnx
import onnxruntime
import torch
from data import CLASSES, Augment, Sampler, load
from onnx import numpy_helper
from torch import nn
from ultralytics.nn.tasks import SemanticSegmentationModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("data", type=Path, help="data folder of a run (synth/, real/)")
    parser.add_argument("checkpoint", type=Path)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
    fused = {
        t.name.removeprefix("model."): numpy_helper.to_array(t).copy() for t in onnx.load(str(args.onnx)).graph.initializer
    }
    pictures = load(args.data / "real", real=True) if (args.data / "real").is_dir() else []
    pictures += load(args.data / "synth", real=False)[:200]
    images, _ = Sampler(pictures, 320, 1, Augment((0.35, 0.25, 0.4), 0.3, 0.0, 0.6)).batch(48)
    missing = restore(model, fused, images)
    sample = torch.rand(1, 3, 320, 384, generator=torch.Generator().manual_seed(1))
    model.eval()
    with torch.inference_mode():
        ours = model(sample)
    ours = (ours[0] if isinstance(ours, (tuple, list)) else ours).numpy()
    theirs = onnxruntime.InferenceSession(str(args.onnx)).run(None, {"images": sample.numpy()})[0]
    print(f"left at random: {missing}; largest difference of scores {np.abs(ours - theirs).max():.2e}")
    torch.save({"model": model.state_dict(), "step": 0}, args.checkpoint)


def restore(model: nn.Module, fused: dict[str, np.ndarray], images: torch.Tensor) -> list[str]:
    """Put folded weights into `model`, then give each normalisation the statistics of its own input; returns what had no weights."""
    missing, hooks = [], []
    owners = {name.removesuffix(".bn"): module for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    done = set()
    with torch.no_grad():
        for owner, bn in owners.items():
            key = f"{owner}.conv"
            if f"{key}.weight" not in fused:
                missing.append(owner)
                continue
            conv = model.get_submodule(key)
            conv.weight.copy_(torch.from_numpy(fused[f"{key}.weight"]))
            bias = torch.from_numpy(fused[f"{key}.bias"])
            done |= {f"{key}.weight", f"{key}.bias"}
            hooks.append(bn.register_forward_pre_hook(_calibrate(bias)))
        state = model.state_dict()
        for name, value in fused.items():
            if name not in done and name in state and state[name].shape == value.shape:
                state[name].copy_(torch.from_numpy(value))
        model.eval()
        model(images)
    for hook in hooks:
        hook.remove()
    return missing


def _calibrate(bias: torch.Tensor):  # noqa: ANN202
    def before(bn: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
        mean, var = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        bn.running_mean.copy_(mean)
        bn.running_var.copy_(var)
        bn.weight.copy_((var + bn.eps).sqrt())
        bn.bias.copy_(bias + mean)

    return before


if __name__ == "__main__":
    main()
