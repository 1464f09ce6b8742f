"""Owns what a job process does with a chunk of photos: read each once, keep mask, findings and probabilities as files of the store.

Never lets one bad photo end the chunk; imported by job processes only.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from config.settings import HullSettings
from core.context import Services
from core.errors import Refused, StorageFull, YunJianError
from core.job_runner import Handler, JobRun
from core.jobs import JsonObject
from inspection.hull.batch import decide, read_one
from inspection.hull.runs import KIND, ChunkAsk, PhotoAsk, PhotoDone
from inspection.hull.weights import Model, load_model


class _Loaded:
    """The model of this process, loaded (and its hash checked) once for each choice of weights."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[tuple[str, str], Model] = {}

    def get(self, settings: HullSettings) -> Model:
        with self._lock:
            key = (settings.weights, settings.weights_sha256)
            if key not in self._models:
                self._models[key] = load_model(settings)
            return self._models[key]


_MODELS = _Loaded()


def detect(run: JobRun) -> JsonObject:
    """One step a photo: a killed process goes on with the photo it was at.

    Raises:
        Refused ``hull.other_weights``: this machine has not the weights that were asked for.
    """
    asked = ChunkAsk.model_validate(run.payload)
    settings = run.services.settings.hull.model_copy(
        update={name: getattr(asked, name) for name in ("threshold", "min_area_px", "tile_px", "max_megapixels")}
    )
    model = _MODELS.get(settings)
    if model.sha256 != asked.weights_sha256:
        raise Refused("hull.other_weights", here=model.sha256[:12], asked=asked.weights_sha256[:12])
    found = []
    for number, photo in enumerate(asked.photos, start=1):
        found.append(run.step(f"photo-{number:03d}", partial(read, run.services, model, settings, photo)))
        run.progress(number, len(asked.photos))
    return {"photos": found}


def read(services: Services, model: Model, settings: HullSettings, photo: PhotoAsk) -> dict[str, Any]:
    """A `PhotoDone` as JSON; a photo that cannot be read has its error in it.

    Raises:
        StorageFull: nothing more can be kept; the job fails and is taken up when there is space.
    """
    done = PhotoDone(file=photo.file, sha256=photo.sha256)
    try:
        reading = read_one(services.files.path(photo.sha256), model, settings, photo.gsd_mm)
        detection, mask = decide(reading, photo.file, model, settings)
        kept = [services.files.put_bytes(data).sha256 for data in (detection.to_json().encode(), mask, reading.to_png())]
    except StorageFull:
        raise
    except YunJianError as error:
        params = {name: str(value) for name, value in error.params.items()} | {"file": photo.file}
        return done.model_copy(update={"error": error.code, "params": params}).model_dump(mode="json")
    return done.model_copy(update=dict(zip(("detection", "mask", "prob"), kept, strict=True))).model_dump(mode="json")


HANDLERS: dict[str, Handler] = {KIND: detect}
