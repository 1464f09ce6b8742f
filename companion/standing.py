"""Owns what a subject's record means for its next application: lists, bars, broken commitments.

Never changes the record. Grades and red lists come from the credit file (`ListSource`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy.orm import Session

from companion import store
from companion.model import ListEntry, Standing

ListSource = Callable[[Session, str, date], tuple[tuple[ListEntry, ...], bool]]


def standing_of(session: Session, subject: str, on: date, lists: ListSource) -> Standing:
    """The standing of a subject on a day; `lists` adds the credit file's entries and whether credit is good (A4.1)."""
    entries: list[ListEntry] = []
    barred: dict[str, str] = {}
    closed: str | None = None
    for row in store.effects_on(session, subject, on):
        ref = f"{row.case_id}/{row.ref}"
        if row.list is not None:
            entries.append(ListEntry.model_validate({"ref": ref, "kind": row.list, "domain": row.domain}))
        if row.bars == "scheme":
            barred[row.key] = ref
        if row.bars == "commitment":
            closed = closed or ref
    overdue = any(row.overdue and row.owed_by == "applicant" for row in store.obligations(session, subject=subject))
    listed, good = lists(session, subject, on)
    found = (*entries, *listed)
    good = good and not overdue and closed is None and not any(entry.kind == "black" for entry in found)
    return Standing(entries=found, good_credit=good, barred=barred, commitment_closed=closed)
