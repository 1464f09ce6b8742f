"""Owns judging a certificate: is it good on a day, before departure, and were its surveys made inside their windows.

Never says that a missing date is a missed window: what is not known is unknown. Terms and windows are data.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ais.proofs import Input, Proof, ProofState
from ais.records import Certificate
from ais.rules import add_months
from ais.text import Bilingual, say
from config import pack_path

Outcome = Literal["valid", "no_term", "due_before_departure", "expired", "window_missed", "term_too_long", "dates_unknown"]
WindowState = Literal["done", "ahead", "open", "missed"]

_STATE: dict[Outcome, ProofState] = {
    "valid": "ok", "no_term": "ok", "due_before_departure": "due", "expired": "failed", "window_missed": "failed",
    "term_too_long": "failed", "dates_unknown": "unknown",
}  # fmt: skip
_YEAR = 12


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Survey(_Pack):
    """A survey that keeps a certificate alive; see the head of the file of terms."""

    kind: Literal["annual", "intermediate"]
    anniversaries: tuple[int, ...] = ()
    months_around: int | None = None


class Term(_Pack):
    """How long one kind of certificate is good for."""

    id: str
    term_months: int
    interim_months: int
    basis: str
    psc_codes: tuple[str, ...]
    surveys: tuple[Survey, ...]


class Terms(_Pack):
    """`config/certificates/terms_*.toml`."""

    id: str
    date: str
    source: str
    early_renewal_months: int
    certificate: tuple[Term, ...]

    def of(self, code: str) -> Term | None:
        return next((term for term in self.certificate if term.id == code), None)


@dataclass(frozen=True, slots=True)
class SurveyWindow:
    """Days on which a survey may be made, first and last included."""

    kind: str
    opens: date
    closes: date
    done_on: date | None
    state: WindowState


@dataclass(frozen=True, slots=True)
class Judged:
    """A certificate with its windows, for a bar as well as for a sentence."""

    certificate: Certificate
    outcome: Outcome
    windows: tuple[SurveyWindow, ...]
    proof: Proof


@cache
def load_terms() -> Terms:
    """The terms in force."""
    return Terms.model_validate(tomllib.loads(pack_path("certificates", "terms_2026_1.toml").read_text(encoding="utf-8")))


def judge_certificate(terms: Terms, paper: Certificate, on: date, departs_on: date | None = None) -> Judged:
    """Judge one certificate on a day. `departs_on`: day of departure; without it only today counts."""
    term = terms.of(paper.code)
    leaves = max(on, departs_on or on)
    windows = _windows(term, paper, on)
    outcome, params = _outcome(terms, term, paper, windows, on, leaves)
    proof = Proof(
        kind="certificate",
        rule=f"{terms.id}:{paper.code}",
        subject=paper.number,
        label=Bilingual(paper.code, paper.code),
        state=_STATE[outcome],
        outcome=outcome,
        reason=say(f"proof.certificate.{outcome}", **params),
        basis=term.basis if term is not None else "",
        psc_codes=term.psc_codes if term is not None else (),
        inputs=tuple(_inputs(paper)),
    )
    return Judged(paper, outcome, windows, proof)


def _outcome(
    terms: Terms, term: Term | None, paper: Certificate, windows: tuple[SurveyWindow, ...], on: date, leaves: date
) -> tuple[Outcome, dict[str, str]]:
    expires, issued = paper.expires_on, paper.issued_on
    if expires is None:
        return ("no_term" if term is None else "dates_unknown"), {}
    if expires < on:
        return "expired", {"expires": expires.isoformat()}
    missed = next((one for one in windows if one.state == "missed"), None)
    if missed is not None:
        return "window_missed", _window_words(missed)
    longest = 0 if term is None else term.interim_months if paper.interim else term.term_months
    if longest and issued is not None:
        early = 0 if paper.interim else terms.early_renewal_months
        if expires > add_months(issued, longest + early):
            return "term_too_long", {"issued": issued.isoformat(), "expires": expires.isoformat(), "months": str(longest)}
    closing = next((one for one in windows if one.state == "open" and one.closes < leaves), None)
    if expires < leaves:
        return "due_before_departure", {"what": "expiry", "by": expires.isoformat(), "leaves": leaves.isoformat()}
    if closing is not None:
        return "due_before_departure", {"what": closing.kind, "by": closing.closes.isoformat(), "leaves": leaves.isoformat()}
    if term is not None and term.surveys and not paper.interim and issued is None:
        return "dates_unknown", {}
    return "valid", {"expires": expires.isoformat()}


def _window_words(window: SurveyWindow) -> dict[str, str]:
    return {"what": window.kind, "opens": window.opens.isoformat(), "closes": window.closes.isoformat()}


def _windows(term: Term | None, paper: Certificate, on: date) -> tuple[SurveyWindow, ...]:
    expires, issued = paper.expires_on, paper.issued_on
    if term is None or paper.interim or expires is None or issued is None:
        return ()
    found: list[SurveyWindow] = []
    years = term.term_months // _YEAR
    for survey in term.surveys:
        if survey.kind == "annual":
            around = survey.months_around or 0
            for year in range(1, years):
                day = add_months(expires, _YEAR * (year - years))
                spans = [(add_months(day, -around), add_months(day, around))]
                found += _window(survey.kind, spans, issued, (*paper.annual_on, paper.intermediate_on), on)
        else:
            days = [add_months(expires, _YEAR * (year - years)) for year in survey.anniversaries]
            around = survey.months_around or 0
            spans = (
                [(days[0], days[-1])]
                if survey.months_around is None
                else [(add_months(day, -around), add_months(day, around)) for day in days]
            )
            found += _window(survey.kind, spans, issued, (paper.intermediate_on,), on)
    return tuple(sorted(found, key=lambda one: (one.opens, one.kind)))


def _window(
    kind: str, spans: list[tuple[date, date]], issued: date, surveyed: Iterable[date | None], on: date
) -> list[SurveyWindow]:
    """One window over all spans; none where it had opened before the certificate was issued. What is after `on` is not known."""
    opens, closes = spans[0][0], spans[-1][1]
    if opens <= issued:
        return []
    known = (day for day in surveyed if day is not None and day <= on)
    done = next((day for day in known if any(first <= day <= last for first, last in spans)), None)
    state: WindowState = "done" if done else "ahead" if on < opens else "open" if on <= closes else "missed"
    return [SurveyWindow(kind, opens, closes, done, state)]


def _inputs(paper: Certificate) -> Iterable[Input]:
    source = f"{paper.source} ({paper.as_of.isoformat()})"
    values: tuple[tuple[str, object], ...] = (
        ("number", paper.number),
        ("issued_on", paper.issued_on),
        ("expires_on", paper.expires_on),
        ("annual_on", ", ".join(day.isoformat() for day in paper.annual_on) or None),
        ("intermediate_on", paper.intermediate_on),
        ("interim", paper.interim),
    )
    return (Input(name, None if value is None else str(value), source) for name, value in values)
