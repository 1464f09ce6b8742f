"""Owns who may call what: the rows of ``config/access/*.toml``, and default deny for everything without a row.

Never looks inside a request body; per-case scope is decided by the page or service that knows the case.

A row is a table ``["METHOD /path/{template}"]`` (METHOD ``WS`` for a websocket) with ``roles = [...]``, ``public = true``
or ``token = "seat"`` (that route checks its own bearer token).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import compile_path

from config import ConfigError, pack_path
from core.auth import Role


@dataclass(frozen=True, slots=True)
class Row:
    """One route's rule: exactly one of `public`, `token` and a non-empty set of `roles`."""

    method: str
    path: str
    roles: frozenset[Role]
    public: bool
    token: str | None
    pattern: re.Pattern[str]

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


class AccessTable:
    """All rows; the most literal one wins where two match (``/cases/new`` before ``/cases/{id}``)."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: (":path}" in row.path, row.path.count("{"), -len(row.path)))

    def find(self, method: str, path: str) -> Row | None:
        """The row for a request, or None: then it is denied."""
        return next((row for row in self.rows if row.method == method and row.pattern.fullmatch(path)), None)

    def methods(self, path: str) -> list[str]:
        """Methods that have a row for this path; empty where the path is unknown."""
        return sorted({row.method for row in self.rows if row.pattern.fullmatch(path)})


def load(folder: Path | None = None) -> AccessTable:
    """Read every table of the folder.

    Raises:
        ConfigError: a row that is unclear, or defined twice.
    """
    rows: dict[str, Row] = {}
    for file in sorted((folder or pack_path("access")).glob("*.toml")):
        for key, rule in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in rows:
                raise ConfigError(f"access row {key!r} is defined twice, again in {file.name}")
            rows[key] = _row(key, rule, file.name)
    return AccessTable(list(rows.values()))


def _row(key: str, rule: dict[str, object], file: str) -> Row:
    method, _, path = key.partition(" ")
    names = rule.get("roles", [])
    known = {role.value for role in Role}
    if not path.startswith("/") or not isinstance(names, list) or not set(names) <= known:
        raise ConfigError(f"{file}: access row {key!r} is not METHOD /path with roles out of {sorted(known)}")
    token = rule.get("token")
    given = [bool(names), rule.get("public") is True, isinstance(token, str)]
    if sum(given) != 1 or not set(rule) <= {"roles", "public", "token"}:
        raise ConfigError(f"{file}: access row {key!r} needs exactly one of roles, public = true and token")
    return Row(
        method=method,
        path=path,
        roles=frozenset(Role(name) for name in names),
        public=rule.get("public") is True,
        token=token if isinstance(token, str) else None,
        pattern=compile_path(path)[0],
    )
