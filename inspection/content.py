"""Owns the content of a case: evidence on items, answers, findings, deficiencies, the call.

Never sets a ground for detention from a finding by itself: a person writes the deficiency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from core import evidence
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.evidence import Envelope
from core.ids import new_id
from inspection import store
from inspection.assemble import subject_of
from inspection.change import Ask, Change, Written, change, digest
from inspection.checklist import editions
from inspection.codes import action_codes, deficiency_codes
from inspection.model import Actor, DentDrawing, NewAnswer, NewDeficiency, Outcome
from inspection.record import (
    AnswerPart,
    CallPart,
    ChecklistPart,
    DeficiencyPart,
    FindingPart,
    HullPlacePart,
    ItemPart,
    ModelPart,
    Text,
)

DENT = "dent"
NO_MASK_CLASS = 0  # contracts.md, yunjian.detection/1: a dent is a polygon without a mask class
Decision = Literal["confirmed", "rejected"]


def keep_evidence(services: Services, actor: Actor, case_id: str, envelope: Envelope, item_id: str) -> Outcome:
    """Store an envelope made by an upload or the AIS part and bind it to an item, in one transaction."""

    def body(work: Change) -> Written | None:
        evidence.keep(work.session, envelope)
        return bind(work, envelope.id, item_id)

    return change(services, actor, case_id, "bind_evidence", body)


def bind_evidence(services: Services, actor: Actor, case_id: str, evidence_id: str, item_id: str) -> Outcome:
    """Say that this evidence belongs to this item. Doing it again changes nothing.

    Raises:
        NotFound: no such evidence of this case, or no such item.
    """
    return change(services, actor, case_id, "bind_evidence", lambda work: bind(work, evidence_id, item_id))


def bind(work: Change, evidence_id: str, item_id: str) -> Written | None:
    """The body of `bind_evidence`, for changes that bind more than one thing."""
    _item(work, item_id)
    envelope = evidence.get(work.session, evidence_id)
    if envelope is None or envelope.subject_ref != subject_of(work.case.id):
        raise NotFound("inspection.evidence_missing", evidence_id=evidence_id)
    if store.binding(work.session, work.case.id, item_id, evidence_id) is not None:
        return None
    work.session.add(
        store.BindingRow(case_id=work.case.id, item_id=item_id, evidence_id=evidence_id, at=work.at, by=work.actor.user_id)
    )
    work.session.flush()
    payload: dict[str, JsonValue] = {"item": item_id, "evidence_id": evidence_id, "sha256": envelope.sha256}
    return Written(payload, evidence_id, "inspection.item_changed")


def answer_item(services: Services, actor: Actor, case_id: str, item_id: str, new: NewAnswer) -> Outcome:
    """Answer a checklist item; a later answer replaces an earlier one, both are kept.

    Raises:
        Refused: ``inspection.evidence_required`` for "satisfactory" without the evidence the checklist asks for,
            ``inspection.item_needs_attendance`` for an item that is not for remote while nobody has been on board,
            ``inspection.note_required`` for "not applicable", or "deficient" without any evidence, without a note.
        NotFound: no such item.
    """

    def body(work: Change) -> Written | None:
        item = _item(work, item_id)
        _allow_answer(work, item, new)
        last = store.answers(work.session, case_id).get(item_id)
        if last is not None and _same_answer(AnswerPart.model_validate(last.part), new, actor.user_id):
            return None
        part = AnswerPart(value=new.value, note=new.note, by=actor.user_id, at=work.at, pre_answered_by_rule=new.rule)
        rev = last.rev + 1 if last else 1
        row = store.AnswerRow(case_id=case_id, item_id=item_id, rev=rev, part=part.model_dump(mode="json"))
        work.session.add(row)
        payload: dict[str, JsonValue] = {"item": item_id, "item_rev": rev, "value": new.value}
        if new.note:
            payload["note_sha256"] = digest(new.note)
        return Written(payload, item_id, "inspection.item_changed")

    return change(services, actor, case_id, "answer_item", body)


def add_findings(
    services: Services, actor: Actor, case_id: str, findings: Sequence[FindingPart], model: ModelPart | None = None
) -> Outcome:
    """Take over proposed findings, with the model that made them. The same finding (source, class, photo, outline) is once.

    Raises:
        InputError: a finding whose photo is not evidence of this case, or one that comes already decided.
    """

    def body(work: Change) -> Written | None:
        known = store.finding_digests(work.session, case_id)
        kept = {envelope.id for envelope in evidence.of_subject(work.session, subject_of(case_id))}
        fresh = {finding_key(finding): finding for finding in reversed(findings)}  # of two alike the first stays
        fresh = {key: finding for key, finding in reversed(fresh.items()) if key not in known}
        for key, finding in fresh.items():
            _check_new(finding, kept)
            _add_finding_row(work, key, finding)
        told = model.model_dump(mode="json") if model else None
        if not fresh and (told is None or told == work.case.model):
            return None
        work.case.model = told or work.case.model
        payload: dict[str, JsonValue] = {"findings": [finding.id for finding in fresh.values()]}
        return Written(payload | ({"model_sha256": model.sha256} if model else {}), event="inspection.findings_added")

    return change(services, actor, case_id, "add_findings", body)


def draw_dent(services: Services, actor: Actor, case_id: str, drawing: DentDrawing) -> Outcome:
    """A dent that the inspector has drawn: confirmed by the hand that drew it. `ref` of the outcome is the finding's id."""
    finding = _dent(drawing)

    def body(work: Change) -> Written | None:
        key = digest(f"drawn {drawing.key}")
        if key in store.finding_digests(work.session, case_id):
            return None
        _check_new(finding, {envelope.id for envelope in evidence.of_subject(work.session, subject_of(case_id))})
        drawn = finding.model_copy(update={"state": "confirmed", "decided_by": actor.user_id, "decided_at": work.at})
        _add_finding_row(work, key, drawn)
        return Written({"finding_id": finding.id}, finding.id, "inspection.findings_added")

    return change(services, actor, case_id, "draw_dent", body)


