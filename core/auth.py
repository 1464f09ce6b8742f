"""Owns who may act: roles and the principal of a request. Accounts and sessions are in `core.accounts`.

Never decides what a route allows: that table is data, ``config/access/*.toml``, enforced by `console`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who a person is to the system."""

    INSPECTOR = "inspector"
    SUPERVISOR = "supervisor"
    DRONE_OPERATOR = "drone_operator"
    COMPANY_STAFF = "company_staff"
    CLASS_SURVEYOR = "class_surveyor"
    CREW_GUEST = "crew_guest"
    AUDITOR = "auditor"
    ADMIN = "admin"
    # People of the reforms service: firms and the authorities' desks (companion spec, 0.1).
    APPLICANT = "applicant"
    WINDOW = "window"
    APPROVAL = "approval"
    SUPERVISION = "supervision"
    ENFORCEMENT = "enforcement"
    LEGAL = "legal"
    SECTOR = "sector"
    PROVINCE = "province"
    FINANCE = "finance"
    BANK = "bank"
    EXPERT = "expert"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `scope_ref` limits a guest to one inspection and a firm to itself."""

    user_id: str
    role: Role
    name: str
    scope_ref: str | None = None
