"""Owns what is derived from a record before it is set: counts, headline, error ellipses, canonical bytes, file names.

Pure functions: never reads a file, a clock or a setting.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import rfc8785

from inspection.record import CaseRecord, FindingPart

UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Ellipse:
    """One-sigma ellipse on the unwrapped hull: half axes in metres, direction of the long one from forward towards up."""

    major_m: float
    minor_m: float
    angle_deg: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What page 1 says in figures. `headline` is a catalogue key without ``reports.pdf.``."""

    headline: str
    answers: dict[str, int]
    findings: dict[str, int]
    inspector: str | None
    supervisor: str | None
    four_eyes: bool


def record_bytes(record: CaseRecord) -> bytes:
    """``record.json``: RFC 8785 canonical JSON; the same record gives the same bytes."""
    return rfc8785.dumps(record.model_dump(mode="json", by_alias=True))


def schema_bytes() -> bytes:
    """``record.schema.json``: JSON Schema of the record, canonical."""
    return rfc8785.dumps(CaseRecord.model_json_schema(by_alias=True, mode="serialization"))


def summarise(record: CaseRecord) -> Summary:
    """Counts, headline and who decided."""
    items = record.checklist.items if record.checklist else []
    answers = Counter(item.answer.value if item.answer else UNANSWERED for item in items)
    findings = Counter(finding.state for finding in record.findings)
    people = {role: [one.by for one in record.decisions if one.role == role] for role in ("inspector", "supervisor")}
    inspector = people["inspector"][-1] if people["inspector"] else None
    supervisor = people["supervisor"][-1] if people["supervisor"] else None
    return Summary(
        _headline(record, answers),
        {key: answers[key] for key in ("satisfactory", "deficient", "needs_attendance", "not_applicable", UNANSWERED)},
        {key: findings[key] for key in ("confirmed", "proposed", "rejected")},
        inspector,
        supervisor,
        inspector is not None and supervisor is not None and inspector != supervisor,
    )


def _headline(record: CaseRecord, answers: Mapping[str, int]) -> str:
    """The gravest true statement first; a finding without a person's decision is never one."""
    if any(one.ground_for_detention for one in record.deficiencies):
        return "headline.detainable"
    if record.deficiencies or answers["deficient"]:
        return "headline.deficient"
    if answers["needs_attendance"]:
        return "headline.attend"
    if not sum(answers.values()) or answers[UNANSWERED]:
        return "headline.incomplete"
    return "headline.clean"


def ellipse(finding: FindingPart) -> Ellipse | None:
    """The one-sigma ellipse of a finding's place; None without a place or with a covariance that is none."""
    if finding.place is None:
        return None
    (xx, xz), (_, zz) = finding.place.cov2x2
    middle, spread = (xx + zz) / 2, math.hypot((xx - zz) / 2, xz)
    if middle - spread < -1e-12:
        return None
    return Ellipse(
        math.sqrt(middle + spread), math.sqrt(max(0.0, middle - spread)), math.degrees(math.atan2(2 * xz, xx - zz) / 2)
    )


def people(record: CaseRecord) -> dict[str, str]:
    """Short label of each account id in the record: the last eight characters of a UUID, with the name where the record
    leaves no doubt whose it is (one participant and one decider in that role).
    """
    deciders: dict[str, set[str]] = {}
    for one in record.decisions:
        deciders.setdefault(one.role, set()).add(one.by)
    ids = {one.by for one in record.decisions} | {one.decided_by for one in record.findings if one.decided_by}
    ids |= {item.answer.by for item in (record.checklist.items if record.checklist else []) if item.answer}
    labels = {one: f"…{one[-8:]}" if len(one) == _UUID_LENGTH else one for one in ids}
    named = record.appointment.participants if record.appointment else []
    for role, accounts in deciders.items():
        names = {one.name for one in named if one.role == role}
        if len(accounts) == len(names) == 1:
            (account,), (name,) = accounts, names
            if account != name:
                labels[account] = f"{name} {labels[account]}" if labels[account].startswith("…") else name
    return {account: visible(label) for account, label in labels.items()}


_UUID_LENGTH = 36


def bag_name(number: str, edition: int) -> str:
    """Folder name of a case's bundle: letters, digits, ``-`` and ``_`` of its number."""
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in number)[:80]
    return f"{clean}.bag" if edition == 1 else f"{clean}.e{edition}.bag"


def visible(text: str) -> str:
    """Text with control and direction-changing characters written out, so that paper shows what the record holds."""
    return "".join(f"[U+{ord(char):04X}]" if unicodedata.category(char) in _HIDDEN and char != "\n" else char for char in text)


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible_json(data: bytes) -> object:
    """The record as the template reads it: canonical JSON with every text made visible."""
    return _visible_tree(json.loads(data))


def _visible_tree(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_visible_tree(one) for one in value]
    if isinstance(value, dict):
        return {key: _visible_tree(one) for key, one in value.items()}
    return value
