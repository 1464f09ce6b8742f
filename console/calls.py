"""Owns what a call of an inspection is made of: the shots of its checklist, who is invited, and the files of the phone's page.

Never opens a room: `video` does.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal, cast

from console.view import STATIC
from core.clock import Clock
from inspection import CaseRecord, subject_of
from video import RoomOrder, SeatOrder, SeatRole, Shot

_EARLY = timedelta(minutes=1)
_LASTS = timedelta(hours=4)
_IMPORT = re.compile(r"from '\./([\w.-]+)'")
_MEDIA = ("live", "clip", "still")


def room_order(case: CaseRecord, clock: Clock) -> RoomOrder:
    """A room that opens now: one seat for the crew, a shot for each remote item that a camera can answer."""
    items = case.checklist.items if case.checklist else []
    shots = tuple(
        Shot(
            item_ref=item.id,
            label_zh=item.title.zh,
            label_en=item.title.en,
            prompt_zh=item.prompt.zh,
            prompt_en=item.prompt.en,
            media=tuple(cast("Literal['live', 'clip', 'still']", one) for one in item.media if one in _MEDIA),
        )
        for item in items
        if item.remote and set(_MEDIA) & set(item.media)
    )
    now = clock.now()
    return RoomOrder(
        subject_ref=subject_of(case.id),
        not_before=now - _EARLY,
        not_after=now + _LASTS,
        shots=shots,
        seats=(SeatOrder(role=SeatRole.CREW, name_hint="crew"),),
    )


def phone_files() -> tuple[str, ...]:
    """Every file that the phone's page needs beside itself, as names below ``console/static``: its scripts by their imports."""
    found, open_ones = ["css/call.css", "mark.svg"], ["js/call-join.js"]
    while open_ones:
        name = open_ones.pop()
        found.append(name)
        imported = [f"js/{other}" for other in _IMPORT.findall((STATIC / name).read_text(encoding="utf-8"))]
        open_ones += [other for other in imported if other not in found and other not in open_ones]
    return tuple(found)
