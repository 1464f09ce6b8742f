from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from config import Settings, load_settings
from core.errors import Altered, InputError, NotFound
from inspection.hull.weights import WEIGHTS_DIR, Model, load_model, model_part, read_card


def test_the_shipped_weights_are_the_ones_of_the_card(settings: Settings) -> None:
    card = read_card()
    path = WEIGHTS_DIR / card.file
    assert path.stat().st_size < 7_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
    assert card.threshold == settings.hull.threshold  # the card's figures are those of the default setting
    assert model_part(settings.hull).scores == card.scores


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    card = read_card()
    data = bytearray((WEIGHTS_DIR / card.file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "w.onnx").write_bytes(data)
    with pytest.raises(Altered, match=r"hull\.weights_altered"):
        Model(tmp_path / "w.onnx", card.sha256, "w")


def test_own_weights_need_their_hash(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes((WEIGHTS_DIR / read_card().file).read_bytes())
    own = {"hull.weights": str(path), "data_dir": str(tmp_path)}
    with pytest.raises(Altered):
        load_model(load_settings(own, environ={}).hull)
    settings = load_settings({**own, "hull.weights_sha256": read_card().sha256}, environ={})
    assert load_model(settings.hull).name == "own"
    assert model_part(settings.hull).scores == {}


def test_what_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.onnx"
    path.write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"hull\.weights_unusable"):
        Model(path, hashlib.sha256(b"garbage").hexdigest(), "w")
    with pytest.raises(NotFound):
        Model(tmp_path / "none.onnx", "", "w")


def test_scores_come_at_an_eighth_of_the_size(settings: Settings) -> None:
    logits = load_model(settings.hull).run(np.zeros((96, 160, 3), np.uint8))
    assert logits.shape == (8, 12, 20)
    assert logits.dtype == np.float32
