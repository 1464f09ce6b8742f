"""Owns the HTTP of resumable uploads: tus 1.0 requests and answers.

Never buffers a body: a piece goes to disk as it arrives.
"""

# No postponed annotations here: FastAPI must see dependencies that are made inside a function.

from collections.abc import AsyncIterator, Callable
from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from core.catalogue import error_text
from core.context import Services
from core.errors import InputError
from video.model import SeatKey
from video.rooms import Rooms
from video.uploads import (
    CHECKSUM_STATUS,
    CHECKSUMS,
    EXTENSIONS,
    TUS_VERSION,
    ChecksumMismatch,
    Slot,
    Uploads,
    VersionMismatch,
    parse_checksum,
    parse_metadata,
)

_PIECE_TYPE = "application/offset+octet-stream"


def build_upload_router(  # noqa: C901 - nine small handlers side by side
    services: Services, rooms: Rooms, seat: Callable[..., SeatKey]
) -> APIRouter:
    """Routes under ``/uploads``; `seat` finds the caller's seat by its token."""
    router = APIRouter(prefix="/uploads", tags=["video uploads"])
    uploads = Uploads(services, rooms)
    AtSeat = Annotated[SeatKey, Depends(seat)]  # noqa: N806 - a type, made here because it needs the services

    def headers(slot: Slot) -> dict[str, str]:
        return {
            "tus-resumable": TUS_VERSION, "upload-offset": str(slot.offset), "upload-length": str(slot.length),
            "upload-expires": format_datetime(slot.expires_at, usegmt=True), "cache-control": "no-store",
        }  # fmt: skip

    def version(tus_resumable: Annotated[str, Header()] = "") -> None:
        if tus_resumable != TUS_VERSION:
            raise VersionMismatch("video.upload_version")

    def slot_of(upload_id: str, key: AtSeat) -> Slot:
        return uploads.find(key, upload_id)

    async def piece(
        request: Request, slot: Annotated[Slot, Depends(slot_of)], upload_offset: Annotated[int, Header()]
    ) -> int | ChecksumMismatch:
        if request.headers.get("content-type") != _PIECE_TYPE:
            raise InputError("video.upload_request", what="Content-Type")
        checksum = parse_checksum(request.headers.get("upload-checksum"))
        with uploads.hold(slot.id):
            try:
                return await uploads.receive(slot, upload_offset, _body(request), checksum)
            except ChecksumMismatch as error:
                return error

    @router.options("", status_code=204)
    def about() -> Response:
        """What this server can do."""
        return Response(
            status_code=204,
            headers={
                "tus-resumable": TUS_VERSION, "tus-version": TUS_VERSION, "tus-extension": EXTENSIONS,
                "tus-checksum-algorithm": ",".join(CHECKSUMS), "tus-max-size": str(uploads.max_bytes),
            },
        )  # fmt: skip

    @router.post("", status_code=201, dependencies=[Depends(version)])
    def create(
        key: AtSeat, upload_length: Annotated[int, Header()], upload_metadata: Annotated[str, Header(max_length=8192)] = ""
    ) -> Response:
        """Announce an upload; ``Location`` says where its pieces go."""
        slot = uploads.create(key, upload_length, parse_metadata(upload_metadata))
        return Response(status_code=201, headers={**headers(slot), "location": f"/api/v1/video/uploads/{slot.id}"})

    @router.head("/{upload_id}", dependencies=[Depends(version)])
    def look(slot: Annotated[Slot, Depends(slot_of)], key: AtSeat) -> Response:
        """How far an upload has come; a complete one that a kill left unfinished is finished now."""
        if slot.offset == slot.length:
            uploads.finish(key, slot.id)
        return Response(status_code=200, headers=headers(slot))

    @router.patch("/{upload_id}", status_code=204, dependencies=[Depends(version)])
    def add(
        slot: Annotated[Slot, Depends(slot_of)], key: AtSeat, at: Annotated[int | ChecksumMismatch, Depends(piece)]
    ) -> Response:
        """Add a piece. With the last one the file becomes evidence; its id is the upload's."""
        if isinstance(at, ChecksumMismatch):
            return _mismatch(at)
        kept = uploads.commit(key, slot, at)
        answer = {"tus-resumable": TUS_VERSION, "upload-offset": str(at)}
        return Response(status_code=204, headers=answer if kept is None else {**answer, "x-sha256": kept.sha256})

    @router.delete("/{upload_id}", status_code=204, dependencies=[Depends(version)])
    def drop(upload_id: str, key: AtSeat) -> Response:
        """Give an upload up."""
        uploads.discard(key, upload_id)
        return Response(status_code=204, headers={"tus-resumable": TUS_VERSION})

    return router


def _mismatch(error: ChecksumMismatch) -> Response:
    """RFC 9457 by hand: the status is tus' own, which the console's problem answer cannot name."""
    zh, en = error_text(error, "zh"), error_text(error, "en")
    problem = {
        "type": "about:blank", "status": CHECKSUM_STATUS, "title": en.title, "code": error.code, "title_zh": zh.title,
        "title_en": en.title, "next_zh": zh.next, "next_en": en.next,
    }  # fmt: skip
    return JSONResponse(problem, status_code=CHECKSUM_STATUS, media_type="application/problem+json")


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect as error:
        raise ConnectionError from error
