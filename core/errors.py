"""Owns the one error tree. Texts in both languages are data: ``config/catalogue/*.toml``, key ``error.<code>``.

Never formats a sentence itself.

    YunJianError                 code, params; exit status and HTTP status by branch
    ├── InputError               what came in is unusable                   exit 2   HTTP 422
    ├── NotFound                 no such thing                              exit 2   HTTP 404
    ├── Refused                  a rule or a right forbids it               exit 1   HTTP 409
    │   └── AccessDenied         role or token does not allow it            exit 1   HTTP 403
    ├── Altered                  a hash, signature or chain does not match  exit 1   HTTP 409
    ├── Unfinished               stopped half way; run again to go on       exit 4   HTTP 503
    └── EnvironmentFault         disk, network, missing program             exit 5   HTTP 503
        └── StorageFull          no space left; nothing half-written        exit 5   HTTP 507
"""

from __future__ import annotations

from typing import ClassVar


class YunJianError(Exception):
    """Base. `code` is stable, dotted, e.g. ``ais.register_empty``; `params` fill the catalogue text."""

    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        self.params = params
        detail = ", ".join(f"{key}={value}" for key, value in params.items())
        super().__init__(f"{code}({detail})")


class InputError(YunJianError):
    exit_status = 2
    http_status = 422


class NotFound(YunJianError):
    exit_status = 2
    http_status = 404


class Refused(YunJianError):
    exit_status = 1
    http_status = 409


class AccessDenied(Refused):
    http_status = 403


class Altered(YunJianError):
    exit_status = 1
    http_status = 409


class Unfinished(YunJianError):
    exit_status = 4
    http_status = 503


class EnvironmentFault(YunJianError):
    exit_status = 5
    http_status = 503


class StorageFull(EnvironmentFault):
    http_status = 507
