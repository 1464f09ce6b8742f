"""Owns the per-case check: a guest, a company account or a class surveyor sees only the inspection it belongs to.

Never widens what the access table allows.
"""

from __future__ import annotations

from core.auth import Principal, Role
from core.errors import AccessDenied
from inspection import subject_of

_SEES_ALL_CASES = frozenset({Role.INSPECTOR, Role.SUPERVISOR, Role.AUDITOR, Role.DRONE_OPERATOR})


def sees_all_cases(principal: Principal) -> bool:
    """True for the authority's own staff."""
    return principal.role in _SEES_ALL_CASES


def require_case(principal: Principal, case_id: str) -> None:
    """Let the caller see this inspection.

    Raises:
        AccessDenied: it belongs to somebody else; said in the same words whether it exists or not.
    """
    if not sees_all_cases(principal) and principal.scope_ref != subject_of(case_id):
        raise AccessDenied("console.other_case")
