"""Owns changes after issue: an addendum written by one person and signed by another; the issued record stays as it was.

Never edits a report. `reports` prints a signed addendum.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from core.canonical import dumps
from core.context import Services
from core.errors import NotFound, Refused
from inspection import books_store
from inspection.assemble import subject_of
from inspection.change import Ask, Change, Written, change, digest
from inspection.model import Actor, Outcome

BOOK = "addendum"


class NewAddendum(BaseModel):
    """What is put right. `about`: the part of the record, e.g. ``deficiency:<id>`` or ``ship.gross_tonnage``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: str = Field(min_length=1, max_length=200)
    was: str = Field(max_length=4000)
    now: str = Field(min_length=1, max_length=4000)
    reason: str = Field(min_length=3, max_length=2000)


class AddendumPart(NewAddendum):
    """An addendum as it stands. `sha256`: of its canonical content and of the record it adds to; both people sign that."""

    schema_: Literal["yunjian.addendum/1"] = Field(default="yunjian.addendum/1", alias="schema")
    number: int
    written_by: str
    written_at: datetime
    signed_by: str | None
    signed_at: datetime | None
    record_sha256: str
    sha256: str

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def write_addendum(services: Services, actor: Actor, case_id: str, new: NewAddendum) -> Outcome:
    """Write an addendum; `ref` is its number. It counts once another person has signed it."""

    def body(work: Change) -> Written:
        record_sha256 = digest(dumps(work.case.issued_record or {}).decode())
        number = 1 + sum(one.kind == "written" for one in books_store.entries(work.session, BOOK, case_id))
        content: dict[str, JsonValue] = {**new.model_dump(mode="json"), "number": number, "record_sha256": record_sha256}
        sha256 = digest(dumps(content).decode())
        part = {**content, "sha256": sha256}
        books_store.write(work.session, BOOK, case_id, subject_of(case_id), "written", part, actor.user_id, work.at)
        return Written({"addendum": number, "addendum_sha256": sha256}, str(number), "inspection.addendum_written")

    return change(services, actor, case_id, "write_addendum", body, Ask(reason=new.reason))


def sign_addendum(services: Services, actor: Actor, case_id: str, number: int) -> Outcome:
    """The second person signs.

    Raises:
        NotFound, Refused ``inspection.addendum_signed``, ``inspection.addendum_same_person``.
    """

    def body(work: Change) -> Written:
        found = next((one for one in addenda(work.session, case_id) if one.number == number), None)
        if found is None:
            raise NotFound("inspection.addendum_missing", number=number)
        if found.signed_by is not None:
            raise Refused("inspection.addendum_signed", number=number)
        if found.written_by == actor.user_id:
            raise Refused("inspection.addendum_same_person", number=number)
        part = {"number": number, "sha256": found.sha256}
        books_store.write(work.session, BOOK, case_id, subject_of(case_id), "signed", part, actor.user_id, work.at)
        return Written({"addendum": number, "addendum_sha256": found.sha256}, str(number), "inspection.addendum_signed")

    return change(services, actor, case_id, "sign_addendum", body)


def addenda(session: Session, case_id: str) -> list[AddendumPart]:
    """All addenda of a case, oldest first."""
    found = books_store.entries(session, BOOK, case_id)
    signed = {int(one.part["number"]): one for one in found if one.kind == "signed"}
    made = []
    for one in (entry for entry in found if entry.kind == "written"):
        second = signed.get(int(one.part["number"]))
        made.append(
            AddendumPart(
                **one.part, written_by=one.by, written_at=one.at, signed_by=second.by if second else None,
                signed_at=second.at if second else None,
            )
        )  # fmt: skip
    return made
