"""Owns what the routes of the reforms service share: strict bodies, and who is asking.

Never decides what a role may do: `companion.roles`, the procedures and ``config/access`` do.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Request
from pydantic import BaseModel, ConfigDict

from companion.model import Actor, Role
from core.auth import Principal
from core.errors import AccessDenied

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
FIRM = "firm:"
BANK = "bank:"


class Body(BaseModel):
    """A request or an answer: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def actor_of(request: Request) -> Actor:
    """The signed-in person as the service knows it; a firm's account acts as the firm, a bank's as the bank.

    Raises:
        AccessDenied: nobody has signed in, or somebody who has no desk here.
    """
    who: Any = getattr(request.state, "principal", None)
    if not isinstance(who, Principal) or who.role.value not in set(Role) - {Role.SYSTEM}:
        raise AccessDenied("companion.no_desk")
    role, scope = Role(who.role.value), who.scope_ref or ""
    if role is Role.APPLICANT:
        if not scope.startswith(FIRM):
            raise AccessDenied("companion.no_firm")
        return Actor(scope.removeprefix(FIRM), role)
    if role is Role.BANK and scope.startswith(BANK):
        return Actor(scope.removeprefix(BANK), role)
    return Actor(who.user_id, role)


def subject_for(actor: Actor, given: str | None) -> str:
    """The firm that is meant: a firm's own, whoever it names; a desk has to name one. Raises AccessDenied."""
    if actor.role is Role.APPLICANT:
        return actor.user_id
    if not given or not given.strip():
        raise AccessDenied("companion.no_firm")
    return given.strip()
