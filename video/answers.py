"""Owns what a person on board answers about an item, as a small file of its own that travels like a picture.

Never judges an answer: an inspector does that on the case.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError

MEDIA_TYPE = "application/vnd.yunjian.answer+json"
MOST_BYTES = 16_384


class CrewAnswer(BaseModel):
    """``yunjian.answer/1``. `value`: what the person says of the item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Annotated[Literal["yunjian.answer/1"], Field(alias="schema")]
    value: Literal["yes", "no", "unsure"]
    text: Annotated[str, Field(max_length=2000)] = ""


def read_answer(path: Path) -> CrewAnswer:
    """Raises InputError for anything else."""
    if path.stat().st_size > MOST_BYTES:
        raise InputError("video.not_an_answer")
    try:
        return CrewAnswer.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError("video.not_an_answer") from error
