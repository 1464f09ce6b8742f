"""Owns the main job: one ship walked from radio message to signed report, resumable at every station.

Holds no domain rule: each station calls the folder that owns the work.
"""

from console.demo.walk import Options, walk

__all__ = ["Options", "walk"]
