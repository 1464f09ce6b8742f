"""Trains the YOLO26n semantic model on a folder of pictures and masks, on the CPU, within a wall-clock budget.

Runs in `.venv-train`, never in the product. Seeded. Each epoch writes `last.pt`; started again with the same folder it goes on from
there, days later too. The learning rate follows the step count, or the time spent if that runs out first.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "False")

import cv2
import numpy as np
import torch
from data import CLASSES, CORROSION, DOUBT, IGNORE, NOT_RUST, SOUND, Ahead, Augment, Picture, Sampler, load
from torch import nn
from torch.nn import functional
from ultralytics.nn.tasks import SemanticSegmentationModel

STAIN = 3
ALLOWED = {NOT_RUST: [0, 1, 4, 5, 6, 7], SOUND: [0, 1]}
CLASS_WEIGHT = [1.0, 0.8, 1.5, 2.0, 3.5, 3.0, 4.0, 1.5]
DOUBT_SHARE = 0.3  # at least this share of the doubtful pixels inside a person's box is corrosion
STEPS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
CLOSE = "B_"  # phone photos of small dark rust: scored apart from the rest, both halves count


def loss_of(logits: torch.Tensor, masks: torch.Tensor, doubt_weight: float) -> torch.Tensor:
    """Cross entropy where the class is known, log of the allowed mass where only a set is known, Dice, and the area of rust.

    The two kinds of pixels are averaged apart: together, the many half-known pixels of real photographs drowned the rare
    classes that only synthetic pictures show (a first run never predicted coating loss). Dice on corrosion uses every judged
    pixel, Dice on the other defects only pixels whose class is known. The area term holds the share of rust in each crop, which
    is what grades are made of. Doubtful pixels inside a person's box of rust only have to hold some rust.
    """
    target = masks[:, ::2, ::2]
    up = functional.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
    logp = functional.log_softmax(up, dim=1)
    weight = torch.tensor(CLASS_WEIGHT)
    known = target < CLASSES
    index = torch.where(known, target, 0).long()
    weights = weight[index] * known
    loss = (-logp.gather(1, index[:, None])[:, 0] * weights).sum() / weights.sum().clamp(min=1)
    partial, count = logp.new_zeros(()), logp.new_zeros(())
    for code, allowed in ALLOWED.items():
        where = target == code
        if bool(where.any()):
            partial = partial + (-torch.logsumexp(logp[:, allowed], dim=1) * where).sum()
            count = count + where.sum()
    loss = loss + partial / count.clamp(min=1)
    prob = logp.exp()
    judged = (target != IGNORE) & (target != DOUBT)
    rust = target == CORROSION
    loss = loss + 0.5 * soft_dice(prob[:, CORROSION], rust, judged)
    area = (prob[:, CORROSION] * judged).mean((1, 2)) - rust.float().mean((1, 2))
    loss = loss + 0.5 * area.abs().mean()
    doubt = target == DOUBT
    if doubt_weight and bool(doubt.any()):
        pixels = doubt.sum((1, 2))
        share = (prob[:, CORROSION] * doubt).sum((1, 2)) / pixels.clamp(min=1)
        loss = loss + doubt_weight * (functional.relu(DOUBT_SHARE - share) * (pixels > 100)).mean()
    present = [c for c in range(STAIN, CLASSES) if bool((target == c).any())]
    for class_id in present:
        loss = loss + 0.6 / len(present) * soft_dice(prob[:, class_id], target == class_id, known)
    return loss


def soft_dice(prob: torch.Tensor, truth: torch.Tensor, judged: torch.Tensor) -> torch.Tensor:
    """1 - Dice over the judged pixels of the whole batch."""
    prob, truth = prob * judged, truth & judged
    return 1 - (2 * (prob * truth).sum() + 50) / (prob.sum() + truth.sum() + 50)


def probabilities(model: nn.Module, picture: Picture, size: int) -> np.ndarray:
    """(8, h, w) class probabilities of a whole picture, read at long side `size`."""
    height, width = picture.mask.shape
    scale = size / max(height, width)
    shape = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
    image = cv2.resize(picture.image, shape, interpolation=cv2.INTER_AREA)[..., ::-1].transpose(2, 0, 1)
    with torch.inference_mode():
        logits = model(torch.from_numpy(image.copy())[None].float() / 255.0)
        logits = logits[0] if isinstance(logits, (tuple, list)) else logits
        prob = functional.softmax(logits, 1)
        return functional.interpolate(prob, size=(height, width), mode="bilinear", align_corners=False)[0].numpy()


def score(model: nn.Module, pictures: list[Picture], size: int) -> dict[str, object]:
    """Best point of the trade-off on the selection pictures: pooled IoU (of the phone photos apart) and mean false area at several thresholds."""
    model.eval()
    groups = sorted({picture.name.startswith(CLOSE) for picture in pictures if (picture.mask == CORROSION).any()})
    hit, union = np.zeros((2, len(STEPS))), np.zeros((2, len(STEPS)))
    false_area: list[list[float]] = [[] for _ in STEPS]
    for picture in pictures:
        prob = probabilities(model, picture, size)[CORROSION]
        judged, truth = (picture.mask != IGNORE) & (picture.mask != DOUBT), picture.mask == CORROSION
        close = int(picture.name.startswith(CLOSE))
        for i, step in enumerate(STEPS):
            found = (prob > step) & judged
            if truth.any():
                hit[close, i] += (found & truth).sum() / truth.size
                union[close, i] += (found | truth).sum() / truth.size
            else:
                false_area[i].append(found.mean())
    ious = hit / np.maximum(union, 1e-9)
    iou = ious[[int(group) for group in groups]].mean(axis=0) if groups else np.zeros(len(STEPS))
    false = np.array([np.mean(values) if values else 0.0 for values in false_area])
    value = iou - 6.0 * np.maximum(false - 0.01, 0.0)
    best = int(np.argmax(value))
    rows = zip(STEPS, *ious, false, strict=True)
    return {
        "iou": round(float(iou[best]), 4),
        "false_area": round(float(false[best]), 5),
        "threshold": STEPS[best],
        "value": round(float(value[best]), 4),
        "curve": [[s, round(float(a), 4), round(float(c), 4), round(float(b), 5)] for s, a, c, b in rows],
    }


def class_ious(model: nn.Module, pictures: list[Picture], size: int) -> dict[int, float]:
    """IoU of each class on pictures whose every pixel is known (synthetic ones)."""
    model.eval()
    hit, union = np.zeros(CLASSES), np.zeros(CLASSES)
    for picture in pictures:
        label = probabilities(model, picture, size).argmax(0)
        for class_id in range(CLASSES):
            found, truth = label == class_id, picture.mask == class_id
            hit[class_id] += (found & truth).sum()
            union[class_id] += (found | truth).sum()
    return {c: round(float(hit[c] / max(union[c], 1)), 3) for c in range(CLASSES)}


class Run:
    """A training run and its state on disk."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.step, self.seconds, self.best, self.running = 0, 0.0, -9.0, 0.0
        self.model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
        self.shadow = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
        if args.start:
            self.model.load_state_dict(torch.load(args.start, weights_only=True)["model"])
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=args.lr)
        self.ahead: Ahead | None = None
        self.resume_rng: dict[str, object] | None = None
        if (args.out / "last.pt").is_file():
            self._resume(torch.load(args.out / "last.pt", weights_only=True))

    def _resume(self, state: dict[str, object]) -> None:
        self.model.load_state_dict(state["raw"])
        self.average = state["model"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.resume_rng = json.loads(state["rng"])
        print(f"goes on from step {self.step}, {self.seconds:.0f} s", flush=True)

    def read_pictures(self) -> None:
        """(Re-)read the data folder: pictures that were added meanwhile take part from the next epoch on."""
        data = self.args.data
        pictures = load(data / "synth", real=False)
        if (data / "real" / "images").is_dir():
            pictures += load(data / "real", real=True)
        pairs = (entry.split("=") for entry in self.args.favour)
        favour = tuple((start, float(weight)) for start, weight in pairs)
        how = Augment(tuple(self.args.shares), self.args.paste, self.args.mosaic, self.args.light, favour)
        sampler = Sampler(pictures, self.args.size, self.args.seed, how)
        if self.ahead is not None:
            sampler.rng.bit_generator.state = json.loads(self.ahead.state())
        elif self.resume_rng is not None:
            sampler.rng.bit_generator.state = self.resume_rng
        self.ahead = Ahead(sampler, self.args.batch)
        print(f"{len(pictures)} pictures", flush=True)

    @property
    def progress(self) -> float:
        return max(self.step / self.args.steps, self.seconds / (self.args.minutes * 60))

    def one_step(self) -> None:
        started = time.monotonic()
        self.step += 1
        falling = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0)))
        rate = self.args.lr * min(1.0, self.step / 60) * falling
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        images, masks = self.ahead.take()
        main_logits, aux_logits = self.model(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(main_logits, masks, self.args.doubt) + 0.3 * loss_of(aux_logits, masks, self.args.doubt)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        keep = 0.997 * (1 - np.exp(-self.step / 150))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].mul_(keep).add_(value, alpha=1 - keep)
                else:
                    self.average[name].copy_(value)
        self.running = 0.95 * self.running + 0.05 * float(loss.detach()) if self.running else float(loss.detach())
        self.seconds += time.monotonic() - started
        if self.step % 25 == 0:
            print(f"step {self.step} loss {self.running:.3f} lr {rate:.2e} {self.seconds:.0f} s", flush=True)

    def checkpoint(self, selection: list[Picture], known: list[Picture]) -> None:
        """Score the averaged weights, add a line to the curve, write `last.pt`, keep the epoch's weights and perhaps `best.pt`."""
        started = time.monotonic()
        self.shadow.load_state_dict(self.average)
        figures = score(self.shadow, selection, self.args.score_size)
        figures["class_iou"] = class_ious(self.shadow, known, 448) if known else {}
        self.seconds += time.monotonic() - started
        line = {"step": self.step, "seconds": round(self.seconds, 1), "loss": round(self.running, 4), **figures}
        with (self.args.out / "curve.jsonl").open("a", encoding="utf-8") as curve:
            curve.write(json.dumps(line) + "\n")
        print(f"step {self.step} selection {figures}", flush=True)
        light_state = {"model": {k: v.clone() for k, v in self.average.items()}, "step": self.step}
        if figures["value"] >= self.best:
            self.best = figures["value"]
            write_whole(light_state, self.args.out / "best.pt")
        write_whole(light_state, self.args.out / f"epoch-{self.step // self.args.epoch_steps:03d}.pt")
        rng = self.ahead.state()
        raw = {k: v.clone() for k, v in self.model.state_dict().items()}
        heavy = {"raw": raw, "optimiser": self.optimiser.state_dict(), "seconds": self.seconds, "best": self.best, "rng": rng}
        write_whole({**light_state, **heavy}, self.args.out / "last.pt")


