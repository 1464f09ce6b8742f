"""Owns the procedure engine: definition + case file + command -> events. Pure: no clock, no database, no randomness.

Never knows a procedure by name; everything particular is in the definition.
"""

from __future__ import annotations

from collections.abc import Mapping

from companion import effects, terms
from companion.acceptance import accept
from companion.conditions import holds
from companion.definition import Definition, Step
from companion.facts import checked
from companion.model import (
    COMMAND,
    Actor,
    Adopt,
    Answer,
    Apply,
    CaseFile,
    Command,
    Confirm,
    Demand,
    Dismiss,
    Lift,
    ObjectTo,
    Recognise,
    Recount,
    Result,
    Role,
    Supply,
    Take,
    Tick,
)
from companion.run import BY_ENGINE, Context, Run, reason
from core.errors import AccessDenied, InputError, Refused

_MOST_AUTOMATIC_STEPS = 50  # a definition whose automatic steps go round in a circle is stopped here


def decide(definition: Definition, case: CaseFile, command: Command, context: Context) -> Result:
    """Everything that follows from one command, the command itself as the first event.

    Raises:
        InputError: a fact, paper, step or item that the definition does not know, or of the wrong kind.
        Refused: the case file's state or the actor's role does not allow it. Nothing is recorded then, except what
            comes back as `Result.reasons`: a blocked attempt is an event.
    """
    run = Run(definition, case, context)
    run.emit("asked", command=COMMAND.dump_python(command, mode="json"), known_to=context.calendar.known_until())
    _handle(run, command)
    _settle(run)
    return run.result()


def _handle(run: Run, command: Command) -> None:  # noqa: C901, PLR0912 - one line per command
    if not isinstance(command, Apply) and not run.case.state:
        raise Refused("companion.no_case")
    match command:
        case Apply():
            accept(run, command)
        case Supply():
            _supply(run, command)
        case Demand():
            _demand(run, command)
        case Take():
            _take(run, command)
        case Confirm():
            effects.confirm(run, command)
        case Dismiss():
            effects.dismiss(run, command)
        case Recognise():
            effects.recognise(run, command)
        case ObjectTo():
            effects.object_to(run, command)
        case Answer():
            effects.answer(run, command)
        case Lift():
            effects.lift(run, command)
        case Tick():
            _tick(run, command)
        case Recount():
            terms.recount(run)
        case Adopt():
            _adopt(run, command)


def _supply(run: Run, command: Supply) -> None:
    known = run.definition.document(command.document)
    if known is None or known.role == "dropped":
        raise InputError("companion.document_unknown", document=command.document)
    run.emit("document_in", document=command.document, sha256=command.sha256)


def _demand(run: Run, command: Demand) -> None:
    """Asking for a dropped paper is rejected with the clause and goes on record as a service defect."""
    known = run.definition.document(command.document)
    if known is None:
        raise InputError("companion.document_unknown", document=command.document)
    wanted = known.role in ("upfront", "committed") and (not known.classes or run.case.klass in known.classes)
    if wanted and command.document not in run.case.documents:
        run.emit("document_demanded", document=command.document)
        return
    why = known.clause or run.context.effects.phrases["document_not_asked"]
    run.reasons = (reason(command.document, why, documents=(command.document,)),)
    run.automatic("service_defect", command.document, document=command.document, by=run.context.actor.user_id)


def _take(run: Run, command: Take) -> None:
    step = run.definition.step(command.step)
    if step is None or step.automatic:
        raise InputError("companion.step_unknown", step=command.step)
    if run.context.actor.role not in step.by:
        raise AccessDenied("companion.not_your_step", role=run.context.actor.role.value)
    facts = checked(run.definition, command.facts, step.facts)
    _check_items(run, step, command.items)
    if run.case.state not in step.from_ or (step.id in run.case.steps and not step.again):
        run.block([reason(step.id, run.context.effects.phrases["not_in_this_state"])], step.id)
        return
    if failed := run.failed(step.needs, facts):
        run.block(failed, step.id)
        return
    if facts:
        run.emit("noted", facts=facts, step=step.id)
    _perform(run, step, command.items)


