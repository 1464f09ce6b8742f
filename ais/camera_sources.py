"""Owns taking one still of a camera: over HTTP, from a folder, or drawn for the demonstration; within size and time limits.

Never asks an address that is not the camera's own of the configuration: redirects and proxies of the environment are not
followed, and what comes back is kept only if it is a picture.
"""

from __future__ import annotations

import io
import os
import ssl
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from PIL import Image

from ais.camera_picture import draw_berth
from ais.cameras import Camera, Limits
from core.media import media_type_of

_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))
_MAX_LISTED = 200_000
_NEWEST_TRIED = 3  # the newest file of a folder may be half written
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}


class CameraFault(Exception):
    """No picture. `code`: a row ``ais.camera.fault.<code>`` of the catalogue; `detail`: of the machine, for the log."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail[:200]


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture as the camera gave it; `at` UTC."""

    data: bytes
    at: datetime
    media_type: str
    width: int
    height: int


def take(camera: Camera, limits: Limits, now: datetime) -> Taken:
    """One still.

    Raises:
        CameraFault: unreachable, too slow, too large, not a picture, a login that fails, an empty folder.
    """
    if camera.simulated:
        return _checked(draw_berth(camera.berth, now), now, limits)
    if camera.source.startswith("folder:"):
        return _from_folder(Path(camera.source.removeprefix("folder:")), limits, now)
    return _checked(_from_http(camera, limits), now, limits)


def _from_http(camera: Camera, limits: Limits) -> bytes:
    deadline = time.monotonic() + limits.timeout_s
    try:
        with (
            httpx.Client(
                timeout=limits.timeout_s, trust_env=False, follow_redirects=False, auth=_login(camera), verify=_trust(camera)
            ) as client,
            # A packed answer could unpack to any size: the picture itself is packed already.
            client.stream("GET", camera.source, headers={"accept-encoding": "identity"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise CameraFault("login" if answer.status_code in {401, 403} else "status", str(answer.status_code))
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise CameraFault("not_picture", "content-encoding")
            return b"".join(_limited(answer.iter_raw(), limits, deadline))
    except httpx.TimeoutException as error:
        raise CameraFault("too_slow", type(error).__name__) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise CameraFault("unreachable", str(error)) from error


def _limited(chunks: Iterator[bytes], limits: Limits, deadline: float) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limits.max_kb * 1024:
            raise CameraFault("too_large", f"> {limits.max_kb} kB")
        if time.monotonic() > deadline:
            raise CameraFault("too_slow", f"> {limits.timeout_s:g} s")
        yield chunk


def _login(camera: Camera) -> httpx.Auth | None:
    if not camera.user:
        return None
    try:
        password = Path(camera.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CameraFault("password_file", type(error).__name__) from error
    return (httpx.BasicAuth if camera.login == "basic" else httpx.DigestAuth)(camera.user, password)


def _trust(camera: Camera) -> ssl.SSLContext | bool:
    if not camera.ca_file:
        return camera.source.startswith("https:")  # plain http has no certificate to look at
    try:
        return ssl.create_default_context(cafile=camera.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CameraFault("ca_file", type(error).__name__) from error


def _from_folder(folder: Path, limits: Limits, now: datetime) -> Taken:
    """The newest whole picture; its time is the file's, never later than now."""
    try:
        with os.scandir(folder) as entries:
            files = [
                (one.stat(follow_symlinks=False).st_mtime, one.name)
                for one, _ in zip(entries, range(_MAX_LISTED), strict=False)
                if Path(one.name).suffix.lower() in _SUFFIXES and one.is_file(follow_symlinks=False)
            ]
    except OSError as error:
        raise CameraFault("no_folder", error.strerror or str(error)) from error
    fault = CameraFault("empty_folder")
    for written, name in sorted(files, reverse=True)[:_NEWEST_TRIED]:
        try:
            with (folder / name).open("rb") as file:
                data = file.read(limits.max_kb * 1024 + 1)
            return _checked(data, min(datetime.fromtimestamp(written, UTC), now), limits)
        except OSError as error:
            fault = CameraFault("not_picture", f"{name}: {error.strerror}")
        except CameraFault as error:
            fault = error
    raise fault


def _checked(data: bytes, at: datetime, limits: Limits) -> Taken:
    """A JPEG or PNG that can be decoded to its end, within the limit of its pixels."""
    if len(data) > limits.max_kb * 1024:
        raise CameraFault("too_large", f"> {limits.max_kb} kB")
    media_type = media_type_of(data[:12]) or ""
    if media_type not in _FORMATS:
        raise CameraFault("not_picture", media_type or "unknown")
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=[_FORMATS[media_type]]) as picture:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            width, height = picture.size
            if width * height > limits.max_megapixels * 1e6:
                raise CameraFault("too_large", f"{width} x {height} px")
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CameraFault("not_picture", str(error)) from error
    return Taken(data, at, media_type, width, height)
