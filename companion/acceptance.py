"""Owns acceptance: eligibility, class, papers by their roles, lists (case 3), credit (case 4), combined applications (case 6).

Never asks a paper twice and never asks a dropped one.
"""

from __future__ import annotations

from companion import terms
from companion.conditions import holds
from companion.definition import Definition, Document, ItemOfBundle
from companion.facts import checked
from companion.model import Apply, Reason, Standing
from companion.run import Run, reason
from core.errors import InputError


def accept(run: Run, command: Apply) -> None:
    """Accept, accept on conditions, or do not accept with every clause that failed."""
    facts = checked(run.definition, command.facts)
    for fact in run.definition.facts:
        if fact.required and fact.id not in facts:
            raise InputError("companion.fact_missing", field=fact.id)
    items = _items(run.definition, command.items)
    _check_documents(run.definition, command)
    run.emit("opened", key=run.definition.key, version=run.definition.version, subject=command.subject)
    run.emit("noted", facts=facts)
    for name, sha256 in (*command.documents.items(), *command.verified.items()):
        run.emit("document_in", document=name, sha256=sha256)
    klass = next((part.id for part in run.definition.classes if holds(part.if_, run.known()) is True), None)
    if klass is not None:
        run.automatic("classified", klass, **{"class": klass})
    reasons = [*_by_list(run, command.standing), *run.failed(run.definition.eligibility)]
    if run.definition.classes and klass is None:
        reasons.append(reason("class", run.context.effects.phrases["no_class"]))
    missing = _missing(run, items, with_committed=_everything_up_front(command.standing))
    later = _may_come_later(run, command.standing, missing)
    reasons += _papers(run, [part for part in missing if part.id not in later])
    if run.definition.commitment and not command.commitment_signed and not _everything_up_front(command.standing):
        reasons.append(reason("commitment", run.context.effects.phrases["commitment_unsigned"]))
    if reasons:
        _turn_down(run, reasons)
        return
    _take_in(run, command, items, later)


def _turn_down(run: Run, reasons: list[Reason]) -> None:
    run.reasons = tuple(reasons)
    run.automatic("not_accepted", "eligibility", rules=[part.rule for part in reasons],
                  ordinary_path=run.definition.ordinary_path is not None)  # fmt: skip
    run.automatic("decided", "eligibility", outcome="not_accepted")
    run.automatic("moved", "eligibility", to="not_accepted", was="")


def _take_in(run: Run, command: Apply, items: tuple[ItemOfBundle, ...], later: frozenset[str]) -> None:
    conditional = bool(command.standing.black)
    run.automatic("accepted", "acceptance", list="black" if conditional else "red" if command.standing.is_red else "none",
                  on_site_check=conditional)  # fmt: skip
    if conditional:
        run.automatic("decided", "acceptance", outcome="conditionally_accepted")
    run.automatic("moved", "acceptance", to=run.definition.initial, was="")
    for item in items:
        run.emit("item_decided", item=item.id, outcome="open")
    if later:
        run.automatic("deferred", "acceptance", documents=sorted(later))
        term = terms.deferred_term(run.context.effects.deferred_working_days)
        terms.open_one(run, terms.DEFERRED, terms.DEFERRED, run.today, term)
    terms.open_terms(run, "application")
    for item in items:
        if item.at_once and not run.failed(item.at_once):
            run.automatic("item_decided", item.id, item=item.id, outcome="granted_on_commitment")


def papers_for(definition: Definition, items: tuple[str, ...]) -> list[Document]:
    """Every paper a combined application needs, each once, in the definition's order."""
    wanted = {name for item in _items(definition, items) for name in item.documents}
    return [part for part in definition.documents if part.id in wanted]


def _items(definition: Definition, names: tuple[str, ...]) -> tuple[ItemOfBundle, ...]:
    known = {item.id: item for item in definition.items}
    if lost := [name for name in names if name not in known]:
        raise InputError("companion.item_unknown", item=lost[0])
    if definition.items and not names:
        raise InputError("companion.items_missing", step="apply")
    return tuple(known[name] for name in dict.fromkeys(names))


def _check_documents(definition: Definition, command: Apply) -> None:
    for name, wanted in (*((name, ("upfront", "committed")) for name in command.documents),
                         *((name, ("verified_online",)) for name in command.verified)):  # fmt: skip
        known = definition.document(name)
        if known is None or known.role not in wanted:
            raise InputError("companion.document_unknown", document=name)


def _missing(run: Run, items: tuple[ItemOfBundle, ...], *, with_committed: bool) -> list[Document]:
    """Papers that have to be here now and are not."""
    roles = {"upfront", "verified_online"} | ({"committed"} if with_committed else set())
    of_items = {name for item in items for name in item.documents}
    return [part for part in run.definition.documents
            if part.role in roles and part.id not in run.case.documents and (not run.definition.items or part.id in of_items)
            and (not part.classes or run.case.klass in part.classes)
            and (part.when is None or holds(part.when, run.known()) is not False)]  # fmt: skip


def _papers(run: Run, missing: list[Document]) -> list[Reason]:
    phrase = run.context.effects.phrases["paper_missing"]
    return [reason(part.id, part.clause or phrase, documents=(part.id,)) for part in missing]


def _everything_up_front(standing: Standing) -> bool:
    """Reading A3.1: a blacklisted applicant of another domain brings every paper up front."""
    return bool(standing.black)


def _may_come_later(run: Run, standing: Standing, missing: list[Document]) -> frozenset[str]:
    """Red list: no threshold (the decision still waits for substantive papers). Good credit: papers that are not substantive."""
    if standing.is_red:
        return frozenset(part.id for part in missing)
    if run.definition.credit_approval and standing.good_credit:
        return frozenset(part.id for part in missing if not part.substantive)
    return frozenset()


def _by_list(run: Run, standing: Standing) -> list[Reason]:
    """Refusals that come from the subject's standing, each citing its entry."""
    phrases, definition = run.context.effects.phrases, run.definition
    found = [reason(entry.ref, phrases["blacklisted"]) for entry in standing.black if entry.domain == definition.domain]
    if definition.key in standing.barred:
        found.append(reason(standing.barred[definition.key], phrases["barred"]))
    if definition.commitment and standing.commitment_closed:
        found.append(reason(standing.commitment_closed, phrases["commitment_closed"]))
    return found
