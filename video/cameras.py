"""Owns the RTSP cameras that may be brought into a call (`config/video/cameras.toml` or a site's own file).

Never connects to one (`video.pull` does) and never takes an address from a request.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from config import pack_path
from config.settings import VideoSettings
from core.errors import EnvironmentFault, NotFound

SCHEMES = ("rtsp", "rtsps")


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraName(_Pack):
    zh: str
    en: str


class Camera(_Pack):
    """One camera. The login is kept apart from the address, so that neither a log nor a page can show it."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    kind: Literal["camera", "drone"] = "camera"
    name: CameraName
    source: str
    user: str = ""
    password_file: str = ""
    transport: Literal["tcp", "udp"] = "tcp"

    @field_validator("source")
    @classmethod
    def _rtsp(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError("rtsp://… or rtsps://…")
        if parts.username or parts.password:
            raise ValueError("no password in an address; use user and password_file")
        return value

    @model_validator(mode="after")
    def _login(self) -> Camera:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together")
        return self

    def address(self) -> str:
        """The address with the login in it, as libav takes it. Never to be logged.

        Raises:
            EnvironmentFault: the password file cannot be read.
        """
        if not self.user:
            return self.source
        try:
            password = Path(self.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFault("video.camera_password", camera=self.id) from error
        scheme, _, rest = self.source.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:{quote(password, safe='')}@{rest}"


class CameraPack(_Pack):
    """All cameras and how patiently they are asked."""

    version: str
    open_s: Annotated[float, Field(gt=0)]
    silent_s: Annotated[float, Field(gt=0)]
    retry_s: Annotated[float, Field(gt=0)]
    retry_max_s: Annotated[float, Field(gt=0)]
    clip_max_s: Annotated[int, Field(ge=1, le=600)]
    cameras: tuple[Camera, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> CameraPack:
        names = [one.id for one in self.cameras]
        if len(set(names)) < len(names):
            raise ValueError("two cameras have the same id")
        return self

    def camera(self, camera_id: str) -> Camera:
        """The camera of this id. Raises NotFound."""
        for one in self.cameras:
            if one.id == camera_id:
                return one
        raise NotFound("video.no_camera")


def camera_pack(video: VideoSettings) -> CameraPack:
    """The file that `video.camera_file` names: inside ``config/``, or a site's own by its whole path.

    Raises:
        EnvironmentFault: it cannot be read or says what cannot be.
    """
    return _read(video.camera_file)


@lru_cache(maxsize=8)
def _read(name: str) -> CameraPack:
    path = Path(name) if Path(name).is_absolute() else pack_path(name)
    try:
        return CameraPack.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise EnvironmentFault("video.camera_file", file=name) from error
