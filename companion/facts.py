"""Owns checking of facts at the edge: each is known to the definition and of its type.

Never guesses: a text where a number belongs is an error that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date

from companion.conditions import Value
from companion.definition import Definition, Fact
from core.clock import parse_rfc3339, rfc3339
from core.errors import InputError


def checked(definition: Definition, given: Mapping[str, Value], allowed: Iterable[str] | None = None) -> dict[str, Value]:
    """The facts in their stored form. Raises InputError naming the field and what it must be."""
    names = None if allowed is None else set(allowed)
    found: dict[str, Value] = {}
    for name, value in given.items():
        fact = definition.fact(name)
        if fact is None or (names is not None and name not in names):
            raise InputError("companion.fact_unknown", field=name)
        if value is not None:
            found[name] = _value(fact, value)
    return found


def checked_form(form: Iterable[Fact], given: Mapping[str, Value]) -> dict[str, Value]:
    """The same for a form that stands outside a procedure (`companion.books`)."""
    known = {fact.id: fact for fact in form}
    if lost := sorted(set(given) - set(known)):
        raise InputError("companion.fact_unknown", field=lost[0])
    return {name: _value(known[name], value) for name, value in given.items() if value is not None}


def _value(fact: Fact, value: Value) -> Value:
    try:
        return _parsed(fact, value)
    except (ValueError, TypeError) as error:
        raise InputError("companion.fact_bad", field=fact.id, type=fact.type, value=str(value)[:80]) from error


def _parsed(fact: Fact, value: Value) -> Value:
    if fact.type in ("number", "integer", "sum"):
        return _number(fact, value)
    if fact.type == "flag":
        if not isinstance(value, bool):
            raise TypeError(fact.type)
        return value
    if fact.type == "list":
        if not isinstance(value, list) or (fact.values and not set(value) <= set(fact.values)):
            raise TypeError(fact.type)
        return value
    if not isinstance(value, str) or not value.strip():
        raise TypeError(fact.type)
    if fact.type == "choice" and value not in fact.values:
        raise ValueError(fact.type)
    if fact.type == "day":
        return date.fromisoformat(value).isoformat()
    return rfc3339(parse_rfc3339(value)) if fact.type == "instant" else value


def _number(fact: Fact, value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(fact.type)
    if (fact.min is not None and value < fact.min) or (fact.type == "sum" and value < 0):
        raise ValueError(fact.type)
    if fact.type == "integer" and not isinstance(value, int):
        raise TypeError(fact.type)
    return value
