"""Owns the provable random draw: commit to the lists, reveal the seed, and anyone recomputes who is visited by whom for what.

Never stores or publishes anything, and never sees a person's name: lists hold opaque ids. Companion spec, case 17.

Commitment = SHA-256 of the plan in canonical JSON; the plan holds every row (the excluded ones too, with their reasons) and the
SHA-256 of a secret. Seed = SHA-256(commitment, secret, public value): nobody can choose it once the plan is published, because
the public value (a figure that becomes known later, named in `seed_source`) was not known then. Each choice orders its candidates
by SHA-256(seed, labels) and takes the first ones, so that every subset is equally likely.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from enum import StrEnum
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import Altered, InputError, Refused

SCHEMA = "yunjian.draw/1"
BASIS_POINTS = 10_000
_ID = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


class Rounding(StrEnum):
    """How a stratum's share becomes a whole number."""

    UP = "up"
    DOWN = "down"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stratum(_Part):
    """`ratio_bp` in basis points (500 = 5 %); 10 000 takes all, which is how a check for cause is planned."""

    ratio_bp: int = Field(ge=0, le=BASIS_POINTS)
    rounding: Rounding = Rounding.UP

    def count(self, size: int) -> int:
        """Exactly how many of `size` rows are drawn."""
        share = Fraction(size * self.ratio_bp, BASIS_POINTS)
        return -(-share.numerator // share.denominator) if self.rounding is Rounding.UP else int(share)


class Target(_Part):
    """A firm or ship. `kind` limits which items suit it; a row with a reason in `excluded` stays listed and is never drawn."""

    id: str
    stratum: str
    kind: str = ""
    excluded: tuple[str, ...] = ()


class Person(_Part):
    """An officer or expert; `conflicts` are targets in which an interest is declared."""

    id: str
    conflicts: frozenset[str] = frozenset()


class Pool(_Part):
    """People of one role; `per_visit` of them go to each target."""

    role: str
    per_visit: int = Field(ge=0)
    people: tuple[Person, ...]


class Item(_Part):
    """A check item. Empty `kinds` suits every target; `always` = a key item that is not left to chance."""

    id: str
    kinds: frozenset[str] = frozenset()
    always: bool = False


class Plan(_Part):
    """Everything that decides a draw except the secret and the public value."""

    schema_: str = Field(SCHEMA, alias="schema", pattern=f"^{SCHEMA}$")
    id: str
    seed_source: str = Field(min_length=1, description="what the public value will be and when it becomes known")
    secret_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    strata: dict[str, Stratum]
    targets: tuple[Target, ...]
    pools: tuple[Pool, ...]
    items: tuple[Item, ...]
    items_per_visit: int = Field(ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        for name, ids in {
            "targets": [row.id for row in self.targets],
            "items": [row.id for row in self.items],
            "pools": [pool.role for pool in self.pools],
            **{f"pools.{pool.role}": [person.id for person in pool.people] for pool in self.pools},
        }.items():
            twice = [row for row, count in Counter(ids).items() if count > 1]
            bad = [row for row in ids if not _ID.fullmatch(row)]
            if twice or bad:
                raise ValueError(f"{name}: {(twice or bad)[0]!r} stands twice or is not an id")
        if unknown := sorted({row.stratum for row in self.targets} - set(self.strata)):
            raise ValueError(f"targets: stratum {unknown[0]!r} has no ratio")
        return self

    def as_json(self) -> dict[str, object]:
        """The published form; sets are sorted so that one plan has one text."""
        raw = self.model_dump(mode="json", by_alias=True)
        for pool in raw["pools"]:
            for person in pool["people"]:
                person["conflicts"].sort()
        for item in raw["items"]:
            item["kinds"].sort()
        return dict(raw)


class Visit(_Part):
    """One visit: people by role, items in the order drawn."""

    target: str
    people: dict[str, tuple[str, ...]]
    items: tuple[str, ...]


def canonical(value: object) -> bytes:
    """One text per value: sorted keys, no blanks, UTF-8. The lists hold strings and whole numbers only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def commitment(plan: Plan) -> str:
    """What is published before the draw: 64 hex digits over every row of every list."""
    return hashlib.sha256(canonical(plan.as_json())).hexdigest()


def secret_hash(secret: str) -> str:
    """What a plan says of the secret before it is revealed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def planned_counts(plan: Plan) -> dict[str, int]:
    """How many targets each stratum will give: known, and shown, before publishing."""
    sizes = Counter(row.stratum for row in plan.targets if not row.excluded)
    return {name: stratum.count(sizes[name]) for name, stratum in plan.strata.items()}


def draw(plan: Plan, secret: str, public_value: str) -> tuple[Visit, ...]:
    """The visits of a plan; the same three inputs always give the same visits.

    Raises:
        Altered ``draw.wrong_secret``: not the secret the plan committed to.
        Refused ``draw.too_few_people``: conflicts leave too few people of a role for a target.
    """
    if secret_hash(secret) != plan.secret_sha256:
        raise Altered("draw.wrong_secret", plan=plan.id)
    order = _Order("\x1f".join((commitment(plan), secret, public_value)))
    counts = planned_counts(plan)
    chosen: list[Target] = []
    for name in sorted(plan.strata):
        rows = [row for row in plan.targets if row.stratum == name and not row.excluded]
        chosen += sorted(rows, key=lambda row: order.key("target", row.id))[: counts[name]]
    visits_of: Counter[tuple[str, str]] = Counter()
    return tuple(
        Visit(
            target=target.id,
            people={pool.role: _people(order, pool, target, visits_of) for pool in plan.pools},
            items=_items(order, plan, target),
        )
        for target in chosen
    )


def parse_plan(raw: object) -> Plan:
    """A plan from its published form. Raises InputError naming the field."""
    try:
        return Plan.model_validate(raw)
    except ValueError as error:
        raise InputError("draw.bad_plan", reason="; ".join(str(error).splitlines()[1:3])) from error


def result_json(plan: Plan, public_value: str, visits: tuple[Visit, ...]) -> dict[str, object]:
    """The published result, which `companion/verify_draw.py` compares with its own."""
    return {
        "schema": "yunjian.draw_result/1",
        "commitment": commitment(plan),
        "public_value": public_value,
        "visits": [visit.model_dump(mode="json") for visit in visits],
    }


class _Order:
    """The order of candidates that a seed gives."""

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.sha256(seed.encode()).digest()

    def key(self, *labels: str) -> bytes:
        return hashlib.sha256(self._seed + "\x1f".join(labels).encode()).digest()


def _people(order: _Order, pool: Pool, target: Target, visits_of: Counter[tuple[str, str]]) -> tuple[str, ...]:
    """The least busy first, chance decides among equals: the work is shared evenly and nobody can foresee a pair."""
    free = [person.id for person in pool.people if target.id not in person.conflicts]
    if len(free) < pool.per_visit:
        raise Refused("draw.too_few_people", role=pool.role, target=target.id, needed=pool.per_visit, free=len(free))
    free.sort(key=lambda person: (visits_of[pool.role, person], order.key(pool.role, target.id, person)))
    taken = tuple(free[: pool.per_visit])
    visits_of.update((pool.role, person) for person in taken)
    return taken


def _items(order: _Order, plan: Plan, target: Target) -> tuple[str, ...]:
    """Key items first, chance fills the rest up to `items_per_visit`; all key items are kept even beyond that number."""
    fitting = [item for item in plan.items if not item.kinds or target.kind in item.kinds]
    key_items = tuple(item.id for item in fitting if item.always)
    others = sorted((item.id for item in fitting if not item.always), key=lambda item: order.key("item", target.id, item))
    return key_items + tuple(others[: max(0, plan.items_per_visit - len(key_items))])
