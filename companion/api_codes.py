"""Owns the HTTP side of signed record codes: the trust list and the check are public, the rest is for desks and the firm (case 11).

Never shows the papers behind a code to the public: the header alone.
"""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter, Request
from pydantic import Field, JsonValue

from companion import envcode, signed_codes
from companion import practice_store as store
from companion.api_common import Body, actor_of, subject_for
from core.context import Services


class CodeIn(Body):
    code: str = Field(min_length=1, max_length=4096)


class CodeSays(Body):
    """What a valid code says; nothing of it is given where any check fails."""

    subject: str
    registry: str
    count: int
    last: date
    root: str
    issued: datetime
    key_id: str
    demo: bool


class RecordIn(Body):
    registry: str
    subject: str = Field(min_length=1, max_length=100)
    kind: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RecordOut(Body):
    kind: str
    sha256: str
    day: date


class RecordPage(Body):
    items: list[RecordOut]
    next_cursor: None = None


class Numbered(Body):
    seq: int


class IssueIn(Body):
    registry: str
    subject: str = Field(min_length=1, max_length=100)


class IssuedOut(Body):
    jti: str
    registry: str
    subject: str
    records: int
    key_id: str
    issued_at: datetime
    revoked_at: datetime | None
    reason: str | None
    text: str


class IssuedPage(Body):
    items: list[IssuedOut]
    next_cursor: None = None


class Reasoned(Body):
    reason: str = Field(min_length=1, max_length=2000)


def add_routes(router: APIRouter, services: Services) -> None:
    @router.get("/codes/trust")
    def trust() -> dict[str, JsonValue]:
        """Keys, keys taken back and codes taken back, signed: what an offline checker stores."""
        return signed_codes.trust_list(services)

    @router.post("/codes/check")
    def check(body: CodeIn) -> CodeSays:
        """Check a code by the trust list of this moment."""
        said = signed_codes.check(services, body.code)
        return CodeSays(subject=said.subject, registry=said.registry, count=said.count, last=said.last, root=said.root,
                        issued=said.issued, key_id=said.key_id, demo=said.key_kind.value == "demo")  # fmt: skip

    @router.get("/codes/records")
    def records(request: Request, registry: str, subject: str | None = None) -> RecordPage:
        actor = actor_of(request)
        found = envcode.read_records(services, actor, registry, subject_for(actor, subject))
        return RecordPage(items=[RecordOut(kind=one.kind, sha256=one.sha256, day=one.day) for one in found])

    @router.post("/codes/records")
    def append(request: Request, body: RecordIn) -> Numbered:
        return Numbered(seq=envcode.append(services, actor_of(request), body.registry, body.subject, body.kind, body.sha256))

    @router.get("/codes")
    def issued(request: Request, subject: str | None = None) -> IssuedPage:
        return IssuedPage(items=[_issued(row) for row in signed_codes.issued(services, actor_of(request), subject)])

    @router.post("/codes")
    def issue(request: Request, body: IssueIn) -> IssuedOut:
        return _issued(signed_codes.issue(services, actor_of(request), body.registry, body.subject))

    @router.post("/codes/{jti}/revoke", status_code=204)
    def revoke(request: Request, jti: str, body: Reasoned) -> None:
        signed_codes.revoke(services, actor_of(request), jti, body.reason)

    @router.post("/codes/keys/{key_id}/revoke", status_code=204)
    def revoke_key(request: Request, key_id: str, body: Reasoned) -> None:
        signed_codes.revoke_key(services, actor_of(request), key_id, body.reason)


def _issued(row: store.CodeIssuedRow) -> IssuedOut:
    return IssuedOut(
        jti=row.jti, registry=row.registry_name, subject=row.subject, records=row.records, key_id=row.key_id,
        issued_at=row.issued_at, revoked_at=row.revoked_at, reason=row.reason, text=row.text,
    )  # fmt: skip
