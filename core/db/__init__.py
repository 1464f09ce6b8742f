"""Owns database access: engines, transactions, base classes, column types, migrations.

Never holds a query of another folder: those are in the folders' ``store.py`` files.
"""

from core.db.engine import AisBase, Base, Database, Json, UtcDateTime, text_of_time
from core.db.migrate import migrate

__all__ = ["AisBase", "Base", "Database", "Json", "UtcDateTime", "migrate", "text_of_time"]
