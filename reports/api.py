"""Owns the HTTP routes of reports: list, download of the archive and of the PDFs, and one person's signature.

Never keeps a key: it comes with the request, is unlocked for it, and is gone with it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from core.auth import Principal, Role
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound, Refused
from reports.keys import HandedSigner, Person, Signer, SignerRole, demo_signer
from reports.service import TimeStampKey, bundles_of, complete, latest, prepare

LARGEST_KEY = 64 * 1024  # bytes; a PKCS#12 file with a chain is a few kB


class BundleOut(BaseModel):
    """One bundle as the API shows it. `sha256` is the tag manifest's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    case_id: str
    edition: int
    number: str
    sha256: str
    record_sha256: str
    pages: dict[str, int]
    signers: dict[str, str]
    created_at: datetime


class SignatureOut(BaseModel):
    """What one signature led to; `sha256` is the tag manifest's once both have signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    case_id: str
    role: SignerRole
    pages: dict[str, int]
    sha256: str | None


class BundleList(BaseModel):
    """contracts.md: lists are ``{items, next_cursor}``."""

    items: list[BundleOut]
    next_cursor: str | None = None


def build_router(services: Services) -> APIRouter:
    """Routes under ``/api/v1/reports``."""
    router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

    @router.get("/{case_id}")
    def bundles(case_id: str, request: Request) -> BundleList:
        _in_scope(request, case_id)
        return BundleList(
            items=[
                BundleOut(
                    id=row.id, case_id=row.case_id, edition=row.edition, number=row.number, sha256=row.sha256,
                    record_sha256=row.record_sha256, pages=row.pages, signers=row.signers, created_at=row.created_at,
                )
                for row in bundles_of(services, case_id)
            ]
        )  # fmt: skip

    @router.get("/{case_id}/bundle.zip", response_class=FileResponse)
    def archive(case_id: str, request: Request) -> FileResponse:
        _in_scope(request, case_id)
        return _file(Path(latest(services, case_id).zip_path), "application/zip", case_id)

    @router.get("/{case_id}/report.{lang}.pdf", response_class=FileResponse)
    def report(case_id: str, lang: Literal["zh", "en"], request: Request) -> FileResponse:
        _in_scope(request, case_id)
        row = latest(services, case_id)
        path = Path(row.path) / "data" / f"report.{lang}.pdf"
        return _file(path, "application/pdf", case_id, f"{row.number}.{lang}.pdf")

    @router.post("/{case_id}/signature")
    def sign(
        case_id: str,
        request: Request,
        passphrase: Annotated[str, Form(max_length=1024)] = "",
        manifest: Annotated[UploadFile | None, File()] = None,
        pdf: Annotated[UploadFile | None, File()] = None,
        *,
        demo: Annotated[bool, Form()] = False,
    ) -> SignatureOut:
        """The inspector's signature comes first, then the supervisor's, each with the person's own key or, where the site
        allows it, with a demonstration key.
        """
        principal: Principal = request.state.principal
        person = Person(principal.user_id, principal.name)
        role: SignerRole = "supervisor" if principal.role is Role.SUPERVISOR else "inspector"
        signer: Signer
        stamp: TimeStampKey | None = None
        if demo:
            if not services.settings.report.demo_keys:
                raise Refused("reports.no_demo_keys")
            signer, stamp = demo_signer(services.settings, services.clock, role, person)
        else:
            keys = [_uploaded(one) for one in (manifest, pdf)]
            signer = HandedSigner(role, person, keys[0], keys[1], passphrase.encode())
        if role == "inspector":
            found = prepare(services, case_id, signer, stamp)
            return SignatureOut(case_id=case_id, role=role, pages=found.pages, sha256=None)
        built = complete(services, case_id, signer, stamp)
        return SignatureOut(
            case_id=case_id, role=role, pages={str(lang): n for lang, n in built.pages.items()}, sha256=built.sha256
        )

    return router


def _uploaded(file: UploadFile | None) -> bytes:
    """The bytes of a key file; raises InputError for none or for something that is too large to be one."""
    data = b"" if file is None else file.file.read(LARGEST_KEY + 1)
    if not data or len(data) > LARGEST_KEY:
        raise InputError("reports.key_missing")
    return data


def _in_scope(request: Request, case_id: str) -> None:
    """A principal limited to one subject sees that subject only."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is not None and principal.scope_ref not in (None, case_id, f"inspection:{case_id}"):
        raise AccessDenied("reports.not_in_scope")


def _file(path: Path, media_type: str, case_id: str, name: str | None = None) -> FileResponse:
    if not path.is_file():
        raise NotFound("reports.no_bundle", case_id=case_id)
    return FileResponse(path, media_type=media_type, filename=name or path.name)
