"""Owns reading a whole form before the handler runs in its thread, for forms whose field names are not known beforehand.

Never checks a field.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData


async def _fields(request: Request) -> FormData:
    return await request.form()


Fields = Annotated[FormData, Depends(_fields)]
