"""Owns the standing meeting of the offices on a disputed case file (case 3): its record is attached to the file.

Never decides: what the meeting concludes is ordered, withdrawn or answered by the officer whose step it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from companion import books, store
from companion.books import Entry
from companion.conditions import Value
from companion.model import Actor, CaseFile
from companion.roles import require
from core.context import Services
from core.errors import InputError, Refused
from core.ids import new_id

BOOK = "consultations"
_FEWEST = 2  # one office alone does not consult


def disputed(case: CaseFile) -> tuple[str, ...]:
    """What is in dispute: open proposals and effects that were objected to."""
    proposals = [one.id for one in case.proposals.values() if one.state == "open"]
    return (*proposals, *(one.ref for one in case.effects.values() if one.state == "objected"))


def attach(services: Services, actor: Actor, case_id: str, values: Mapping[str, Value]) -> Entry:
    """Attach the record of a meeting to a disputed case file; `values` as the book's form.

    Raises:
        NotFound: no such case file. AccessDenied. InputError ``consultation.one_office``.
        Refused ``consultation.not_disputed``: nothing is in dispute, or not what the meeting was about.
    """
    require(actor, "consultation.attach")
    with services.db.write() as session:
        open_now = disputed(store.case_file(session, case_id))
        if values.get("about") not in open_now:
            raise Refused("consultation.not_disputed", about=str(values.get("about")), open=", ".join(open_now) or "-")
        offices = values.get("offices")
        if not isinstance(offices, list) or len(set(offices)) < _FEWEST:
            raise InputError("consultation.one_office", fewest=_FEWEST)
        return books.write_in(services, session, actor, BOOK, new_id(), values, case_id)


def records(session: Session, case_id: str) -> list[Entry]:
    """Records attached to a case file, in the order they were written."""
    return books.entries(session, BOOK, case_id)
