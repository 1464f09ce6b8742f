"""Owns the reforms service: procedures, obligations, credit, lists, ledgers.

Not built yet: see docs/status.md. Never imports the internals of `inspection`.
"""
