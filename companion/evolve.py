"""Owns the fold: case file + event -> case file. The only place where an event changes anything.

Never decides and never looks at a definition; an event carries everything it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from operator import attrgetter
from typing import Any, cast

from companion.model import ActiveEffect, CaseFile, Event, Obligation, Proposal

Change = dict[str, Any]  # fields of the case file that get a new value
Fold = Callable[[CaseFile, Event], Change]


def evolve(case: CaseFile, event: Event) -> CaseFile:
    """The case file after one event. Types without an entry are facts of record that change no state."""
    return fold((event,), case)


def fold(events: Iterable[Event], start: CaseFile) -> CaseFile:
    """The case file that events lead to from `start`."""
    working = Working(start)
    for event in events:
        working.take(event)
    return working.case()


_FIELDS = tuple(part.name for part in fields(CaseFile))
_values = attrgetter(*_FIELDS)


class Working:
    """A case file that events are folded into. Its mappings are replaced, never changed, so what was read from it stays as it was.

    Making a frozen one after each event would be most of the work of a decision.
    """

    __slots__ = _FIELDS
    seq: int

    def __init__(self, case: CaseFile) -> None:
        for name, value in zip(_FIELDS, _values(case), strict=True):
            setattr(self, name, value)

    def take(self, event: Event) -> None:
        change = _FOLDS.get(event.type)
        if change is not None:
            for name, value in change(cast("CaseFile", self), event).items():
                setattr(self, name, value)
        self.seq = event.seq

    def case(self) -> CaseFile:
        return CaseFile(*_values(self))


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _opened(_: CaseFile, event: Event) -> Change:
    data = event.payload
    return {"key": data["key"], "version": data["version"], "subject": data["subject"]}


def _noted(case: CaseFile, event: Event) -> Change:
    return {"facts": {**case.facts, **event.payload["facts"]}}


def _document(case: CaseFile, event: Event) -> Change:
    name = event.payload["document"]
    return {"documents": {**case.documents, name: event.payload["sha256"]}, "deferred": case.deferred - {name}}


def _deferred(case: CaseFile, event: Event) -> Change:
    return {"deferred": case.deferred | set(event.payload["documents"])}


def _moved(_: CaseFile, event: Event) -> Change:
    return {"state": event.payload["to"]}


def _decided(_: CaseFile, event: Event) -> Change:
    return {"outcome": event.payload["outcome"]}


def _item(case: CaseFile, event: Event) -> Change:
    return {"items": {**case.items, event.payload["item"]: event.payload["outcome"]}}


def _taken(case: CaseFile, event: Event) -> Change:
    return {"steps": {**case.steps, event.payload["step"]: event.at}}


def _items_opened(case: CaseFile, event: Event) -> Change:
    name = event.payload["list"]
    return {"lists": {**case.lists, name: case.lists.get(name, frozenset()) | set(event.payload["items"])}}


def _items_closed(case: CaseFile, event: Event) -> Change:
    name = event.payload["list"]
    return {"lists": {**case.lists, name: case.lists.get(name, frozenset()) - set(event.payload["items"])}}


def _obligation(case: CaseFile, event: Event) -> Change:
    data = event.payload
    opened = Obligation(
        id=data["id"], deadline=data["deadline"], start=date.fromisoformat(data["start"]), raw=day(data["raw"]),
        due=day(data["due"]), provisional=data["provisional"],
    )  # fmt: skip
    return {"obligations": {**case.obligations, opened.id: opened}}


def _changed_obligation(case: CaseFile, event: Event, change: Callable[[Obligation, Mapping[str, Any]], Obligation]) -> Change:
    known = case.obligations[event.payload["id"]]
    return {"obligations": {**case.obligations, known.id: change(known, event.payload)}}


def _on_obligation(change: Callable[[Obligation, Mapping[str, Any]], Obligation]) -> Fold:
    return lambda case, event: _changed_obligation(case, event, change)


def _proposed(case: CaseFile, event: Event) -> Change:
    data = event.payload
    proposal = Proposal(data["id"], data["breach"], tuple(data["effects"]), data["evidence"])
    return {"proposals": {**case.proposals, proposal.id: proposal}}


def _proposal_state(state: Any) -> Fold:
    def change(case: CaseFile, event: Event) -> Change:
        known = case.proposals[event.payload["proposal"]]
        return {"proposals": {**case.proposals, known.id: replace(known, state=state)}}

    return change


def _ordered(case: CaseFile, event: Event) -> Change:
    data = event.payload
    effect = ActiveEffect(
        ref=data["ref"], effect=data["effect"], proposal=data["proposal"], ordered_by=event.actor, from_day=day(data["from_day"]),
        object_until=date.fromisoformat(data["object_until"]), until=day(data["until"]),
        state="proposed" if data["from_day"] is None else "in_force", back_to=case.state,
    )  # fmt: skip
    return {"effects": {**case.effects, effect.ref: effect}}


def _effect_state(state: Any) -> Fold:
    def change(case: CaseFile, event: Event) -> Change:
        known = case.effects[event.payload["ref"]]
        start = day(event.payload.get("from_day")) or known.from_day
        return {"effects": {**case.effects, known.ref: replace(known, state=state, from_day=start)}}

    return change


_FOLDS: dict[str, Fold] = {
    "opened": _opened,
    "noted": _noted,
    "classified": lambda _, event: {"klass": event.payload["class"]},
    "document_in": _document,
    "deferred": _deferred,
    "moved": _moved,
    "decided": _decided,
    "item_decided": _item,
    "step_taken": _taken,
    "items_opened": _items_opened,
    "items_closed": _items_closed,
    "obligation_opened": _obligation,
    "obligation_closed": _on_obligation(lambda known, data: replace(known, state="closed", closed_on=day(data["on"]))),
    "obligation_lapsed": _on_obligation(lambda known, _: replace(known, state="lapsed")),
    "due_moved": _on_obligation(
        lambda known, data: replace(known, raw=day(data["raw"]), due=day(data["due"]), provisional=data["provisional"])
    ),
    "reminded": _on_obligation(lambda known, data: replace(known, reminded=(*known.reminded, *data["days"]))),
    "overdue": _on_obligation(lambda known, _: replace(known, overdue=True)),
    "proposed": _proposed,
    "proposal_confirmed": _proposal_state("confirmed"),
    "proposal_dismissed": _proposal_state("dismissed"),
    "effect_ordered": _ordered,
    "effect_recognised": _effect_state("in_force"),
    "effect_objected": _effect_state("objected"),
    "objection_refused": _effect_state("in_force"),
    "effect_withdrawn": _effect_state("withdrawn"),
    "effect_lifted": _effect_state("lifted"),
    "effect_expired": _effect_state("expired"),
    "adopted": lambda _, event: {"version": event.payload["version"]},
}
