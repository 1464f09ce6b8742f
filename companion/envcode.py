"""Owns the registries behind signed codes: append-only papers of a subject, who writes and reads them, and the code (case 11).

Never changes or removes a record, and never asks again for a paper that is stored.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from functools import cache

from pydantic import BaseModel, ConfigDict

from companion import practice_store as store
from companion.definition import Text
from companion.model import Actor, Role
from config import pack_path
from core import journal, record_codes
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound
from core.record_codes import Record
from core.signing import SigningKey
from core.workdays import local_day


class Registry(BaseModel):
    """One table of ``config/companion/env_code.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str
    en: str
    kinds: tuple[str, ...]
    writers: frozenset[Role]
    readers: frozenset[Role]


def append(services: Services, actor: Actor, registry: str, subject: str, kind: str, sha256: str) -> int:
    """Add a paper; returns its number. The subject is kept per registry.

    Raises:
        AccessDenied ``env_code.no_writer``; InputError ``env_code.unknown_kind``.
    """
    rules = registry_named(registry)
    if actor.role not in rules.writers:
        raise AccessDenied("env_code.no_writer", role=actor.role.value)
    if kind not in rules.kinds or len(sha256) != 64:
        raise InputError("env_code.unknown_kind", kind=kind, kinds=", ".join(rules.kinds))
    key = f"{registry}:{subject}"
    with services.db.write() as session:
        seq = len(store.code_records(session, key)) + 1
        session.add(
            store.CodeRecordRow(subject=key, seq=seq, kind=kind, sha256=sha256, at=services.clock.now(), by=actor.user_id)
        )
        session.flush()
        stream = f"code:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        payload = {"seq": seq, "kind": kind, "sha256": sha256}
        journal.append(session, services.clock, stream=stream, actor=actor.user_id, action="record_added", payload=payload)
        return seq


def records(services: Services, registry: str, subject: str) -> list[Record]:
    """All papers of a subject in the order they were added."""
    with services.db.read() as session:
        rows = store.code_records(session, f"{registry}:{subject}")
        return [Record(row.kind, row.sha256, local_day(row.at)) for row in rows]


def read_records(services: Services, actor: Actor, registry: str, subject: str) -> list[Record]:
    """The papers for a reader by role; the public sees the code's header alone (A11.2)."""
    rules = registry_named(registry)
    if actor.role not in rules.readers and actor.user_id != subject:
        raise AccessDenied("env_code.no_reader", role=actor.role.value)
    return records(services, registry, subject)


def code(services: Services, key: SigningKey, registry: str, subject: str) -> str:
    """The signed QR text of a subject's present state."""
    registry_named(registry)
    return record_codes.issue(
        key, services.clock, registry=registry, subject=subject, records=records(services, registry, subject)
    )


def offered(services: Services, registry: str, subject: str, wanted: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Of the papers a new application wants: those stored already (newest digest by kind), and those still to be asked."""
    stored = {record.kind: record.sha256 for record in records(services, registry, subject)}
    names = tuple(wanted)
    return {name: stored[name] for name in names if name in stored}, tuple(name for name in names if name not in stored)


def registry_named(name: str) -> Registry:
    """Raises NotFound."""
    found = registries().get(name)
    if found is None:
        raise NotFound("env_code.unknown_registry", registry=name)
    return found


@cache
def kind_texts() -> dict[str, Text]:
    """Words for the kinds of papers; a site's own kind without words is shown by its name."""
    raw = tomllib.loads(pack_path("companion", "env_code.toml").read_text(encoding="utf-8"))
    return {kind: Text.model_validate(text) for kind, text in raw["kind"].items()}


@cache
def registries() -> dict[str, Registry]:
    """Every registry by its name."""
    raw = tomllib.loads(pack_path("companion", "env_code.toml").read_text(encoding="utf-8"))
    return {name: Registry.model_validate(part) for name, part in raw["registry"].items()}
