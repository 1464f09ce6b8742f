"""Owns the pages on which an inspector has photos of an inspection read and corrects the masks: the list, and the editor of one photo.

Never draws or keeps a mask: the browser draws, `inspection.hull.review` keeps.
"""

from __future__ import annotations

import cv2
from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view
from console.scope import require_case
from core.auth import Role
from core.context import Services
from core.errors import NotFound, YunJianError
from inspection.hull import class_table
from inspection.hull.api import EDIT_LONG_SIDE_PX
from inspection.hull.classes import DEFECTS, IGNORE, ClassId
from inspection.hull.picture import read_photo
from inspection.hull.review import ReviewPhoto, case_of, mask_of, photo_of, photos_of, relative_area_pct
from inspection.hull.runs import progress

_LIST_PX = 480  # the mask at this size is enough for a share of area
_DOUBTFUL_COLOUR = "#c0c0c0"


def build_router(services: Services) -> APIRouter:
    """Three routes: the list (the same address again brings it up to date), the editor, and the picture it works on."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{case_id}/hull")
    def listed(request: Request, case_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            name = case_of(session, case_id)
            photos, told = photos_of(session, case_id), progress(session, case_id)
        rows = [(one, _shares(services, one)) for one in photos]
        return view.page(
            request, "hull/list.html", case_id=case_id, name=name, rows=rows, run=told, classes=class_table(),
            may_change=request.state.principal.role is Role.INSPECTOR,
        )  # fmt: skip

    @router.get("/cases/{case_id}/hull/{evidence_id}")
    def edit(request: Request, case_id: str, evidence_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            name = case_of(session, case_id)
            photo, photos = photo_of(session, case_id, evidence_id), photos_of(session, case_id)
        if photo.done is None or photo.done.prob is None:
            raise NotFound("hull.not_read", file=photo.file)
        order = [one.envelope.id for one in photos if one.done is not None and one.done.prob is not None]
        at = order.index(evidence_id)
        table = class_table()
        return view.page(
            request, "hull/edit.html", case_id=case_id, name=name, photo=photo, threshold=services.settings.hull.threshold,
            before=order[at - 1] if at else None, after=order[at + 1] if at + 1 < len(order) else None,
            classes=[table[one] for one in (*DEFECTS, ClassId.HULL, ClassId.BACKGROUND)], doubtful=(IGNORE, _DOUBTFUL_COLOUR),
            may_change=request.state.principal.role is Role.INSPECTOR,
        )  # fmt: skip

    @router.get("/cases/{case_id}/hull/{evidence_id}/picture")
    def picture(request: Request, case_id: str, evidence_id: str) -> Response:
        """The photo, turned as EXIF says and reduced to the size of the mask that the editor gets."""
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            photo = photo_of(session, case_id, evidence_id)
        path = services.files.path(photo.envelope.sha256)
        read = read_photo(path, services.settings.hull.max_megapixels, long_side_px=EDIT_LONG_SIDE_PX)
        jpeg = cv2.imencode(".jpg", read.image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        return Response(jpeg.tobytes(), media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    return router


def _shares(services: Services, photo: ReviewPhoto) -> dict[ClassId, float] | None:
    """Per cent of the hull in the photo by class; None where there is no mask."""
    if photo.correction is None and (photo.done is None or photo.done.prob is None):
        return None
    try:
        return relative_area_pct(mask_of(services, photo, _LIST_PX))
    except YunJianError:
        return None
