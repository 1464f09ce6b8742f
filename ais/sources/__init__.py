"""Owns bytes from outside: UDP, TCP both ways, serial lines, AIS-catcher over HTTP, logs replayed at a pace.

Never looks inside a sentence: it hands whole lines on, counts what it drops, and connects again after a fault.
"""

from ais.sources.inbox import Inbox, SourceState
from ais.sources.spec import SourceSpec, parse_source, parse_sources
from ais.sources.supply import Supply

__all__ = ["Inbox", "SourceSpec", "SourceState", "Supply", "parse_source", "parse_sources"]
