"""Owns who may do what in the services beside the engine: the table ``config/companion/actions.toml``, default deny.

Never looks at a procedure's steps, a list's program or a registry: those name their roles themselves.
"""

from __future__ import annotations

import tomllib
from functools import cache

from companion.model import Actor, Role
from config import pack_path
from core.errors import AccessDenied


def require(actor: Actor, action: str) -> None:
    """Let the actor do it. Raises AccessDenied, also for an action without a row."""
    if not may(actor.role, action):
        raise AccessDenied("companion.not_your_step", role=actor.role.value)


def may(role: Role, action: str) -> bool:
    """What a page asks before it offers an action."""
    return role in actions().get(action, frozenset())


def require_own(actor: Actor, subject: str) -> None:
    """A firm acts for and reads about itself alone; a desk acts for every firm. Raises AccessDenied."""
    if actor.role is Role.APPLICANT and actor.user_id != subject:
        raise AccessDenied("companion.other_firm")


@cache
def actions() -> dict[str, frozenset[Role]]:
    """Action -> roles."""
    raw = tomllib.loads(pack_path("companion", "actions.toml").read_text(encoding="utf-8"))
    return {action: frozenset(Role(name) for name in names) for action, names in raw["roles"].items()}
