"""Owns the papers of a real flight: airspace approval, filing, registration, licence, insurance, consent, tanker and gas rules.

Never grants anything: it compares what the operator wrote down with the dated rule file and says go or no-go, with reasons.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from core.workdays import SHANGHAI
from drone.gate import GateItem
from drone.packs import PaperRules


class Papers(BaseModel):
    """What the operator states; None or empty = not there. Times are aware."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approval_number: str = ""
    approved_from: datetime | None = None
    approved_until: datetime | None = None
    approved_height_m: float | None = None
    filed_at: datetime | None = None
    ready_reported_at: datetime | None = None
    registration: str = ""
    pilot: str = ""
    licence_number: str = ""
    licence_until: datetime | None = None
    insurance_number: str = ""
    insurance_until: datetime | None = None
    master_consent_by: str = ""
    master_consent_at: datetime | None = None
    tanker: bool | None = None
    gas_free: bool | None = None
    cargo_transfer: bool | None = None
    people_clear: bool | None = None


def judge(
    papers: Papers, start: datetime, end: datetime, height_m: float, rules: PaperRules, estimated: tuple[str, ...] = ()
) -> list[GateItem]:
    """One line per rule for a flight from `start` to `end` that rises to `height_m` above the water. Dimensions of the ship that
    are class defaults (`estimated`) are accepted by name only, as an override.
    """
    window = papers.approved_from is not None and papers.approved_until is not None
    covered = window and papers.approved_from <= start and end <= papers.approved_until  # type: ignore[operator]  # window
    filing_due = _filing_due(start, rules)
    reported_due = start - timedelta(minutes=rules.report_before_min)
    height = min(rules.max_height_m, papers.approved_height_m or 0.0)
    consent_age = start - papers.master_consent_at if papers.master_consent_at else None
    gas = papers.tanker is False or (papers.gas_free is True and papers.cargo_transfer is False)
    lines: list[tuple[str, bool, str, str]] = [
        ("airspace_number", bool(papers.approval_number.strip()), papers.approval_number or "-", "approval"),
        ("airspace_window", bool(covered), f"{papers.approved_from or '-'} / {papers.approved_until or '-'}", "covers the flight"),
        ("airspace_height", height_m <= height, f"{height_m:.0f} m", f"<= {height:.0f} m"),
        ("filed", papers.filed_at is not None and papers.filed_at <= filing_due, str(papers.filed_at or "-"), f"<= {filing_due}"),
        (
            "ready_reported", papers.ready_reported_at is not None and papers.ready_reported_at <= reported_due,
            str(papers.ready_reported_at or "-"), f"<= {reported_due}",
        ),
        ("registration", bool(papers.registration.strip()), papers.registration or "-", "real-name number"),
        ("licence", _valid(papers.licence_number, papers.licence_until, end), papers.licence_number or "-", "valid"),
        ("insurance", _valid(papers.insurance_number, papers.insurance_until, end), papers.insurance_number or "-", "valid"),
        (
            "master_consent",
            bool(papers.master_consent_by) and consent_age is not None
            and timedelta(0) <= consent_age <= timedelta(hours=rules.consent_hours),
            papers.master_consent_by or "-", f"within {rules.consent_hours:g} h",
        ),
        ("tanker_gas", gas, _gas_words(papers), "no tanker, or gas free and no cargo transfer"),
        ("rules_checked", bool(rules.checked_by.strip()), rules.checked_by or "nobody", "a name"),
        ("estimates_accepted", not estimated, ", ".join(estimated) or "none", "no estimates"),
        ("people_clear", papers.people_clear is True, str(papers.people_clear), "nobody below"),
    ]  # fmt: skip
    return [
        GateItem(rule, value, limit, f"{rules.source}, checked by: {rules.checked_by or '-'}", "go" if good else "no_go")
        for rule, good, value, limit in lines
    ]


def _filing_due(start: datetime, rules: PaperRules) -> datetime:
    local = start.astimezone(SHANGHAI) - timedelta(days=rules.file_days_before)
    return local.replace(hour=rules.file_hour, minute=0, second=0, microsecond=0)


def _valid(number: str, until: datetime | None, end: datetime) -> bool:
    return bool(number.strip()) and until is not None and end <= until


def _gas_words(papers: Papers) -> str:
    return f"tanker {papers.tanker}, gas free {papers.gas_free}, cargo transfer {papers.cargo_transfer}"
