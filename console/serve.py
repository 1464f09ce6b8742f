"""Owns running the web server of an installation: what address it may bind, TLS, and the loops beside it.

Never serves on an address that others reach without TLS or a named proxy in front.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from console.app import create_app
from console.background import Background
from console.ingest_process import IngestProcess
from console.job_process import JobProcess
from console.tls import TlsFiles
from console.view import STATIC
from console.wiring import Area
from core import logs
from core.context import Services
from core.errors import EnvironmentFault, NotFound, Refused

_log = logs.get("console")


@dataclass(frozen=True, slots=True)
class Binding:
    """Where the server listens, and with which certificate (None = plain http)."""

    host: str
    port: int
    tls: TlsFiles | None

    def url(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """True for names and addresses that only this machine reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls_files(services: Services) -> TlsFiles:
    """The certificate of the settings, or the one that ``yunjian tls init`` made.

    Raises:
        NotFound: neither is there.
    """
    web = services.settings.web
    made = TlsFiles.in_folder(services.settings.data_dir / "tls")
    certificate = Path(web.tls_certificate) if web.tls_certificate else made.certificate
    key = Path(web.tls_key) if web.tls_key else made.key
    for path in (certificate, key):
        if not path.is_file():
            raise NotFound("console.no_certificate", path=path)
    return TlsFiles(made.authority, certificate, key)


def require_safe(binding: Binding, services: Services) -> None:
    """Refuse an open address without TLS or a trusted proxy.

    Raises:
        Refused: with the reason and the two ways out.
    """
    if binding.tls is None and not is_loopback(binding.host) and not services.settings.web.trusted_proxies:
        raise Refused("console.open_without_tls", host=binding.host)


def run_server(
    services: Services,
    host: str,
    port: int,
    *,
    tls: TlsFiles | None = None,
    on_ready: Callable[[str], None] | None = None,
    workers_beside: bool = True,
    area: Area = Area.ALL,
) -> None:
    """Serve until SIGINT or SIGTERM. `port` 0 lets the system choose; `on_ready` gets the address once it listens.

    Raises:
        Refused: an open address without TLS.
        EnvironmentFault: the address is taken, or the static files were not built.
    """
    binding = Binding(host, port, tls)
    require_safe(binding, services)
    if not (STATIC / "vendor" / "openbridge.js").is_file():
        raise EnvironmentFault("console.assets_missing", path=STATIC / "vendor")
    listening = _listen(host, port)
    url = binding.url(listening.getsockname()[1])
    services = _reachable_at(services, url)
    app = create_app(services, area=area)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(services.settings.web.trusted_proxies),
        forwarded_allow_ips=list(services.settings.web.trusted_proxies) or None,
        ssl_certfile=str(tls.certificate) if tls else None,
        ssl_keyfile=str(tls.key) if tls else None,
        timeout_graceful_shutdown=5,
        ws_per_message_deflate=False,  # a map frame would be packed again for each reader, and all others wait meanwhile
    )
    beside = Background(services, app.state.metrics, area=area)
    ingest, work = IngestProcess(services), JobProcess(services)
    if workers_beside:
        beside.start()
        ingest.start()
        if area is Area.ALL:
            work.start()
    try:
        _Announced(config, url, on_ready).run(sockets=[listening])
    finally:
        work.stop()
        ingest.stop()
        beside.stop()
        listening.close()


class _Announced(uvicorn.Server):
    """Says its address when the application is up, not before."""

    def __init__(self, config: uvicorn.Config, url: str, on_ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._url = url
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            _log.info("console is up", url=self._url)
            if self._on_ready is not None:
                self._on_ready(self._url)


def _reachable_at(services: Services, url: str) -> Services:
    """Links and QR codes name the address that is really listened on, unless the site has set a public one."""
    web = services.settings.web
    if web.public_url:
        return services
    settings = services.settings.model_copy(update={"web": web.model_copy(update={"public_url": url})})
    return replace(services, settings=settings)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise EnvironmentFault("console.port_taken", host=host, port=port, reason=error.strerror or str(error)) from error
    return listening
