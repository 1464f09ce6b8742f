"""Owns the HTTP side of berth cameras: their state, and a still.

Never takes an address from a caller.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from ais.camera_service import CameraView, camera_pack, camera_views, still_of
from core.context import Services


class CamerasOut(BaseModel):
    items: list[CameraView]
    next_cursor: None = None


def build_router(services: Services) -> APIRouter:
    """Routes under /api/v1/ais; a camera file that is wrong shows here, at start."""
    camera_pack(services)
    router = APIRouter(prefix="/api/v1/ais", tags=["ais"])

    @router.get("/cameras")
    def cameras() -> CamerasOut:
        """Every berth camera: whether it gives pictures, and the newest one."""
        return CamerasOut(items=camera_views(services))

    @router.get(
        "/stills/{still_id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}}
    )
    def one(still_id: str) -> Response:
        """A still as the camera gave it."""
        still, data = still_of(services, still_id)
        headers = {"cache-control": "private, max-age=86400, immutable", "etag": f'"{still.sha256}"'}
        return Response(data, media_type=still.media_type, headers=headers)

    return router
