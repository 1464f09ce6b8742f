"""Owns the golden cases of the checks and how they were made."""
