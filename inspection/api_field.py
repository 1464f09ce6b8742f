"""Owns the HTTP side of field sync: operations of a device for one case, and its evidence in pieces.

Never merges; ``inspection.fieldsync`` does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict

from core.context import Services
from inspection import field_service
from inspection.api_actor import actor_of
from inspection.fieldsync import FieldOp


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConflictOut(_Body):
    item_id: str
    shown: FieldOp
    heads: list[FieldOp]


class WaitingOut(_Body):
    item_id: str
    code: str


class SyncOut(_Body):
    ops: list[FieldOp]
    have: dict[str, int]
    wanted: list[str]
    conflicts: list[ConflictOut]
    waiting: list[WaitingOut]


class PieceOut(_Body):
    next_offset: int


def add_routes(router: APIRouter, services: Services) -> None:
    """Routes under ``/api/v1/inspection``."""

    @router.post("/cases/{case_id}/field")
    def sync(request: Request, case_id: str, body: field_service.Sync) -> SyncOut:
        found = field_service.sync(services, actor_of(request, case_id, None, None), case_id, body)
        return SyncOut(
            ops=list(found.ops), have=found.have, wanted=list(found.wanted),
            conflicts=[ConflictOut(item_id=one.shown.item_id, shown=one.shown, heads=list(one.heads)) for one in found.conflicts],
            waiting=[WaitingOut(item_id=one.item_id, code=one.code) for one in found.waiting],
        )  # fmt: skip

    @router.put("/field/evidence/{sha256}")
    def piece(
        sha256: str,
        size: Annotated[int, Query(ge=1)],
        offset: Annotated[int, Query(ge=0)],
        data: Annotated[bytes, Body(media_type="application/octet-stream")],
    ) -> PieceOut:
        return PieceOut(next_offset=field_service.upload_piece(services, sha256, size, offset, data))
