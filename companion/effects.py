"""Owns breaches and their effects inside a case file: proposal, order by an officer, notice, objection, repair, end.

Never orders an adverse effect by itself: only level 1 of the breach ladder is automatic.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from companion import terms
from companion.conditions import Value, holds
from companion.definition import Breach, Deadline, Effect
from companion.model import ActiveEffect, Answer, Confirm, Dismiss, Lift, ObjectTo, Recognise, Role
from companion.run import Run
from core.errors import AccessDenied, NotFound, Refused
from core.workdays import Roll, Unit


def breaches_of(run: Run, *, step: str | None = None, overdue: str | None = None) -> None:
    """Propose every breach that this step or this overdue deadline triggers, once each."""
    for breach in run.definition.breaches:
        for trigger in breach.triggers:
            if trigger.step == step and trigger.overdue == overdue and (
                trigger.if_ is None or holds(trigger.if_, run.known()) is True
            ):  # fmt: skip
                _propose(run, breach, overdue)
                break


def _propose(run: Run, breach: Breach, overdue: str | None) -> None:
    if any(known.breach == breach.id and known.state == "open" for known in run.case.proposals.values()):
        return
    evidence: Mapping[str, Value] = {name: run.case.facts[name] for name in breach.evidence if name in run.case.facts}
    needs_officer = [name for name in breach.effects if not run.context.effects.named(name).automatic]
    for name in breach.effects:
        effect = run.context.effects.named(name)
        if effect.automatic:
            run.automatic("effect_automatic", breach.id, effect=name, level=effect.level, overdue=overdue)
            run.push(effect.push, "warning", effect=name, breach=breach.id)
    if needs_officer:
        number = len(run.case.proposals) + 1
        run.automatic("proposed", breach.id, id=f"p{number}", breach=breach.id, effects=needs_officer, evidence=dict(evidence))


def confirm(run: Run, command: Confirm) -> None:
    """An officer orders what was proposed. All effects of one proposal are ordered together."""
    proposal = run.case.proposals.get(command.proposal)
    if proposal is None:
        raise NotFound("companion.unknown_part", part=command.proposal)
    if proposal.state != "open":
        raise Refused("companion.proposal_closed", proposal=proposal.id)
    effects = [run.context.effects.named(name) for name in proposal.effects]
    for effect in effects:
        _allowed(run, effect.confirmed_by)
    run.emit("proposal_confirmed", proposal=proposal.id, reason=command.reason)
    breach = run.definition.breach(proposal.breach)
    for effect in effects:
        _order(run, effect, proposal.id, at_once=bool(breach and breach.at_once), reason_text=command.reason)
    if run.case.state in run.definition.final:
        terms.lapse_all(run)


def _order(run: Run, effect: Effect, proposal: str, *, at_once: bool, reason_text: str) -> None:
    calendar, today = run.context.calendar, run.today
    wait = 0 if at_once else effect.notice_working_days
    starts = None if effect.recognised_by else (calendar.add_working_days(today, wait).day if wait else today)
    object_until = calendar.add_working_days(today, run.context.effects.objection_working_days).day
    ref = f"e{len(run.case.effects) + 1}"
    until = None
    if effect.lasts is not None:
        n, unit = effect.lasts
        until = calendar.due(starts or today, n, unit, Roll.NONE).day
    run.emit(
        "effect_ordered", ref=ref, effect=effect.id, level=effect.level, proposal=proposal, reason=reason_text,
        from_day=starts.isoformat() if starts else None, object_until=object_until.isoformat(),
        until=until.isoformat() if until else None, list=effect.list, bars=effect.bars, credit=effect.credit,
        published=effect.published, domain=run.definition.domain,
    )  # fmt: skip
    if until is not None and starts is not None:
        term = Deadline.model_validate({
            "id": "effect_end", "title": effect.title.model_dump(), "from": "application", "unit": Unit.CALENDAR_DAY.value,
            "n": (until - starts).days, "roll": Roll.NONE.value,
        })  # fmt: skip
        terms.open_one(run, f"end_{ref}", terms.effect_end(ref), starts, term)
    if effect.outcome is not None:
        run.emit("decided", outcome=effect.outcome, effect=ref)
    if effect.state is not None and effect.state in run.definition.states and run.case.state != effect.state:
        run.emit("moved", to=effect.state, effect=ref, was=run.case.state)
    run.push(effect.push, "penalty", effect=effect.id, ref=ref)


def dismiss(run: Run, command: Dismiss) -> None:
    proposal = run.case.proposals.get(command.proposal)
    if proposal is None:
        raise NotFound("companion.unknown_part", part=command.proposal)
    if proposal.state != "open":
        raise Refused("companion.proposal_closed", proposal=proposal.id)
    for name in proposal.effects:
        _allowed(run, run.context.effects.named(name).confirmed_by)
    run.emit("proposal_dismissed", proposal=proposal.id, reason=command.reason)


def recognise(run: Run, command: Recognise) -> None:
    """A level-6 effect holds from the day its authority recognises it, not before."""
    active = _effect(run, command.effect, "proposed", "objected")
    effect = run.context.effects.named(active.effect)
    _allowed(run, effect.recognised_by)
    run.emit("effect_recognised", ref=active.ref, reason=command.reason, from_day=run.today.isoformat())
    run.push(effect.push, "penalty", effect=effect.id, ref=active.ref)


def object_to(run: Run, command: ObjectTo) -> None:
    active = _effect(run, command.effect, "in_force", "proposed")
    if run.today > active.object_until:
        raise Refused("companion.objection_late", until=active.object_until.isoformat())
    run.emit("effect_objected", ref=active.ref, reason=command.reason)


def answer(run: Run, command: Answer) -> None:
    """The legal office answers; never the officer who ordered. An upheld objection takes the effect back."""
    active = _effect(run, command.effect, "objected")
    if run.context.actor.user_id == active.ordered_by:
        raise AccessDenied("companion.same_officer", part=active.ref)
    if not command.uphold:
        run.emit("objection_refused", ref=active.ref, reason=command.reason)
        return
    run.emit("effect_withdrawn", ref=active.ref, reason=command.reason)
    effect = run.context.effects.named(active.effect)
    if effect.state == run.case.state and active.back_to:
        run.emit("moved", to=active.back_to, effect=active.ref, was=run.case.state)
    run.push(effect.push, "execution_status", effect=effect.id, ref=active.ref, status="withdrawn")


def lift(run: Run, command: Lift) -> None:
    """Repair: an officer ends an effect whose cause is cleared. It stays in the history."""
    active = _effect(run, command.effect, "in_force", "objected")
    effect = run.context.effects.named(active.effect)
    _allowed(run, effect.recognised_by or effect.confirmed_by)
    if effect.level == 4:
        raise Refused("companion.new_application", part=active.ref)
    run.emit("effect_lifted", ref=active.ref, reason=command.reason)
    run.push(effect.push, "execution_status", effect=effect.id, ref=active.ref, status="lifted")


def expire(run: Run, ref: str, on: date) -> None:
    active = run.case.effects[ref]
    if active.state in ("in_force", "objected"):
        run.automatic("effect_expired", "effect_end", ref=ref, on=on.isoformat())


def _effect(run: Run, ref: str, *states: str) -> ActiveEffect:
    active = run.case.effects.get(ref)
    if active is None:
        raise NotFound("companion.unknown_part", part=ref)
    if active.state not in states:
        raise Refused("companion.effect_state", part=ref, state=active.state)
    return active


def _allowed(run: Run, roles: tuple[Role, ...]) -> None:
    if run.context.actor.role not in roles:
        raise AccessDenied("companion.not_your_step", role=run.context.actor.role.value)