def _check_items(run: Run, step: Step, items: tuple[str, ...]) -> None:
    if (step.opens_items or step.closes_items or step.decides_items) and not items:
        raise InputError("companion.items_missing", step=step.id)
    known: Mapping[str, object] | frozenset[str] | None = None
    if step.closes_items:
        known = run.case.lists.get(step.closes_items, frozenset())
    if step.decides_items:
        known = {name: None for name, outcome in run.case.items.items() if outcome == "open"}
    if known is not None and (lost := sorted(set(items) - set(known))):
        raise InputError("companion.item_unknown", item=lost[0])


def _perform(run: Run, step: Step, items: tuple[str, ...]) -> None:
    if step.automatic:
        run.automatic("step_taken", step.id, step=step.id)
    else:
        run.emit("step_taken", step=step.id, clause=run.definition.clause_ref(step.id))
    actor = BY_ENGINE if step.automatic else run.context.actor
    _write_down(run, step, items, actor)
    if step.saves is not None:
        run.emit(
            "benefit_credited", BY_ENGINE, benefit=step.saves, part=step.saves_part, clause=run.definition.clause_ref(step.id)
        )
    if step.to is not None and step.to != run.case.state:
        run.emit("moved", actor, to=step.to, was=run.case.state, clause=run.definition.clause_ref(step.id))
    terms.open_terms(run, step.id)
    for topic in step.tells:
        run.emit("told", BY_ENGINE, topic=topic)
    decided = step.outcome is not None
    run.push(
        (*step.push, *(run.definition.push if decided else ())),
        "approval_result" if decided else "execution_status",
        step=step.id,
    )
    effects.breaches_of(run, step=step.id)
    if run.case.state in run.definition.final:
        terms.lapse_all(run)


def _write_down(run: Run, step: Step, items: tuple[str, ...], actor: Actor) -> None:
    """What a step opens, closes and decides."""
    if step.opens_items:
        run.emit("items_opened", actor, list=step.opens_items, items=list(items))
    if step.closes_items:
        run.emit("items_closed", actor, list=step.closes_items, items=list(items))
    if step.reclassifies:
        _reclassify(run)
    if step.decides_items:
        for item in items:
            run.emit(
                "item_decided", actor, item=item, outcome=step.outcome or "granted", clause=run.definition.clause_ref(step.id)
            )
    elif step.outcome is not None:
        run.emit("decided", actor, outcome=step.outcome, clause=run.definition.clause_ref(step.id))


def _reclassify(run: Run) -> None:
    known = run.known()
    for part in run.definition.classes:
        if holds(part.if_, known) is True:
            if part.id != run.case.klass:
                run.automatic("classified", part.id, **{"class": part.id, "was": run.case.klass})
            return


def _settle(run: Run) -> None:
    """Take what follows by itself: fulfilled obligations are closed, automatic steps are taken, until nothing more follows."""
    if run.case.state in ("", "not_accepted"):
        return
    for _ in range(_MOST_AUTOMATIC_STEPS):
        terms.close_fulfilled(run)
        step = next((part for part in run.definition.steps if _follows(run, part)), None)
        if step is None:
            return
        _perform(run, step, ())
    raise Refused("companion.circle", key=run.definition.key)


def _follows(run: Run, step: Step) -> bool:
    if not step.automatic or run.case.state not in step.from_ or step.id in run.case.steps:
        return False
    waits = step.outcome is not None and any(_is_substantive(run, name) for name in run.case.deferred)
    return not waits and not run.failed(step.needs)


def _is_substantive(run: Run, name: str) -> bool:
    known = run.definition.document(name)
    return known is None or known.substantive


def _tick(run: Run, command: Tick) -> None:
    known = run.case.obligations.get(command.obligation)
    if known is None or run.context.actor.role is not Role.SYSTEM:
        raise AccessDenied("companion.not_your_step", role=run.context.actor.role.value)
    if terms.tick(run, known):
        if ref := terms.is_effect_end(known):
            run.automatic("obligation_closed", known.deadline, id=known.id, on=run.today.isoformat(), late=False)
            effects.expire(run, ref, run.today)
        else:
            effects.breaches_of(run, overdue=known.deadline)


def _adopt(run: Run, command: Adopt) -> None:
    """`run.definition` is already the new version; the caller looked it up."""
    if command.version == run.case.version or command.version != run.definition.version:
        raise InputError("companion.version", version=command.version)
    run.emit("adopted", version=command.version, was=run.case.version)
    terms.keep_or_extend(run)
