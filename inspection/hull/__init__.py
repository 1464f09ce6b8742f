"""Owns hull vision: synthetic ships and photographs, training data, the detector, findings, and the hull map.

Never flies, never judges a case: a person confirms every finding. No torch and no ultralytics at run time.
"""
