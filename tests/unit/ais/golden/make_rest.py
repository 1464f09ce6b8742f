"""Makes ``rest_cases.json``: rest records with what a minute-by-minute reckoning says, written without looking at `ais.rest`.

Never imported by the product. Run: python -m tests.unit.ais.golden.make_rest
Plain lists of minutes and counting loops; the rules are retold here from the research list a second time, on purpose.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

OUT = Path(__file__).with_name("rest_cases.json")
H, D = 60, 1440


def minutes(days: int, rests: list[tuple[int, int]]) -> bytearray:
    line = bytearray(days * D)
    for start, end in rests:
        for minute in range(start, end):
            line[minute] = 1
    return line


def runs(line: bytearray, value: int) -> list[tuple[int, int]]:
    found, start = [], None
    for minute, here in enumerate(line):
        if here == value and start is None:
            start = minute
        if here != value and start is not None:
            found.append((start, minute))
            start = None
    return found + ([(start, len(line))] if start is not None else [])


def without_breaks(line: bytearray) -> bytearray:
    kept = bytearray(line)
    for start, end in runs(line, 1):
        if end - start < 30 and start > 0 and end < len(line):
            for minute in range(start, end):
                kept[minute] = 0
    return kept


def worst(line: bytearray, window: int) -> int | None:
    return min((line.count(1, at, at + window) for at in range(len(line) - window + 1)), default=None)


def divided_badly(line: bytearray, periods: int, shortest: int) -> bool:
    return any(not window_fits(line[end : end + D], periods, shortest) for _, end in runs(line, 1) if end + D <= len(line))


def window_fits(window: bytearray, periods: int, shortest: int) -> bool:
    lengths = sorted((end - start for start, end in runs(window, 1)), reverse=True)
    if not lengths or lengths[0] < 6 * H:
        return False
    best = sum([one for one in lengths if one >= shortest][:periods])
    return best >= 10 * H or sum(lengths) < 10 * H


def exceptional_days(line: bytearray, first_day: int) -> bool:
    days = {
        first_day + end // D for _, end in runs(line, 1) if end + D <= len(line) and not window_fits(line[end : end + D], 2, 0)
    }
    return any(sum(day <= other < day + 7 for other in days) > 2 for day in days)


def weeks_below(line: bytearray) -> bool:
    starts = [line.count(1, at, at + 7 * D) < 77 * H for at in range(len(line) - 7 * D + 1)]
    longest = run = 0
    for bad in starts:
        run = run + 1 if bad else 0
        longest = max(longest, run)
    return longest > 0 and longest - 1 + 7 * D > 14 * D


def verdicts(scheme: str, line: bytearray) -> dict[str, bool]:
    day, week = worst(line, D), worst(line, 7 * D)
    long_work = any(end - start > 14 * H for start, end in runs(line, 0))
    less = lambda value, limit: value is not None and value < limit  # noqa: E731
    if scheme == "stcw_mlc_rest":
        return {"R1": less(day, 10 * H), "R2": less(week, 77 * H), "R3": divided_badly(line, 2, 0), "R4": long_work}
    if scheme == "mlc_work":
        return {
            "R5-24": day is not None and D - day > 14 * H, "R5-168": week is not None and 7 * D - week > 72 * H,
            "R3": divided_badly(line, 2, 0), "R4": long_work,
        }  # fmt: skip
    return {
        "R1": less(day, 10 * H), "R6-70": less(week, 70 * H), "R6-WEEKS": weeks_below(line),
        "R6-PERIODS": divided_badly(line, 3, H), "R6-DAYS": exceptional_days(line, 0), "R4": long_work,
    }  # fmt: skip


def record(chance: random.Random, days: int) -> list[tuple[int, int]]:
    """A watch pattern, with a disturbance in some; on the edges of the limits as often as not."""
    kind = chance.choice(["6on6off", "4on8off", "day", "three", "edge", "tired"])
    patterns = {
        "6on6off": [(6, 12), (18, 24)], "4on8off": [(4, 12), (16, 24)], "day": [(0, 8), (12, 13), (20, 24)],
        "three": [(0, 6), (10, 12), (18, 20)], "edge": [(0, 6), (13, 17)], "tired": [(0, 6), (14, 17)],
    }  # fmt: skip
    shift = chance.randrange(0, D, 30)
    found = [
        (day * D + shift + first * H, day * D + shift + last * H) for day in range(-1, days) for first, last in patterns[kind]
    ]
    for _ in range(chance.randrange(0, 4)):
        at = chance.randrange(len(found))
        start, end = found[at]
        step = chance.choice([-60, -30, -1, 1, 29, 30, 60, 120])
        found[at] = (start + max(0, step), end) if chance.random() < 0.5 else (start, end + min(0, step))
    if chance.random() < 0.3:
        del found[chance.randrange(len(found))]
    cut = [(max(0, start), min(days * D, end)) for start, end in found]
    return sorted((start, end) for start, end in cut if end > start)


def main() -> None:
    chance = random.Random(20261124)
    cases = []
    for number in range(270):
        scheme = ("stcw_mlc_rest", "mlc_work", "stcw_exception")[number % 3]
        days = chance.choice([2, 8, 9, 10, 16] if scheme == "stcw_exception" else [1, 2, 3, 8, 9])
        rests = record(chance, days)
        line = without_breaks(minutes(days, rests))
        cases.append({"scheme": scheme, "days": days, "rests": rests, "broken": sorted(k for k, v in verdicts(scheme, line).items() if v),
                      "worst_24h_min": worst(line, D)})  # fmt: skip
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