def write_whole(state: dict[str, object], path: Path) -> None:
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with synth/, real/, select/ and known/, each with images/ and masks/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--epoch-steps", type=int, default=250)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--score-size", type=int, default=512)
    parser.add_argument("--minutes", type=float, default=19.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--paste", type=float, default=0.35)
    parser.add_argument("--mosaic", type=float, default=0.0, help="share of crops made of four small ones")
    parser.add_argument("--light", type=float, default=0.6, help="strength of the changes of light and colour")
    parser.add_argument(
        "--doubt", type=float, default=0.0, help="weight of the rust that a box holds among its doubtful pixels"
    )
    parser.add_argument("--shares", type=float, nargs=3, default=(0.38, 0.25, 0.37), help="real rusty, real clean, synthetic")
    parser.add_argument("--favour", nargs="*", default=[], metavar="START=WEIGHT", help="draw pictures with such names oftener")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (weights only)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(args)
    run.model.to(memory_format=torch.channels_last)
    selection = load(args.data / "select", real=True)
    known = load(args.data / "known", real=False) if (args.data / "known" / "images").is_dir() else []
    while run.progress < 1.0:
        run.read_pictures()
        for _ in range(args.epoch_steps):
            run.one_step()
            if run.progress >= 1.0:
                break
        run.checkpoint(selection, known)


if __name__ == "__main__":
    main()