def decide_finding(services: Services, actor: Actor, case_id: str, finding_id: str, decision: Decision) -> Outcome:
    """Confirm or reject one finding; see `decide_findings`."""
    return decide_findings(services, actor, case_id, {finding_id: decision})


def decide_findings(services: Services, actor: Actor, case_id: str, decisions: Mapping[str, Decision]) -> Outcome:
    """Confirm or reject findings. A decision may be changed while the case is open.

    Raises:
        NotFound: a finding that is not of this case; then nothing is decided.
        Refused: rejecting a finding that a deficiency rests on.
    """

    def body(work: Change) -> Written | None:
        used = {DeficiencyPart.model_validate(row.part).finding_id for row in store.deficiencies(work.session, case_id)}
        decided: dict[str, JsonValue] = {}
        for finding_id, decision in decisions.items():
            row = store.finding(work.session, case_id, finding_id)
            if row.state == decision:
                continue
            if decision == "rejected" and finding_id in used:
                raise Refused("inspection.finding_in_use", finding_id=finding_id)
            part = FindingPart.model_validate(row.part).model_copy(
                update={"state": decision, "decided_by": actor.user_id, "decided_at": work.at}
            )
            row.state, row.part = decision, part.model_dump(mode="json")
            decided[finding_id] = decision
        return Written({"decided": decided}, event="inspection.finding_decided") if decided else None

    return change(services, actor, case_id, "decide_finding", body)


def add_deficiency(services: Services, actor: Actor, case_id: str, new: NewDeficiency) -> Outcome:
    """Write a deficiency in two boxes, from a confirmed finding or free. `ref` is its id; the same words are one deficiency.

    Raises:
        InputError: a code or an action that the scheme does not have.
        Refused: ``inspection.finding_not_confirmed``.
    """
    code = deficiency_codes().get(new.code)
    if new.action_code is not None:
        action_codes().get(new.action_scheme or action_codes().default_scheme, new.action_code)

    def body(work: Change) -> Written | None:
        key = _key([new.code, new.finding_id, new.standard_not_met, new.why])
        known = store.deficiency_by_digest(work.session, case_id, key)
        if known is not None:
            return None
        if new.finding_id and store.finding(work.session, case_id, new.finding_id).state != "confirmed":
            raise Refused("inspection.finding_not_confirmed", finding_id=new.finding_id)
        part = DeficiencyPart(
            id=new_id(),
            scheme=deficiency_codes().scheme,
            code=code.code,
            title=code.title,
            standard_not_met=new.standard_not_met,
            why=new.why,
            convention_ref=new.convention_ref,
            ground_for_detention=new.ground_for_detention,
            finding_id=new.finding_id,
            action_code=None,
            due_at=None,
            state="open",
            ro_responsible=new.ro_responsible,
        )
        row = store.DeficiencyRow(
            id=part.id, case_id=case_id, digest=key, state="open", ground_for_detention=new.ground_for_detention,
            part=part.model_dump(mode="json"),
        )  # fmt: skip
        work.session.add(row)
        work.session.flush()
        if new.action_code is not None:
            act(work, row, new.action_code, new.action_scheme)
        payload: dict[str, JsonValue] = {
            "deficiency_id": part.id, "code": code.code, "finding_id": new.finding_id, "action": new.action_code,
            "ground_for_detention": new.ground_for_detention, "text_sha256": key,
        }  # fmt: skip
        return Written(payload, part.id, "inspection.deficiency_added")

    return change(services, actor, case_id, "add_deficiency", body)


