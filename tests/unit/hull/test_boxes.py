"""A box round dark rust becomes its outline: the doubtful pixels of the bar are decided, the wall is not rust, the rim is not judged."""

import numpy as np

from inspection.hull.boxes import outline_rust, outlined_hashes, read_boxes
from inspection.hull.classes import IGNORE
from inspection.hull.evaluate import split_hashes


def test_a_dark_bar_in_a_box_becomes_rust():
    rng = np.random.default_rng(3)
    image = np.clip(rng.normal(200, 8, (200, 160, 3)), 0, 255).astype(np.uint8)
    bar = (slice(30, 170), slice(70, 90))
    image[bar] = np.clip(rng.normal([40, 46, 62], 6, (140, 20, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((200, 160), np.uint8)
    mask[20:180, 50:110] = IGNORE  # the box: nothing sure but a spot
    mask[90:100, 75:85] = 1
    cut = outline_rust(image, mask, [(50, 20, 110, 180)])
    assert (cut[40:160, 73:87] == 1).mean() > 0.98
    assert (cut[20:180, 50:62] == 0).mean() > 0.98
    assert set(np.unique(cut)) == {0, 1, IGNORE}
    assert (cut[:, :40] == 0).all()


def test_boxes_are_read_and_the_list_names_training_pictures_only(tmp_path):
    labels = tmp_path / "a.txt"
    labels.write_text("0 0.5 0.5 0.5 0.25\n", encoding="utf-8")
    assert read_boxes(labels, (200, 400)) == [(100, 75, 300, 125)]
    assert read_boxes(tmp_path / "none.txt", (200, 400)) == []
    assert not outlined_hashes() & split_hashes()["test"]
