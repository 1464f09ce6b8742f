"""Owns handing out the file of one piece of evidence, guarded by the inspection it belongs to.

Never lets a browser guess a type or run what was uploaded.
"""

from __future__ import annotations

import io
from pathlib import Path

from fastapi import APIRouter, Request
from PIL import Image, ImageOps, UnidentifiedImageError
from starlette.responses import FileResponse, Response

from console.csp import EVIDENCE_POLICY
from console.scope import require_case
from core import evidence
from core.context import Services
from core.errors import NotFound
from core.evidence import Envelope
from inspection import subject_of

_INLINE = frozenset(
    {
        "image/jpeg", "image/png", "image/webp", "video/mp4", "video/webm", "audio/mp4", "audio/webm", "audio/ogg",
        "audio/mpeg", "audio/wav", "text/plain",
    }
)  # fmt: skip
_SUFFIX = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4", "video/webm": "webm",
    "audio/mp4": "m4a", "audio/webm": "webm", "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav",
    "text/plain": "txt", "application/pdf": "pdf", "application/json": "json", "image/svg+xml": "svg",
}  # fmt: skip
_THUMB_PX = (224, 152)


def build_router(services: Services) -> APIRouter:
    """One route: the original, a download, or a small picture."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{case_id}/evidence/{evidence_id}")
    def file(request: Request, case_id: str, evidence_id: str, *, thumb: bool = False, download: bool = False) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            envelope = evidence.get(session, evidence_id)
        if envelope is None or envelope.subject_ref != subject_of(case_id):
            raise NotFound("console.no_evidence")
        path = services.files.path(envelope.sha256)
        if thumb:
            return _small(path, envelope)
        return _original(path, envelope, as_download=download)

    return router


def _original(path: Path, envelope: Envelope, *, as_download: bool) -> FileResponse:
    shown = envelope.media_type in _INLINE and not as_download
    name = f"{envelope.kind}-{envelope.sha256[:12]}.{_SUFFIX.get(envelope.media_type, 'bin')}"
    return FileResponse(
        path,
        media_type=envelope.media_type if envelope.media_type in _SUFFIX else "application/octet-stream",
        filename=name,
        content_disposition_type="inline" if shown else "attachment",
        headers=_headers(envelope),
    )


def _small(path: Path, envelope: Envelope) -> Response:
    """A picture for lists.

    Raises:
        NotFound: the file is not a picture.
    """
    try:
        with Image.open(path) as source:
            source.draft("RGB", _THUMB_PX)  # lets the JPEG decoder skip most of the work
            small = ImageOps.exif_transpose(source).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise NotFound("console.no_thumb") from error
    small.thumbnail(_THUMB_PX)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=78)
    return Response(target.getvalue(), media_type="image/jpeg", headers=_headers(envelope))


def _headers(envelope: Envelope) -> dict[str, str]:
    # The content behind an id never changes, but who may see it can: the browser keeps it and asks nobody else.
    return {
        "content-security-policy": EVIDENCE_POLICY,
        "cache-control": "private, max-age=3600",
        "etag": f'"{envelope.sha256}"',
    }
