"""Owns what cameras write into their files: place, height and gimbal angles from XMP (DJI and alike) and EXIF.

Also owns the XMP packet we write: in a simulated photo, or beside an original as a sidecar (`IMG_0001.xmp`), so that the bytes a
camera wrote stay as they are. Sources: EXIF 2.32 GPS tags; XMP part 1 (ISO 16684-1); names of the drone-dji namespace as in files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from core.geo import LonLat

_PACKET = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>", re.DOTALL)
_FIELD = re.compile(r"(?:drone-dji|Camera):(\w+)(?:=\"([^\"]*)\"|>([^<]*)<)")
_HEAD_BYTES = 512 * 1024
_RTK_FIXED, _RTK_SINGLE = 50, 16  # RtkFlag: fixed; a position of its own


@dataclass(frozen=True, slots=True)
class OwnPose:
    """Where a camera says it was and looked; `rtk_fixed` None = it does not say."""

    lonlat: LonLat
    alt_rel_m: float
    yaw_deg_true: float
    pitch_deg: float
    roll_deg: float
    rtk_fixed: bool | None


def packet_of(pose: OwnPose) -> bytes:
    """An XMP packet that `own_pose` reads back: place, height above take-off, gimbal angles, and the receiver's RTK state."""
    flag = {True: _RTK_FIXED, False: _RTK_SINGLE, None: None}[pose.rtk_fixed]
    fields = {
        "GpsLatitude": f"{pose.lonlat.lat:.8f}", "GpsLongitude": f"{pose.lonlat.lon:.8f}",
        "RelativeAltitude": f"{pose.alt_rel_m:+.3f}", "GimbalYawDegree": f"{(pose.yaw_deg_true + 180.0) % 360.0 - 180.0:+.2f}",
        "GimbalPitchDegree": f"{pose.pitch_deg:+.2f}", "GimbalRollDegree": f"{pose.roll_deg:+.2f}",
    } | ({} if flag is None else {"RtkFlag": str(flag)})  # fmt: skip
    attributes = " ".join(f'drone-dji:{name}="{value}"' for name, value in fields.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {attributes}/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def own_pose(path: Path) -> OwnPose | None:
    """From the file's own data, or its sidecar; None where place, height above take-off or gimbal angles are missing or
    impossible.
    """
    with path.open("rb") as file:
        packet = _PACKET.search(file.read(_HEAD_BYTES))
    sidecar = path.with_suffix(".xmp")
    if packet is None and sidecar.is_file():
        packet = _PACKET.search(sidecar.read_bytes()[:_HEAD_BYTES])
    if packet is None:
        return None
    pairs = _FIELD.findall(packet.group().decode("utf-8", "replace"))
    fields = {name: quoted or plain for name, quoted, plain in pairs}
    yaw, pitch = _number(fields, "GimbalYawDegree"), _number(fields, "GimbalPitchDegree")
    height = _number(fields, "RelativeAltitude")
    if yaw is None or pitch is None or height is None or abs(pitch) > 180.0:
        return None
    place = _place(fields) or _exif_place(path)
    if place is None:
        return None
    flag = _number(fields, "RtkFlag")
    fixed = None if flag is None else flag == _RTK_FIXED
    return OwnPose(place, height, yaw % 360.0, pitch, _number(fields, "GimbalRollDegree") or 0.0, fixed)


def _number(fields: dict[str, str], name: str) -> float | None:
    try:
        value = float(fields[name])
    except (KeyError, ValueError):
        return None
    return value if abs(value) < 1e6 else None


def _place(fields: dict[str, str]) -> LonLat | None:
    lat = _number(fields, "GpsLatitude")
    lon = _number(fields, "GpsLongitude")
    lon = _number(fields, "GpsLongtitude") if lon is None else lon  # the spelling of older firmware
    return _checked(lon, lat)


def _exif_place(path: Path) -> LonLat | None:
    with Image.open(path) as picture:
        tags = picture.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    try:
        lat, lon = (_degrees(tags[tag]) for tag in (ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    south, west = tags.get(ExifTags.GPS.GPSLatitudeRef) == "S", tags.get(ExifTags.GPS.GPSLongitudeRef) == "W"
    return _checked(-lon if west else lon, -lat if south else lat)


def _degrees(parts: tuple[float, float, float]) -> float:
    return float(parts[0]) + float(parts[1]) / 60.0 + float(parts[2]) / 3600.0


def _checked(lon: float | None, lat: float | None) -> LonLat | None:
    if lon is None or lat is None or (lon == 0.0 and lat == 0.0):
        return None
    try:
        return LonLat(lon, lat)
    except ValueError:
        return None
