"""Owns the pictures that no camera took: ship files for the simulated drone, and training photographs with exact truth.

Never mixes the two: seeds and texture families of ship files are not used in training (`family.py`).
"""

from inspection.hull.synth.photo import FIRST_SURVEY_SEED, render_photo, write_photos
from inspection.hull.synth.shipfile import ShipMarks, write_ship_file

__all__ = ["FIRST_SURVEY_SEED", "ShipMarks", "render_photo", "write_photos", "write_ship_file"]
