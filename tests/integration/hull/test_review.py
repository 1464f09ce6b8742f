"""Photos of an inspection through the job engine, corrected by a person, and out again as training data."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from console.job_process import HANDLERS
from core import evidence, jobs
from core.context import Services
from core.db import Base
from core.errors import InputError, NotFound
from core.job_runner import JobRunner
from core.jobs import JobState
from inspection.hull import dataset, review, runs
from inspection.hull.batch import detect_photos
from inspection.hull.classes import ClassId
from inspection.hull.evaluate import labelled_pairs
from inspection.hull.runs import PhotoAsk
from inspection.hull.synth import render_photo
from tests.integration.inspection.conftest import INSPECTOR, Walk

PIECES = [review.Action(tool="brush", class_id=2, area_px=300), review.Action(tool="reject", class_id=3, area_px=40)]


@pytest.fixture
def services(settings, db, files, clock) -> Services:
    Base.metadata.create_all(db.engine)
    return Services(settings=settings, db=db, files=files, clock=clock)


@pytest.fixture
def walk(services: Services, tmp_path: Path) -> Walk:
    """A case with three pictures: two photographs and one that is none."""
    walk = Walk(services, tmp_path)
    pictures = [cv2.imencode(".jpg", render_photo(seed)[0])[1].tobytes() for seed in (300_002, 300_003)]
    with services.db.write() as session:
        for number, data in enumerate([*pictures, b"\xff\xd8\xff no picture"]):
            evidence.keep(session, walk.envelope("external", data, extra={"file": f"p{number}.jpg"}))
    return walk


def work(services: Services, case_id: str) -> runs.Progress:
    """A job process, until the newest run has ended."""
    runner, stop = JobRunner(services, HANDLERS), threading.Event()
    runner.start()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    pause = threading.Event()
    try:
        for _ in range(1200):
            with services.db.read() as session:
                told = runs.progress(session, case_id)
            if told is not None and told.state.is_final:
                return told
            pause.wait(0.05)
    finally:
        stop.set()
        thread.join()
        runner.stop()
    raise AssertionError(f"the run did not end: {told}")


def drawn(shape: tuple[int, int]) -> bytes:
    """What the editor sends: the class in every channel."""
    mask = np.full((*shape, 4), 255, np.uint8)
    mask[..., :3] = ClassId.HULL
    mask[10:40, 20:60, :3] = ClassId.CORROSION
    mask[50:60, 20:60, :3] = 255
    return bytes(cv2.imencode(".png", mask)[1].tobytes())


def picture(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def test_from_photos_to_training_data(services: Services, walk: Walk, tmp_path: Path) -> None:
    review.read_photos(services, INSPECTOR, walk.id)
    told = work(services, walk.id)
    assert (told.state, told.done, told.total) == (JobState.DONE, 3, 3)
    assert [one.error for one in told.found] == [None, None, "hull.photo_not_an_image"]
    _same_as_without_jobs(services, told, tmp_path)

    review.read_photos(services, INSPECTOR, walk.id)  # the same photos, weights and settings: nothing to do
    with services.db.read() as session:
        again = runs.progress(session, walk.id)
        photos = review.photos_of(session, walk.id)
    assert again is not None
    assert (again.state, again.found) == (JobState.DONE, told.found)

    first, bad = photos[0], photos[2]
    bold, shy = (review.mask_of(services, first, 320, threshold) for threshold in (0.1, 0.95))
    assert (bold >= 2).sum() > (shy >= 2).sum()
    with pytest.raises(NotFound, match=r"hull\.not_read"):
        review.mask_of(services, bad, 320)

    mask = drawn(review.mask_of(services, first, 320).shape)
    kept = review.correct(services, INSPECTOR, walk.id, first.envelope.id, mask, PIECES, 0.9)
    assert review.correct(services, INSPECTOR, walk.id, first.envelope.id, mask, PIECES, 0.9) == kept
    for wrong in (
        b"",
        b"no picture",
        drawn((64, 300)),
        bytes(cv2.imencode(".png", np.full((320, 320), 9, np.uint8))[1].tobytes()),
    ):
        with pytest.raises(InputError, match=r"hull\.mask_does_not_fit"):
            review.correct(services, INSPECTOR, walk.id, first.envelope.id, wrong, PIECES, 0.9)
    with services.db.read() as session:
        shown = review.photo_of(session, walk.id, first.envelope.id)
    assert shown.correction is not None
    assert [action["tool"] for action in shown.correction.actions] == ["brush", "reject"]
    shares = review.relative_area_pct(review.mask_of(services, shown, 320))
    assert set(shares) == {ClassId.CORROSION}

    _exports(services, walk, tmp_path, kept)


def _same_as_without_jobs(services: Services, told: runs.Progress, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for one in told.found[:2]:
        (folder / one.file).write_bytes(services.files.read(one.sha256))
    detect_photos(sorted(folder.iterdir()), tmp_path / "out", services.settings.hull)
    for one in told.found[:2]:
        stem = Path(one.file).stem
        for name, sha256 in ((f"{stem}.json", one.detection), (f"{stem}.png", one.mask), (f"{stem}.prob.png", one.prob)):
            assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == sha256


def _exports(services: Services, walk: Walk, tmp_path: Path, kept: str) -> None:
    items = review.corrected(services, tmp_path / "corrected")
    assert [one.drawn_by.split(" ")[0] for one in items] == ["u-inspector"]
    assert items[0].drawn_by.endswith(kept)
    out = tmp_path / "coco"
    assert dataset.export_dataset(items, out, "coco") == 1
    told = json.loads((out / "annotations.json").read_text(encoding="utf-8"))
    assert told["images"][0]["drawn_by"] == items[0].drawn_by
    dataset.export_dataset(items, tmp_path / "real", "real")
    [(_, mask)] = labelled_pairs(tmp_path / "real", "all")
    assert set(np.unique(picture(mask.read_bytes()))) == {0, 1, 255}
    assert review.corrected(services, tmp_path / "other", "no such case") == []


def test_a_run_can_be_stopped_and_asked_for_again(services: Services, walk: Walk) -> None:
    with pytest.raises(NotFound, match=r"hull\.no_run"), services.db.write() as session:
        runs.cancel(services, session, walk.id)
    review.read_photos(services, INSPECTOR, walk.id)
    with services.db.write() as session:
        runs.cancel(services, session, walk.id)
        told = runs.progress(session, walk.id)
    assert told is not None
    assert told.state is JobState.CANCELLED
    review.read_photos(services, INSPECTOR, walk.id)
    with services.db.read() as session:
        told = runs.progress(session, walk.id)
    assert told is not None
    assert told.state is JobState.RUNNING


def test_a_machine_with_other_weights_refuses(services: Services, walk: Walk) -> None:
    photo = PhotoAsk(sha256="0" * 64, file="a.jpg")
    [chunk] = runs.chunks([photo], services.settings.hull)
    with services.db.write() as session:
        payload = chunk.model_copy(update={"weights_sha256": "1" * 64}).model_dump(mode="json")
        jobs.enqueue(session, services.clock, runs.KIND, "hull-other", payload)
        session.add(runs.RunRow(id="r", case_id=walk.id, jobs=["hull-other"], photos=1, by="u", at=services.clock.now()))
    assert work(services, walk.id).state is JobState.FAILED
    with services.db.read() as session:
        assert jobs.get(session, "hull-other").error_code == "hull.other_weights"
