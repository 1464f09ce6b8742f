"""Owns the detector's weights: which file, whether it is the one the model card names, and the session that runs it.

Never downloads anything. The weights are an ONNX file cut before the argmax: input (1, 3, h, w) float32 RGB 0-1, output
(1, 8, h / 8, w / 8) class scores (logits).
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from config.settings import HullSettings
from core.catalogue import text
from core.errors import Altered, InputError, NotFound
from inspection.hull.classes import MASK_CLASSES
from inspection.record import ModelPart, Text

WEIGHTS_DIR = Path(__file__).resolve().parent / "weights"
CARD_NAME = "model_card.toml"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is said about the shipped weights."""

    name: str
    file: str
    sha256: str
    threshold: float
    scores: dict[str, float]
    note_zh: str
    note_en: str


def read_card() -> ModelCard:
    """The card of the weights that ship with the product."""
    card = tomllib.loads((WEIGHTS_DIR / CARD_NAME).read_text(encoding="utf-8"))
    return ModelCard(
        name=card["name"],
        file=card["file"],
        sha256=card["sha256"],
        threshold=card["threshold"],
        scores={key: float(value) for key, value in card["scores"].items()},
        note_zh=card["note"]["zh"],
        note_en=card["note"]["en"],
    )


class Model:
    """Weights ready to run on one CPU thread; `run` may be called from several threads at once."""

    def __init__(self, path: Path, sha256: str, name: str) -> None:
        """Check the hash, then load.

        Raises:
            NotFound: no such file.
            Altered: the file is not the one that `sha256` names.
            InputError: not an ONNX file with the layout above.
        """
        if not path.is_file():
            raise NotFound("hull.weights_missing", file=str(path))
        data = path.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.name = name
        if self.sha256 != sha256:
            raise Altered("hull.weights_altered", file=path.name, found=self.sha256[:12], expected=sha256[:12] or "-")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a dozen unrelated types; all mean "not loadable"
            raise InputError("hull.weights_unusable", file=path.name, detail=str(error).splitlines()[0]) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = outputs[0].shape
        if len(inputs) != 1 or len(shape) != 4 or shape[1] != MASK_CLASSES:
            raise InputError("hull.weights_unusable", file=path.name, detail=f"output {shape}, expected (1, 8, h/8, w/8)")
        self._input = inputs[0].name

    def run(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (8, h / 8, w / 8) of one BGR tile (h, w, 3) whose sides are multiples of 32."""
        tensor = cv2.dnn.blobFromImage(tile, 1.0 / 255.0, swapRB=True)
        return np.asarray(self._session.run(None, {self._input: tensor})[0][0], dtype=np.float32)


def expected_sha256(settings: HullSettings) -> str:
    """The hash that the weights in use must have, without loading them."""
    return settings.weights_sha256 if settings.weights else read_card().sha256


def load_model(settings: HullSettings) -> Model:
    """The site's own weights if it names some (with their hash), else the shipped ones."""
    if settings.weights:
        path = Path(settings.weights)
        return Model(path, settings.weights_sha256, path.stem)
    card = read_card()
    return Model(WEIGHTS_DIR / card.file, card.sha256, card.name)


def model_part(settings: HullSettings) -> ModelPart:
    """The model as the case record names it; the scores of the card only for the card's own weights."""
    card = read_card()
    if settings.weights:
        nothing = Text(zh=text("hull.model.own", "zh"), en=text("hull.model.own", "en"))
        return ModelPart(
            name=Path(settings.weights).stem,
            sha256=settings.weights_sha256,
            threshold=settings.threshold,
            scores={},
            note=nothing,
        )
    note = Text(zh=card.note_zh, en=card.note_en)
    return ModelPart(name=card.name, sha256=card.sha256, threshold=settings.threshold, scores=card.scores, note=note)
