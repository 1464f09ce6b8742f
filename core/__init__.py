"""Owns the shared kernel: ids, value types, clock, errors, database, journal, events, evidence, signing, jobs, texts.

Knows no inspection, call, mission or defect.
"""
