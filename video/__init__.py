"""Owns remote checks by call: rooms, join links, packet forwarding, recording, stills and what people say in a room.

Never knows what a checklist item means: `item_ref` and `subject_ref` are opaque here (contracts.md, Room).
"""
