"""Random lives of devices that write in the field and meet the server now and then, for the property test and the soak.

A meeting may be cut: only some operations arrive, they arrive twice or out of order, or the answer is lost.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from inspection.fieldsync import FieldDevice, FieldOp, OpLog

START = datetime(2026, 11, 24, tzinfo=UTC)
VALUES = ("satisfactory", "deficient", "not_applicable", "needs_attendance")


def live(seed: int, devices: int = 3, steps: int = 40, items: int = 4) -> tuple[OpLog, list[FieldDevice], list[FieldOp]]:
    """One schedule until everybody has met the server without a cut; returns server, devices and everything ever written."""
    dice = random.Random(seed)
    server = OpLog()
    crew = [FieldDevice(f"device-{n}", "supervisor" if n == 0 else "inspector") for n in range(devices)]
    written: list[FieldOp] = []
    for step in range(steps):
        one = dice.choice(crew)
        if dice.random() < 0.6:
            at = START + timedelta(seconds=step + dice.randint(-3600, 3600))  # clocks are wrong by up to an hour
            written.append(one.write(at, step * 1000, "case", f"item-{dice.randrange(items)}", **_what(dice)))
        else:
            meet(one, server, dice)
    for _ in range(2):
        for one in crew:
            server.add(one.log.ops.values())
        for one in crew:
            one.log.add(server.missing_at(one.log.have()))
    return server, crew, written


def meet(one: FieldDevice, server: OpLog, dice: random.Random) -> None:
    """A meeting over a bad line."""
    sent = one.log.missing_at(server.have() if dice.random() < 0.7 else {})
    dice.shuffle(sent)
    arrived = sent[: dice.randint(0, len(sent))]
    server.add([*arrived, *dice.choices(arrived, k=len(arrived) // 2)] if arrived else [])
    back = server.missing_at(one.log.have())
    if dice.random() < 0.7:
        dice.shuffle(back)
        one.log.add(back[: dice.randint(0, len(back))])


def _what(dice: random.Random) -> dict[str, object]:
    if dice.random() < 0.3:
        return {"kind": "evidence", "sha256": f"{dice.randrange(12):064x}", "size": 1, "media_type": "image/jpeg"}
    return {"kind": "answer", "value": dice.choice(VALUES), "note": dice.choice((None, "seen", "not seen"))}
