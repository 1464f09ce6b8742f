"""Trains the YOLO26n semantic model on a folder of pictures and masks, on the CPU, within a wall-clock budget.

Runs in `.venv-train`, never in the product. Seeded; the learning rate follows the step count, or the clock if that runs out first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "False")

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from ultralytics.nn.tasks import SemanticSegmentationModel

CLASSES = 8
CORROSION, STAIN = 2, 3
IGNORE, NOT_RUST, SOUND = 255, 254, 253
ALLOWED = {NOT_RUST: [0, 1, 4, 5, 6, 7], SOUND: [0, 1]}
CLASS_WEIGHT = [1.0, 0.8, 1.5, 2.0, 2.5, 3.0, 4.0, 1.5]
LONG_SIDE = 640


@dataclass
class Picture:
    """One training picture in memory: image (h, w, 3) BGR, mask (h, w), and whether a camera took it."""

    image: np.ndarray
    mask: np.ndarray
    real: bool
    rusty: bool


def load(folder: Path, *, real: bool) -> list[Picture]:
    """Pictures of ``folder/images`` with ``folder/masks``, long side at most 640 px."""
    pictures = []
    for path in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        mask = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        scale = LONG_SIDE / max(image.shape[:2])
        if scale < 1:
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        pictures.append(Picture(image, mask, real, bool((mask == CORROSION).mean() > 0.005)))
    return pictures


def crop(picture: Picture, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random window (size, size) after random scale, rotation, shear and flip."""
    height, width = picture.mask.shape
    fit = size / max(height, width)
    low, high = (max(fit, 0.35), 1.6) if picture.real else (0.55, 1.5)
    scale = float(np.exp(rng.uniform(np.log(low), np.log(max(high, low * 1.2)))))
    angle = float(rng.normal(0, 6))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[0, 1] += rng.normal(0, 0.06)
    if rng.random() < 0.5:
        matrix = np.array([[-1, 0, width], [0, 1, 0]], float) @ np.vstack([matrix, [0, 0, 1]])
    slack_x, slack_y = max(0.0, width * scale - size) / 2, max(0.0, height * scale - size) / 2
    matrix[0, 2] += size / 2 - width / 2 + rng.uniform(-slack_x, slack_x)
    matrix[1, 2] += size / 2 - height / 2 + rng.uniform(-slack_y, slack_y)
    image = cv2.warpAffine(picture.image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
    mask = cv2.warpAffine(picture.mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=IGNORE)
    return image, mask


def paste_rust(
    image: np.ndarray, mask: np.ndarray, donor: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the rust of the donor crop over the picture, with its truth: real rust on painted hull, rust in clean scenes."""
    rust = (donor[1] == CORROSION).astype(np.uint8)
    if not 0.003 < rust.mean() < 0.6:
        return image, mask
    alpha = cv2.GaussianBlur(rust.astype(np.float32), (0, 0), float(rng.uniform(0.6, 1.6)))[..., None]
    image = (image * (1 - alpha) + donor[0] * alpha).astype(np.uint8)
    ring = (cv2.dilate(rust, np.ones((5, 5), np.uint8)) - rust) > 0
    mask = mask.copy()
    mask[ring] = IGNORE
    mask[rust > 0] = CORROSION
    return image, mask


def colour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Small changes of hue, larger ones of saturation, brightness and contrast; now and then blur or JPEG."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + int(rng.integers(-3, 4))) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.65, 1.25), 0, 255)
    image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR).astype(np.float32)
    image = image * rng.uniform(0.65, 1.35) + rng.uniform(-20, 20)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 85))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


class Sampler:
    """Draws batches: real with rust, real clean, synthetic, in fixed shares; rust is pasted across on part of them."""

    def __init__(self, pictures: list[Picture], size: int, seed: int, shares: tuple[float, float, float], paste: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.size, self.paste = size, paste
        groups = (
            [p for p in pictures if p.real and p.rusty],
            [p for p in pictures if p.real and not p.rusty],
            [p for p in pictures if not p.real],
        )
        weights = np.array([share if group else 0.0 for share, group in zip(shares, groups, strict=True)])
        self.groups, self.weights = groups, weights / weights.sum()

    def _draw(self, group: list[Picture]) -> Picture:
        return group[int(self.rng.integers(len(group)))]

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, s, s) float 0-1 RGB and (n, s, s) uint8."""
        images, masks = [], []
        for _ in range(count):
            which = int(self.rng.choice(3, p=self.weights))
            image, mask = crop(self._draw(self.groups[which]), self.size, self.rng)
            if self.groups[0] and which != 0 and self.rng.random() < self.paste:
                donor = crop(self._draw(self.groups[0]), self.size, self.rng)
                image, mask = paste_rust(image, mask, donor, self.rng)
            images.append(colour(image, self.rng)[..., ::-1].transpose(2, 0, 1))
            masks.append(mask)
        return torch.from_numpy(np.stack(images)).float() / 255.0, torch.from_numpy(np.stack(masks))


def loss_of(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross entropy where the class is known, log of the allowed mass where only a set is known, plus soft Dice.

    The two kinds of pixels are averaged apart: together, the many half-known pixels of real photographs drowned the rare
    classes that only synthetic pictures show (a first run never predicted coating loss). Dice on corrosion uses every judged
    pixel, Dice on the other defects only pixels whose class is known.
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
    loss = loss + 0.5 * soft_dice(prob[:, CORROSION], target == CORROSION, target != IGNORE)
    present = [c for c in range(STAIN, CLASSES) if bool((target == c).any())]
    for class_id in present:
        loss = loss + 0.6 / len(present) * soft_dice(prob[:, class_id], target == class_id, known)
    return loss


def soft_dice(prob: torch.Tensor, truth: torch.Tensor, judged: torch.Tensor) -> torch.Tensor:
    """1 - Dice over the judged pixels of the whole batch."""
    prob, truth = prob * judged, truth & judged
    return 1 - (2 * (prob * truth).sum() + 50) / (prob.sum() + truth.sum() + 50)


def score(model: nn.Module, pictures: list[Picture], size: int = 384) -> dict[str, float]:
    """Best point of the trade-off on the selection pictures: pooled IoU and mean false area at several thresholds."""
    model.eval()
    steps = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    hit, union, false_area = np.zeros(len(steps)), np.zeros(len(steps)), [[] for _ in steps]
    with torch.inference_mode():
        for picture in pictures:
            height, width = picture.mask.shape
            scale = size / max(height, width)
            shape = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
            image = cv2.resize(picture.image, shape, interpolation=cv2.INTER_AREA)[..., ::-1].transpose(2, 0, 1)
            logits = model(torch.from_numpy(image.copy())[None].float() / 255.0)
            logits = logits[0] if isinstance(logits, (tuple, list)) else logits
            prob = functional.softmax(logits, 1)[0, CORROSION].numpy()
            prob = cv2.resize(prob, (width, height))
            judged, truth = picture.mask != IGNORE, picture.mask == CORROSION
            for i, step in enumerate(steps):
                found = (prob > step) & judged
                if truth.any():
                    hit[i] += (found & truth).sum() / truth.size
                    union[i] += (found | truth).sum() / truth.size
                else:
                    false_area[i].append(found.mean())
    iou = hit / np.maximum(union, 1e-9)
    false = np.array([np.mean(values) if values else 0.0 for values in false_area])
    value = iou - 6.0 * np.maximum(false - 0.01, 0.0)
    best = int(np.argmax(value))
    return {
        "iou": round(float(iou[best]), 4),
        "false_area": round(float(false[best]), 5),
        "threshold": steps[best],
        "value": round(float(value[best]), 4),
        "curve": [[s, round(float(a), 4), round(float(b), 5)] for s, a, b in zip(steps, iou, false, strict=True)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with synth/, real/ and select/, each with images/ and masks/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=19.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--paste", type=float, default=0.35)
    parser.add_argument("--shares", type=float, nargs=3, default=(0.38, 0.25, 0.37), help="real rusty, real clean, synthetic")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from (weights only)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    pictures = load(args.data / "synth", real=False)
    if (args.data / "real" / "images").is_dir():
        pictures += load(args.data / "real", real=True)
    selection = load(args.data / "select", real=True)
    model = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True)["model"])
    average = {name: value.clone() for name, value in model.state_dict().items()}
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=args.lr)
    sampler = Sampler(pictures, args.size, args.seed, tuple(args.shares), args.paste)
    shadow = SemanticSegmentationModel("yolo26n-sem.yaml", nc=CLASSES, verbose=False)
    started, best, running = time.monotonic(), -9.0, 0.0
    curve = (args.out / "curve.jsonl").open("a", encoding="utf-8")
    print(f"{len(pictures)} pictures, {len(selection)} for selection, {args.steps} steps of {args.batch}", flush=True)
    step, progress = 0, 0.0
    while progress < 1.0:
        step += 1
        progress = max(step / args.steps, (time.monotonic() - started) / (args.minutes * 60))
        rate = args.lr * min(1.0, step / 60) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(progress, 1.0))))
        for group in optimiser.param_groups:
            group["lr"] = rate
        model.train()
        images, masks = sampler.batch(args.batch)
        main_logits, aux_logits = model(images)
        loss = loss_of(main_logits, masks) + 0.3 * loss_of(aux_logits, masks)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        keep = 0.997 * (1 - np.exp(-step / 150))
        with torch.no_grad():
            for name, value in model.state_dict().items():
                if value.dtype.is_floating_point:
                    average[name].mul_(keep).add_(value, alpha=1 - keep)
                else:
                    average[name].copy_(value)
        running = 0.95 * running + 0.05 * float(loss.detach()) if step > 1 else float(loss.detach())
        if step % 25 == 0:
            print(f"step {step} loss {running:.3f} lr {rate:.2e} {time.monotonic() - started:.0f} s", flush=True)
        if progress >= 1.0 or (step % 200 == 0 and progress > 0.35):
            shadow.load_state_dict(average)
            figures = score(shadow, selection)
            curve.write(
                json.dumps({"step": step, "seconds": round(time.monotonic() - started, 1), "loss": running, **figures}) + "\n"
            )
            curve.flush()
            print(f"step {step} selection {figures}", flush=True)
            state = {"model": {k: v.clone() for k, v in average.items()}, "step": step, "figures": figures, "args": vars(args)}
            state["args"] = {k: str(v) for k, v in state["args"].items()}
            torch.save(state, args.out / "last.pt")
            if figures["value"] >= best:
                best = figures["value"]
                torch.save(state, args.out / "best.pt")
    curve.close()


if __name__ == "__main__":
    main()
