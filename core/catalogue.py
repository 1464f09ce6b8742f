"""Owns every text a person sees, zh and en, loaded from ``config/catalogue/<area>.toml``.

Never concatenates sentences: a text with parameters is one entry with ``{name}`` fields.

A file holds tables ``["key"]`` with ``zh`` and ``en``; errors are ``["error.<code>"]`` with ``zh, en, next_zh, next_en``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal

from config import pack_path
from core.errors import YunJianError

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What happened and what to do next, in one language."""

    title: str
    next: str


@cache
def entries() -> dict[str, dict[str, str]]:
    """All entries of all areas; a key defined twice is an error at load."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(pack_path("catalogue").glob("*.toml")):
        for key, texts in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if key in found:
                raise KeyError(f"catalogue key {key!r} is defined twice, again in {path.name}")
            found[key] = texts
    return found


def text(key: str, lang: Lang, **params: object) -> str:
    """The text of `key`; raises KeyError for an unknown key, so that a test finds it."""
    return entries()[key][lang].format(**params)


def error_text(error: YunJianError, lang: Lang) -> ErrorText:
    """Sentence and next step of an error; an error without an entry is a defect and says its code."""
    entry = entries().get(f"error.{error.code}")
    if entry is None:
        return ErrorText(str(error), entries()["error.unknown"][f"next_{lang}"])
    return ErrorText(entry[lang].format(**error.params), entry[f"next_{lang}"].format(**error.params))
