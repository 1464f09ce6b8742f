"""Owns the one typed tree of settings and where each value came from.

Never holds a default value: those are data, in ``defaults.toml``.
Order: arguments > environment ``YUNJIAN_<SECTION>__<NAME>`` > site TOML > ``defaults.toml``.
"""

from __future__ import annotations

import json
import os
import tomllib
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

ENV_PREFIX = "YUNJIAN_"
SITE_FILE_VARIABLE = "YUNJIAN_SITE_FILE"
Source = Literal["arguments", "environment", "site file", "defaults"]


class ConfigError(Exception):
    """A setting is misspelt, missing or of the wrong type; the message names it and where it came from."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSettings(_Section):
    host: str
    port: int = Field(ge=0, le=65535)
    public_url: str
    tls_certificate: str
    tls_key: str
    trusted_proxies: tuple[str, ...]
    session_hours: int
    max_body_mb: int

    @property
    def address(self) -> str:
        """Where people reach the console, without a trailing slash: what links and QR codes name."""
        scheme = "https" if self.tls_certificate or self.trusted_proxies else "http"
        return (self.public_url or f"{scheme}://{self.host}:{self.port}").rstrip("/")


class DatabaseSettings(_Section):
    url: str = Field(description="PostgreSQL URL; empty = SQLite files in data_dir")
    busy_timeout_s: float


class AisSettings(_Section):
    fragment_age_s: float
    fragment_age_sentences: int
    duplicate_window_s: float
    max_pending_fragments: int
    confirm_identity: int
    rule_pack: str
    port_pack: str
    berth_cameras: str = Field(description="camera file inside config/, or the whole path of a site's own")
    track_interval_s: float
    sources: tuple[str, ...] = Field(description="addresses of live sources; empty = no ingest process")
    queue_kb: int = Field(ge=64, description="waiting bytes per source; what does not fit is dropped and counted")
    retry_s: float = Field(gt=0)
    retry_max_s: float = Field(gt=0)
    flush_s: float = Field(gt=0)
    track_days: int = Field(ge=1, description="closed days older than this leave ais.db for Parquet files")
    archive_days: int = Field(ge=0, description="Parquet days older than this are deleted; 0 = kept for ever")


class VideoSettings(_Section):
    link_minutes: int
    ring_s: float
    segment_s: float
    room_workers: int
    udp_port_min: int
    udp_port_max: int
    ice_servers: tuple[str, ...]
    turn_secret_file: str
    seat_quota_mb: int
    upload_piece_kb: int
    upload_hours: int
    publish_kbps: int
    max_sdp_kb: int
    host_addresses: tuple[str, ...] = Field(
        description="addresses ICE offers; empty = 127.0.0.1 on a loopback console, else all"
    )
    camera_file: str = Field(description="RTSP cameras: a file inside config/, or the whole path of a site's own")


class DroneSettings(_Section):
    camera: str
    target_gsd_mm: float
    overlap_along: float
    overlap_rows: float
    safety_distance_m: float
    speed_m_s: float
    max_wind_m_s: float
    max_gust_m_s: float
    max_wind_to_hull_m_s: float
    battery_minutes: float
    battery_reserve: float
    link_degraded_s: float
    link_lost_s: float


class HullSettings(_Section):
    weights: str = Field(description="path of an .onnx; empty = the weights that ship with the product")
    weights_sha256: str = Field(description="expected SHA-256 of `weights`; empty = the one in the model card")
    threshold: float
    min_area_px: int
    workers: int
    tile_px: int
    max_megapixels: int


class ReportSettings(_Section):
    font_paths: tuple[str, ...]
    languages: tuple[Literal["zh", "en"], ...]
    preview_px: int
    memory_limit_mb: int
    keys_dir: str = Field(description="signers' PKCS#12 files; empty = <data_dir>/keys")
    demo_keys: bool = Field(description="may people sign with demonstration keys, marked DEMO - NOT VALID on every page")


class MessageSettings(_Section):
    smtp_host: str
    smtp_port: int = Field(ge=0, le=65535)
    smtp_security: Literal["none", "starttls", "tls"]
    smtp_user: str
    smtp_password_file: str = Field(description="file that holds the password alone, so that it is in no settings file")
    smtp_from: str
    webhook_url: str
    webhook_token_file: str = Field(description="file that holds the bearer token alone; empty = none is sent")
    timeout_s: float = Field(gt=0)
    retry_s: float = Field(gt=0)
    retry_max_s: float = Field(gt=0)
    max_attempts: int = Field(ge=1)


class JobSettings(_Section):
    url: str = Field(description="PostgreSQL URL of the DBOS database; empty = that of [database], else jobs.db in data_dir")
    workers: int = Field(ge=1, description="jobs running at once in one job process")
    poll_s: float = Field(gt=0)
    max_attempts: int = Field(ge=1, description="a job that kills its process this often is given up")


class AccountSettings(_Section):
    failures_before_wait: int = Field(ge=1, description="wrong passwords before a login name or an address has to wait")
    wait_s: float = Field(gt=0, description="first wait; doubles with each further failure")
    wait_max_s: float = Field(gt=0)


class CompanionSettings(_Section):
    push_endpoints: tuple[str, ...] = Field(
        description="'receiver=https://…' of each system that gets pushes; others have a desk here"
    )
    push_timeout_s: float = Field(gt=0)
    push_retry_s: float = Field(gt=0)
    push_retry_max_s: float = Field(gt=0)
    workday_tables: str = Field(description="folder of the site's own <year>.toml holiday tables; empty = those of the product")

    @field_validator("push_endpoints")
    @classmethod
    def _addressed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            name, _, address = entry.partition("=")
            if not name or not address.startswith(("http://", "https://")):
                raise ValueError(f"{entry!r} is not receiver=http(s)://…")
        return value

    @property
    def endpoints(self) -> dict[str, str]:
        """Receiver -> address."""
        return {name: address for name, _, address in (entry.partition("=") for entry in self.push_endpoints)}


class Settings(_Section):
    """The whole tree. ``source_of`` says where each dotted name came from."""

    data_dir: Path
    language: Literal["zh", "en"]
    web: WebSettings
    database: DatabaseSettings
    ais: AisSettings
    video: VideoSettings
    drone: DroneSettings
    hull: HullSettings
    report: ReportSettings
    messages: MessageSettings
    jobs: JobSettings
    accounts: AccountSettings
    companion: CompanionSettings
    source_of: dict[str, str] = Field(default_factory=dict, exclude=True, repr=False)


def pack_path(*parts: str) -> Path:
    """Path of a data file inside ``config/`` (also from an installed wheel)."""
    return Path(str(files("config"))).joinpath(*parts)


def load_settings(
    overrides: dict[str, Any] | None = None,
    *,
    environ: dict[str, str] | None = None,
    site_file: Path | None = None,
) -> Settings:
    """Merge the four sources. ``overrides`` uses dotted names.

    Raises:
        ConfigError: naming the misspelt or wrong setting, its source and the nearest right name.
    """
    env = dict(os.environ) if environ is None else environ
    values: dict[str, Any] = {}
    source_of: dict[str, str] = {}

    def take(flat: dict[str, Any], source: Source) -> None:
        for name, value in flat.items():
            values[name] = value
            source_of[name] = source

    take(_flatten(tomllib.loads(pack_path("defaults.toml").read_text(encoding="utf-8"))), "defaults")
    known = set(values)
    chosen = site_file or (Path(env[SITE_FILE_VARIABLE]) if env.get(SITE_FILE_VARIABLE) else None)
    if chosen is not None:
        take(_checked(_read_toml(chosen), known, f"site file {chosen}"), "site file")
    take(_checked(_from_environment(env), known, "environment"), "environment")
    take(_checked(dict(overrides or {}), known, "arguments"), "arguments")
    try:
        return Settings.model_validate({**_nest(values), "source_of": source_of})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{name} ({source_of.get(name, 'defaults')}): {first['msg']}") from error


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _nest(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, key = name.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[key] = value
    return tree


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return _flatten(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"site file {path}: {error}") from error


def _from_environment(env: dict[str, str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for variable, text in env.items():
        if not variable.startswith(ENV_PREFIX) or variable == SITE_FILE_VARIABLE:
            continue
        name = variable[len(ENV_PREFIX) :].lower().replace("__", ".")
        try:
            flat[name] = json.loads(text)
        except json.JSONDecodeError:
            flat[name] = text
    return flat


def _checked(flat: dict[str, Any], known: set[str], where: str) -> dict[str, Any]:
    for name in flat:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.0)
            raise ConfigError(f"{where}: no setting is called {name!r}; did you mean {near[0]!r}?")
    return flat