def act_on_deficiency(
    services: Services,
    actor: Actor,
    case_id: str,
    deficiency_id: str,
    action_code: str,
    reason: str | None = None,
    scheme: str | None = None,
) -> Outcome:
    """Add an action taken to a deficiency's history, or end it with ``waived`` or ``handed_over``. `scheme`: whose code it is,
    e.g. China's ``cn_fsc``; without it the scheme in force counts.

    Raises:
        InputError: an action the scheme does not have.
        NotFound: no such deficiency of this case.
        Refused: ``inspection.detention_needs_attendance``: a ground for detention ends only after somebody was on board;
            ``inspection.reason_required``: waiving and handing over need a reason.
    """
    codes = action_codes()
    if action_code not in codes.ends_by:
        codes.get(scheme or codes.default_scheme, action_code)
    elif not (reason and reason.strip()):
        raise Refused("inspection.reason_required", action=action_code)

    def body(work: Change) -> Written | None:
        row = store.deficiency(work.session, case_id, deficiency_id)
        history = store.actions(work.session, deficiency_id)
        used = scheme or codes.default_scheme
        if history and (history[-1].scheme, history[-1].code) == (used, action_code):
            return None
        act(work, row, action_code, used)
        payload: dict[str, JsonValue] = {
            "deficiency_id": deficiency_id, "action": action_code, "scheme": used, "deficiency_state": row.state,
        }  # fmt: skip
        return Written(payload, deficiency_id, "inspection.deficiency_changed")

    return change(services, actor, case_id, "act_on_deficiency", body, Ask(reason=reason))


def record_call(services: Services, actor: Actor, case_id: str, call: CallPart) -> Outcome:
    """Keep what is known about a call; a later report of the same room replaces the earlier one.

    Raises:
        Refused: the room belongs to another case.
    """

    def body(work: Change) -> Written | None:
        row = store.call(work.session, call.room_id)
        part = call.model_dump(mode="json")
        if row is None:
            work.session.add(store.CallRow(room_id=call.room_id, case_id=case_id, part=part))
        elif row.case_id != case_id:
            raise Refused("inspection.room_of_other_case", room_id=call.room_id)
        elif row.part == part:
            return None
        else:
            row.part = part
        return Written({"room_id": call.room_id, "gaps": len(call.gaps), "consent": [*call.consent]}, call.room_id)

    return change(services, actor, case_id, "record_call", body)


def finding_key(finding: FindingPart) -> str:
    """Natural key of a finding: a detector that runs again over the same photo proposes the same thing."""
    outline = [[round(value, 2) for value in point] for point in finding.polygon_hull_m]
    place = [round(finding.place.x_m, 2), round(finding.place.z_m, 2), finding.place.side] if finding.place else None
    return _key([finding.source, finding.class_id, finding.photo_evidence_id, outline, place, finding.area_cm2])


