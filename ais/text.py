"""Owns sentences in both languages at once, made from the catalogue.

Never concatenates: a sentence is one catalogue entry.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from core.catalogue import Lang, entries


@dataclass(frozen=True, slots=True)
class Bilingual:
    """The same words in Chinese and English."""

    zh: str
    en: str

    def of(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


@lru_cache(maxsize=32_768)  # a ranking says the same few sentences thousands of times
def say(key: str, **params: Hashable) -> Bilingual:
    """The catalogue text of `key`; a parameter that is `Bilingual` is put in its own language."""
    entry = entries()[key]
    zh = en = params
    if any(isinstance(value, Bilingual) for value in params.values()):
        zh = {name: value.zh if isinstance(value, Bilingual) else value for name, value in params.items()}
        en = {name: value.en if isinstance(value, Bilingual) else value for name, value in params.items()}
    return Bilingual(entry["zh"].format(**zh), entry["en"].format(**en))
