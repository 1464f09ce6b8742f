"""Owns the checklist editions (``config/checklists/remote_*.toml``): loading, publishing rules, what an answer needs.

Never holds an answer: those belong to a case.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config import ConfigError, pack_path
from core.evidence import Envelope
from inspection.codes import deficiency_codes
from inspection.record import ChecklistPart, ItemPart, Medium, Text

EDITION_IN_FORCE = "remote_2026_1.toml"
_NO_MEDIUM = ("answer", "marks")  # parts of a call (video)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Section(_Model):
    id: str
    zh: str
    en: str


class Item(_Model):
    """One thing to check. `required`: every entry must be met by evidence before "satisfactory"; ``a|b`` = one of them."""

    id: str
    section: str
    title_zh: str
    title_en: str
    prompt_zh: str
    prompt_en: str
    legal_basis: str = Field(min_length=1)
    psc_codes: list[str] = Field(min_length=1)
    media: list[Medium] = Field(min_length=1)
    required: list[str] = Field(min_length=1)
    cannot_zh: str | None = None
    cannot_en: str | None = None
    remote: bool
    confidence: Literal["low", "medium", "high"]

    @model_validator(mode="after")
    def _publishable(self) -> Self:
        if not self.legal_basis.strip():
            raise ValueError(f"item {self.id} has no legal basis and cannot be published")
        if (self.cannot_zh is None) != (self.cannot_en is None):
            raise ValueError(f"item {self.id}: what cannot be concluded must be said in both languages")
        wanted = {medium for entry in self.required for medium in entry.split("|")}
        if extra := sorted(wanted - set(self.media)):
            raise ValueError(f"item {self.id} requires {extra[0]!r}, which is not one of its media")
        if unknown := [code for code in self.psc_codes if not deficiency_codes().has(code)]:
            raise ValueError(f"item {self.id}: {unknown[0]!r} is not a deficiency code of the list in force")
        return self

    def missing(self, media: Iterable[Medium]) -> list[str]:
        """Required entries that the given media do not meet."""
        have = set(media)
        return [entry for entry in self.required if not have & set(entry.split("|"))]


class Edition(_Model):
    """A dated checklist. `limit`: what no remote inspection sees, said in every record."""

    id: str
    date: date
    title_zh: str
    title_en: str
    source: str
    survey_items: list[str]
    medium_of_kind: dict[str, Medium]
    limit: list[Text]
    section: list[Section]
    item: list[Item]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [item.id for item in self.item]
        if len(set(ids)) != len(ids):
            raise ValueError("two items have one id")
        sections = {section.id for section in self.section}
        for item in self.item:
            if item.section not in sections:
                raise ValueError(f"item {item.id} is in section {item.section!r}, which does not exist")
        if lost := [item for item in self.survey_items if item not in ids]:
            raise ValueError(f"survey item {lost[0]!r} does not exist")
        return self

    def get(self, item_id: str) -> Item | None:
        return next((item for item in self.item if item.id == item_id), None)

    def media_of(self, envelopes: Iterable[Envelope]) -> list[Medium]:
        """Which media these envelopes are; a kind the edition does not list counts as none, nor does what a person on board
        answered or somebody drew on a still: those are about evidence, not evidence of the item.
        """
        return [
            self.medium_of_kind[envelope.kind]
            for envelope in envelopes
            if envelope.kind in self.medium_of_kind and envelope.extra.get("part") not in _NO_MEDIUM
        ]

    def as_part(self) -> ChecklistPart:
        """The edition as a case takes it over: unanswered, without evidence."""
        sections = {section.id: Text(zh=section.zh, en=section.en) for section in self.section}
        items = [
            ItemPart(
                id=item.id,
                section=sections[item.section],
                title=Text(zh=item.title_zh, en=item.title_en),
                prompt=Text(zh=item.prompt_zh, en=item.prompt_en),
                legal_basis=item.legal_basis,
                psc_codes=item.psc_codes,
                media=item.media,
                cannot_conclude_remotely=Text(zh=item.cannot_zh, en=item.cannot_en)
                if item.cannot_zh and item.cannot_en
                else None,
                remote=item.remote,
                answer=None,
                evidence_ids=[],
            )
            for item in self.item
        ]
        return ChecklistPart(edition=self.id, edition_date=self.date.isoformat(), source=self.source, items=items)


def load_edition(path: Path) -> Edition:
    """Read and check an edition.

    Raises:
        ConfigError: naming the file and the item; an item without a legal basis cannot be published.
    """
    try:
        return Edition.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError, OSError) as error:
        raise ConfigError(f"checklist {path.name}: {error}") from error


@cache
def editions() -> dict[str, Edition]:
    """All editions by id: a case keeps the one it was opened with."""
    loaded = [load_edition(path) for path in sorted(pack_path("checklists").glob("remote_*.toml"))]
    return {edition.id: edition for edition in loaded}


@cache
def current_edition() -> Edition:
    """The edition new cases are opened with."""
    return load_edition(pack_path("checklists", EDITION_IN_FORCE))
