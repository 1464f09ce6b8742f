"""Owns who asks: the signed-in person of a request as the case service's actor, limited to the case a guest came for.

Never decides a step; the state machine's roles do.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Header, Request
from pydantic import BaseModel

from core.auth import Principal
from core.errors import AccessDenied
from inspection import assemble
from inspection.model import Actor, RequestKey

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


def principal_of(request: Request) -> Principal:
    """Who has signed in; `request.state.principal` is set by console's middleware.

    Raises:
        AccessDenied: nobody has.
    """
    who: Any = getattr(request.state, "principal", None)
    if not isinstance(who, Principal):
        raise AccessDenied("inspection.role_refused", action=request.url.path, role="-")
    return who


def require_scope(principal: Principal, case_id: str) -> None:
    """A guest sees the one inspection the token was made for. Raises AccessDenied."""
    if principal.scope_ref not in (None, assemble.subject_of(case_id)):
        raise AccessDenied("inspection.role_refused", action=case_id, role=principal.role.value)


def actor_of(request: Request, case_id: str, body: BaseModel | None, key: str | None) -> Actor:
    """The actor of a change to one case, with the fingerprint of what was asked under an Idempotency-Key.

    Raises:
        AccessDenied: nobody signed in, or a guest of another case.
    """
    who = principal_of(request)
    require_scope(who, case_id)
    if key is None:
        return Actor.of(who)
    asked = f"{request.method} {request.url.path}\n{body.model_dump_json() if body else ''}"
    return Actor.of(who, RequestKey(key, hashlib.sha256(asked.encode()).hexdigest()))
