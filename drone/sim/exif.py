"""Owns the EXIF block of a simulated photo and the bytes of its JPEG.

Never renders. Every photo says SIMULATED in its description.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

import cv2
from PIL import ExifTags
from PIL import Image as PilImage

from core.geo import LonLat
from drone.model import CameraSpec
from drone.sim.shipfile import Image
from drone.xmp import OwnPose, packet_of

_JPEG_QUALITY = 90
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"  # ISO 16684-3: XMP in JPEG


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and where a photo was taken, as the vehicle's own GNSS says; `pose` also goes into an XMP packet."""

    at_utc: datetime
    lonlat: LonLat
    alt_m: float
    pose: OwnPose | None = None


def jpeg_with_exif(image: Image, camera: CameraSpec, stamp: Stamp) -> bytes:
    """JPEG (quality 90) whose APP1 block carries time to the millisecond (UTC), GPS position, lens, SIMULATED."""
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise ValueError("the image could not be encoded")
    jpeg = encoded.tobytes()
    blocks = [b"Exif\x00\x00" + _exif(camera, stamp).tobytes().removeprefix(b"Exif\x00\x00")]
    blocks += [_XMP_HEAD + packet_of(stamp.pose)] if stamp.pose else []
    heads = b"".join(b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block for block in blocks)
    return jpeg[:2] + heads + jpeg[2:]


def _exif(camera: CameraSpec, stamp: Stamp) -> PilImage.Exif:
    exif = PilImage.Exif()
    base, gps = ExifTags.Base, ExifTags.GPS
    exif[base.ImageDescription] = "SIMULATED photo of a SIMULATED ship"
    exif[base.Make] = "SIMULATED"
    exif[base.Model] = camera.id
    exif[base.Software] = "YunJian drone.sim"
    exif[base.Orientation] = 1
    text = stamp.at_utc.strftime("%Y:%m:%d %H:%M:%S")
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[base.DateTimeOriginal] = text
    details[base.SubsecTimeOriginal] = f"{stamp.at_utc.microsecond // 1000:03d}"
    details[base.OffsetTimeOriginal] = "+00:00"
    details[base.ExposureTime] = camera.exposure_s
    details[base.FocalLength] = camera.focal_mm
    details[base.ExifImageWidth] = camera.width_px
    details[base.ExifImageHeight] = camera.height_px
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[gps.GPSLatitudeRef] = "N" if stamp.lonlat.lat >= 0 else "S"
    place[gps.GPSLatitude] = _dms(abs(stamp.lonlat.lat))
    place[gps.GPSLongitudeRef] = "E" if stamp.lonlat.lon >= 0 else "W"
    place[gps.GPSLongitude] = _dms(abs(stamp.lonlat.lon))
    place[gps.GPSAltitudeRef] = b"\x00" if stamp.alt_m >= 0 else b"\x01"
    place[gps.GPSAltitude] = abs(round(stamp.alt_m, 3))
    return exif


def _dms(degrees: float) -> tuple[float, float, float]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    return float(whole), float(minutes), round((degrees - whole - minutes / 60.0) * 3600.0, 5)
