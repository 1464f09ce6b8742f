"""Owns the settings tree and every data pack: defaults, rules, checklists, code lists, port and camera data, texts.

Never imports anything of ours.
"""

from config.settings import ConfigError, Settings, load_settings, pack_path

__all__ = ["ConfigError", "Settings", "load_settings", "pack_path"]
