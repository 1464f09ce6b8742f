"""Owns what a browser is told about STUN and TURN servers: addresses from configuration, credentials that run out.

Never gives them to a seat that waits. The server itself offers host candidates only (video spec 4.3), so it needs none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from config.settings import VideoSettings
from core.errors import EnvironmentFault

AFTER_THE_CALL = timedelta(minutes=10)
"""A credential outlives its room by this, so that a call which overruns does not lose its relay in mid-sentence."""


class IceServer(BaseModel):
    """As the browser's RTCIceServer wants it (W3C WebRTC, section 4.2.2)."""

    model_config = ConfigDict(frozen=True)

    urls: str
    username: str | None = None
    credential: str | None = None


def secret(video: VideoSettings) -> bytes | None:
    """The secret shared with the TURN servers (coturn's `static-auth-secret`); None where no TURN server is configured.

    Raises:
        EnvironmentFault: a TURN server without a readable secret.
    """
    if not any(url.startswith(("turn:", "turns:")) for url in video.ice_servers):
        return None
    try:
        found = Path(video.turn_secret_file).read_bytes().strip() if video.turn_secret_file else b""
    except OSError as error:
        raise EnvironmentFault("video.turn_secret", file=video.turn_secret_file) from error
    if not found:
        raise EnvironmentFault("video.turn_secret", file=video.turn_secret_file or "video.turn_secret_file")
    return found


def ice_servers(video: VideoSettings, seat_id: str, not_after: datetime) -> tuple[IceServer, ...]:
    """The servers for one seat. A TURN user name is `<Unix time of its end>:<seat>`, its password the HMAC-SHA1 of it.

    Source: draft-uberti-behave-turn-rest-00, as coturn's `use-auth-secret` checks it. Raises what `secret` raises.
    """
    key = secret(video)
    servers = []
    for url in video.ice_servers:
        if key is None or url.startswith("stun"):
            servers.append(IceServer(urls=url))
            continue
        username = f"{int((not_after + AFTER_THE_CALL).timestamp())}:{seat_id}"
        digest = hmac.new(key, username.encode(), hashlib.sha1).digest()
        servers.append(IceServer(urls=url, username=username, credential=base64.b64encode(digest).decode()))
    return tuple(servers)


def link_headers(servers: tuple[IceServer, ...]) -> list[str]:
    """The same as `Link` values of a WHIP or WHEP answer (RFC 9725, section 4.6)."""
    values = []
    for server in servers:
        value = f'<{server.urls}>; rel="ice-server"'
        if server.username is not None:
            value += f'; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
        values.append(value)
    return values
