"""Owns the memory card of the simulated camera: photos with EXIF, whole files only, and the truth masks beside them.

Never tells the ground station anything. Rendering runs in a thread, so that the vehicle flies on.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from core.ship import ShipPose
from drone.pose import CameraPose, pose_in_ship
from drone.sim.camera import Renderer
from drone.sim.exif import Stamp, jpeg_with_exif
from drone.sim.shipfile import Image
from drone.sim.vehicle import Exposure
from drone.xmp import OwnPose


@dataclass(slots=True)
class Card:
    """Writes `IMG_0001.jpg` by image index into `folder` and `IMG_0001.png` (class ids) into `truth`."""

    folder: Path
    truth: Path
    renderer: Renderer
    ship: ShipPose
    _queue: queue.Queue[Exposure | None] = field(default_factory=queue.Queue, init=False)
    _worker: threading.Thread | None = field(default=None, init=False)

    def open(self) -> None:
        """Make the folders and start the thread."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.truth.mkdir(parents=True, exist_ok=True)
        self._worker = threading.Thread(target=self._work, name="card")
        self._worker.start()

    def submit(self, exposure: Exposure) -> None:
        self._queue.put(exposure)

    def close(self) -> None:
        """Wait until every exposure is on the card."""
        self._queue.put(None)
        if self._worker is not None:
            self._worker.join()

    def _work(self) -> None:
        while (exposure := self._queue.get()) is not None:
            self.write(exposure)

    def camera_pose(self, exposure: Exposure) -> CameraPose:
        """True pose of the camera in the ship frame."""
        shot = exposure.shot
        draught = self.renderer.ship.geometry.draught_m
        return pose_in_ship(self.ship, draught, shot.position_m, shot.yaw_deg, shot.gimbal_pitch_deg)

    def write(self, exposure: Exposure) -> None:
        """Render and store one photo; a reader of the folder never sees half a file."""
        shot = exposure.shot
        velocity = self.ship.ship_to_enu.T @ shot.velocity_m_s
        photo = self.renderer.render(self.camera_pose(exposure), velocity, shot.index)
        own = OwnPose(shot.lonlat, shot.alt_rel_m, shot.yaw_deg, shot.gimbal_pitch_deg, 0.0, rtk_fixed=True)
        stamp = Stamp(exposure.at_utc, shot.lonlat, shot.alt_rel_m, own)
        image = infrared(photo.image) if shot.infrared else photo.image
        name = f"IMG_{shot.index:04d}"
        done, mask = cv2.imencode(".png", photo.truth, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise ValueError("the truth mask could not be encoded")
        _store(self.truth / f"{name}.png", np.asarray(mask).tobytes())
        _store(self.folder / f"{name}.jpg", jpeg_with_exif(image, self.renderer.camera, stamp))


def infrared(image: Image) -> Image:
    """What a night camera makes of it: one channel, little contrast, noise. SIMULATED: no heat is modelled."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    noise = 4.0 * np.random.default_rng(grey.size).standard_normal(grey.shape, dtype=np.float32)
    flat = np.clip(40.0 + 0.6 * grey + noise, 0.0, 255.0).astype(np.uint8)
    return np.repeat(flat[..., None], 3, axis=2)


def _store(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