def _key(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _item(work: Change, item_id: str) -> ItemPart:
    for item in ChecklistPart.model_validate(work.case.checklist).items:
        if item.id == item_id:
            return item
    raise NotFound("inspection.item_missing", item_id=item_id)


def _allow_answer(work: Change, item: ItemPart, new: NewAnswer) -> None:
    """The checklist's demands on an answer; attendance on board stands in for all of them."""
    bound = store.bindings(work.session, work.case.id).get(item.id, [])
    note = bool(new.note and new.note.strip())
    if new.value == "not_applicable" and not note:
        raise Refused("inspection.note_required", item_id=item.id, value=new.value)
    if new.value == "deficient" and not bound and not note:
        raise Refused("inspection.note_required", item_id=item.id, value=new.value)
    if work.case.attended_by is not None or new.value in ("not_applicable", "needs_attendance"):
        return
    if not item.remote or item.id in work.case.attend_items:
        raise Refused("inspection.item_needs_attendance", item_id=item.id)
    if new.value == "satisfactory" and (missing := _missing(work, item.id, bound)):
        raise Refused("inspection.evidence_required", item_id=item.id, missing=", ".join(missing))


def _missing(work: Change, item_id: str, evidence_ids: Iterable[str]) -> list[str]:
    edition = editions().get(work.case.edition)
    item = edition.get(item_id) if edition else None
    if edition is None or item is None:
        raise NotFound("inspection.item_missing", item_id=item_id)
    kept = [evidence.get(work.session, evidence_id) for evidence_id in evidence_ids]
    return item.missing(edition.media_of(envelope for envelope in kept if envelope is not None))


def _same_answer(last: AnswerPart, new: NewAnswer, user_id: str) -> bool:
    return (last.value, last.note, last.pre_answered_by_rule, last.by) == (new.value, new.note, new.rule, user_id)


def _check_new(finding: FindingPart, kept: set[str]) -> None:
    if finding.photo_evidence_id not in kept:
        raise InputError("inspection.finding_without_photo", finding_id=finding.id)
    if finding.state != "proposed" or finding.decided_by is not None:
        raise InputError("inspection.finding_already_decided", finding_id=finding.id)


def _add_finding_row(work: Change, key: str, finding: FindingPart) -> None:
    work.session.add(
        store.FindingRow(
            id=finding.id, case_id=work.case.id, digest=key, state=finding.state, part=finding.model_dump(mode="json")
        )
    )


def _dent(drawing: DentDrawing) -> FindingPart:
    xs = [point[0] for point in drawing.polygon_hull_m]
    zs = [point[1] for point in drawing.polygon_hull_m]
    x_m, z_m, variance = sum(xs) / len(xs), sum(zs) / len(zs), drawing.sigma_m**2
    place = HullPlacePart(
        side=drawing.side,
        x_m=x_m,
        x_origin=drawing.x_origin,
        z_m=z_m,
        above_waterline_m=z_m - drawing.draught_m,
        cov2x2=[[variance, 0.0], [0.0, variance]],
    )
    area_m2 = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _edges(drawing.polygon_hull_m))) / 2.0
    return FindingPart(
        id=new_id(),
        class_id=NO_MASK_CLASS,
        class_name=Text(zh="凹陷", en="Dent"),
        source="inspector",
        experimental=True,
        score=None,
        place=place,
        polygon_hull_m=[list(point) for point in drawing.polygon_hull_m],
        area_cm2=area_m2 * 10_000.0,
        photo_evidence_id=drawing.photo_evidence_id,
        crop_evidence_id=None,
        views=1,
        state="proposed",
        decided_by=None,
        decided_at=None,
        proposed_codes=list(deficiency_codes().proposed(DENT)),
    )


def _edges(polygon: Sequence[tuple[float, float]]) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    return zip(polygon, [*polygon[1:], polygon[0]], strict=True)


def act(work: Change, row: store.DeficiencyRow, action_code: str, scheme: str | None = None) -> None:
    """Append to the history and bring the deficiency up to date."""
    codes = action_codes()
    part = DeficiencyPart.model_validate(row.part)
    if action_code in codes.ends_by:
        state, due_at = action_code, part.due_at
    else:
        action = codes.get(scheme or codes.default_scheme, action_code)
        state, due_at = ("rectified", part.due_at) if action.ends else ("open", action.due_at(work.at, codes.zone))
    if state != "open" and row.ground_for_detention and work.case.attended_by is None:
        raise Refused("inspection.detention_needs_attendance", deficiency_id=row.id)
    work.session.add(
        store.ActionRow(
            deficiency_id=row.id, seq=len(store.actions(work.session, row.id)) + 1, scheme=scheme or codes.default_scheme,
            code=action_code, by=work.actor.user_id, at=work.at, due_at=due_at,
        )
    )  # fmt: skip
    row.state = state
    row.part = part.model_copy(update={"action_code": action_code, "due_at": due_at, "state": state}).model_dump(mode="json")
