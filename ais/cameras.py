"""Owns the fixed cameras at the berths (`config/berth_cameras.toml` or a site's own file) and what a picture of one says.

Never fetches a picture and never stores one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ais.codes import Label
from config import pack_path
from core.errors import InputError

CameraState = Literal["ok", "failing", "frozen", "dead"]
_MAX_FILE_BYTES = 1 << 20


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Pack):
    """How much a camera may send and how long a picture is kept."""

    max_kb: int = Field(ge=1, le=65_536)
    max_megapixels: float = Field(gt=0)
    timeout_s: float = Field(gt=0, le=120)
    dead_after_s: float = Field(gt=0)
    frozen_after_s: float = Field(gt=0)
    keep_days: int = Field(ge=1)


class Camera(_Pack):
    """One camera. `source`: ``http(s)://…`` (one still per request), ``folder:/path``, or ``simulated:``."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    berth: str
    name: Label
    source: str
    every_s: float = Field(ge=1)
    login: Literal["digest", "basic"] = "digest"
    user: str = ""
    password_file: str = ""
    ca_file: str = ""

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "simulated:":
            return value
        if value.startswith("folder:"):
            if not PurePosixPath(value.removeprefix("folder:")).is_absolute():
                raise ValueError("a folder is named by its whole path: folder:/srv/stills")
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("http://…, https://…, folder:/… or simulated:")
        if parts.username or parts.password:
            raise ValueError("no password in an address; use user and password_file")
        return value

    @model_validator(mode="after")
    def _login(self) -> Camera:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together")
        return self

    @property
    def simulated(self) -> bool:
        return self.source == "simulated:"


class CameraPack(_Pack):
    """All cameras of a port."""

    version: str
    limits: Limits
    cameras: tuple[Camera, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> CameraPack:
        names = [one.id for one in self.cameras]
        if len(set(names)) < len(names):
            raise ValueError("two cameras have the same id")
        return self


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that was kept. `taken_at`: first had, `seen_at`: last had, unchanged to the bit; UTC."""

    id: str
    camera: str
    berth: str
    taken_at: datetime
    seen_at: datetime
    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """The last attempt at a camera; `fault` None = it gave a picture."""

    camera: str
    tried_at: datetime
    fault: str | None
    detail: str


def load_cameras(name: str) -> CameraPack:
    """A camera file by its path inside ``config/``, or by its whole path.

    Raises:
        InputError: missing or wrong; names the place.
    """
    path = Path(name) if Path(name).is_absolute() else pack_path(*name.split("/"))
    try:
        return _load(name, path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError("ais.camera_file", file=name, place="-", reason=error.strerror or str(error)) from error


@lru_cache(maxsize=8)
def _load(name: str, path: Path, _changed_ns: int) -> CameraPack:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError("ais.camera_file", file=name, place="-", reason="> 1 MB")
        return CameraPack.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("ais.camera_file", file=name, place="-", reason=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "-"
        raise InputError("ais.camera_file", file=name, place=place, reason=first["msg"]) from error


def state_of(limits: Limits, newest: Still | None, last: Trial | None, now: datetime) -> CameraState:
    """Dead without a picture for too long; else whether the last attempt failed, and whether the picture still moves."""
    if newest is None or (now - newest.seen_at).total_seconds() > limits.dead_after_s:
        return "dead"
    if last is not None and last.fault is not None:
        return "failing"
    return "frozen" if (newest.seen_at - newest.taken_at).total_seconds() > limits.frozen_after_s else "ok"
