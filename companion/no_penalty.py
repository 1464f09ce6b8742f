"""Owns the no-penalty list as an inspection asks it (`inspection.ports.NoPenaltyList`): by deficiency code and the company's own record.

Never touches a deficiency, a deadline or a ground for detention: it is handed none of them, and its answer names none.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from companion import credit_store
from companion.exemption import Breach, ExemptItem, exemption_rules, judge
from companion.exemption_desk import MINOR, NOTICE
from core.context import Services
from inspection.ports import PenaltyAdvice, PenaltyQuestion

_KEPT = frozenset({MINOR, NOTICE})


class NoPenaltyRecords:
    """The list of the site over the credit files of ship companies (key: the company's IMO number)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def advise(self, question: PenaltyQuestion) -> PenaltyAdvice:
        """Judge by the five tests; earlier breaches come from the company's record, never from the asker."""
        rules = exemption_rules()
        item = next((one for one in rules.item if question.code in one.codes), None)
        breach = Breach(
            item=item.id if item else question.code, day=question.day, intent=question.intent, harm=question.harm,
            minor=question.minor, corrected_on=question.corrected_on,
        )  # fmt: skip
        answer = judge(replace(breach, earlier=self._earlier(item, question)), rules)
        return PenaltyAdvice(answer.penalty.value, item.id if item else None, answer.tests)

    def _earlier(self, item: ExemptItem | None, question: PenaltyQuestion) -> tuple[date, ...]:
        if item is None:
            return ()
        with self._services.db.read() as session:
            known = credit_store.events_of(session, question.company)
        return tuple(one.day for one in known if one.kind in _KEPT and one.source == item.id)
