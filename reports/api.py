"""Owns the HTTP routes of reports: list, download of the archive and of the PDFs.

Never builds or signs: that takes a person's passphrase, given to the command line or the console.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from core.auth import Principal
from core.context import Services
from core.errors import AccessDenied, NotFound
from reports.service import bundles_of, latest


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

    return router


def _in_scope(request: Request, case_id: str) -> None:
    """A principal limited to one subject sees that subject only."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is not None and principal.scope_ref not in (None, case_id, f"inspection:{case_id}"):
        raise AccessDenied("reports.not_in_scope")


def _file(path: Path, media_type: str, case_id: str, name: str | None = None) -> FileResponse:
    if not path.is_file():
        raise NotFound("reports.no_bundle", case_id=case_id)
    return FileResponse(path, media_type=media_type, filename=name or path.name)
