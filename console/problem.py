"""Owns how an error leaves the house: RFC 9457 JSON for programs, a page for people; both say what to do next.

Never shows a traceback; that goes to the log under the request's id.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse

from core.catalogue import Lang, error_text
from core.errors import YunJianError

MEDIA_TYPE = "application/problem+json"


def response(error: YunJianError, status: int, lang: Lang, headers: dict[str, str] | None = None) -> JSONResponse:
    """The problem document of an error: ``code``, both languages, and the title in the asker's language."""
    zh, en = error_text(error, "zh"), error_text(error, "en")
    body = {
        "type": f"urn:yunjian:error:{error.code}",
        "title": (zh if lang == "zh" else en).title,
        "status": status,
        "detail": HTTPStatus(status).phrase,
        "code": error.code,
        "title_zh": zh.title,
        "title_en": en.title,
        "next_zh": zh.next,
        "next_en": en.next,
    }
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
