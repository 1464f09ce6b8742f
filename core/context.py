"""Owns the bundle of services that the composition root builds once and hands to every folder.

Never builds anything itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from config import Settings
from core.clock import Clock
from core.db import Database
from core.files import FileStore


@dataclass(frozen=True, slots=True)
class Services:
    """What a folder's service, job or API needs from the outside."""

    settings: Settings
    db: Database
    files: FileStore
    clock: Clock
