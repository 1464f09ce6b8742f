"""Real peers that tests talk to, as pytest fixtures; a peer that is not installed skips with the apt line that helps.

In CI (``CI`` set) a missing peer is a failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest


def missing(peer: str, apt_line: str) -> None:
    """Skip with the reason, or fail in CI."""
    message = f"{peer} is not installed: {apt_line}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def postgres_bin() -> Path | None:
    """Folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """A throw-away PostgreSQL on a loopback port; yields the URL of its maintenance database."""
    programs = postgres_bin()
    if programs is None:
        missing("PostgreSQL", "apt install postgresql")
        return
    folder = Path(mkdtemp(prefix="yunjian-pg-", dir="/tmp"))
    as_server = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_server:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=40"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_server, str(programs / program), *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    try:
        run("initdb", "-D", str(data), "-U", "yunjian", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8")
        run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://yunjian@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_cluster: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own for one test."""
    from sqlalchemy import create_engine, text

    name = f"test_{abs(hash(request.node.nodeid)):x}"
    engine = create_engine(postgres_cluster, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield postgres_cluster.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
