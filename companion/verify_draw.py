"""Owns the check that anyone can run on a published draw: recomputes it from plan, secret and public value. Python alone, no package.

Never trusts the result file: it is only compared. Usage: python3 verify_draw.py PLAN.json RESULT.json SECRET COMMITMENT
Exit 0 = the draw is as committed, 1 = it is not (what differs is printed), 2 = a file cannot be read.
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def recompute(plan: dict[str, Any], secret: str, public_value: str, commitment: str) -> list[dict[str, Any]]:
    seed = sha256(f"{commitment}\x1f{secret}\x1f{public_value}".encode())

    def key(*labels: str) -> bytes:
        return sha256(seed + "\x1f".join(labels).encode())

    chosen = []
    for name, stratum in sorted(plan["strata"].items()):
        rows = [row for row in plan["targets"] if row["stratum"] == name and not row["excluded"]]
        share = len(rows) * stratum["ratio_bp"]
        count = -(-share // 10000) if stratum["rounding"] == "up" else share // 10000
        chosen += sorted(rows, key=lambda row: key("target", row["id"]))[:count]
    busy: Counter[tuple[str, str]] = Counter()
    visits = []
    for target in chosen:
        people = {}
        for pool in plan["pools"]:
            role, free = pool["role"], [one["id"] for one in pool["people"] if target["id"] not in one["conflicts"]]
            free = [one for _, _, one in sorted((busy[role, one], key(role, target["id"], one), one) for one in free)]
            people[role] = free[: pool["per_visit"]]
            busy.update((role, one) for one in people[role])
        fitting = [item for item in plan["items"] if not item["kinds"] or target["kind"] in item["kinds"]]
        always = [item["id"] for item in fitting if item["always"]]
        rest = [item["id"] for item in fitting if not item["always"]]
        rest = [item for _, item in sorted((key("item", target["id"], item), item) for item in rest)]
        items = always + rest[: max(0, plan["items_per_visit"] - len(always))]
        visits.append({"target": target["id"], "people": people, "items": items})
    return visits


def check(plan: dict[str, Any], result: dict[str, Any], secret: str, commitment: str) -> str:
    """Empty, or what is wrong."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if sha256(text).hex() != commitment:
        return "the plan is not the one that was committed to: a row of a list was changed"
    if sha256(secret.encode()).hex() != plan["secret_sha256"]:
        return "the secret is not the one that was committed to"
    visits = recompute(plan, secret, result["public_value"], commitment)
    for number, (mine, theirs) in enumerate(zip(visits, result["visits"], strict=False), start=1):
        if mine != theirs:
            return f"visit {number} should be {json.dumps(mine, ensure_ascii=False)}"
    return "" if len(visits) == len(result["visits"]) else f"there should be {len(visits)} visits"


def main(arguments: list[str]) -> int:
    try:
        plan, result = (json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments[:2])
        wrong = check(plan, result, arguments[2].strip(), arguments[3].strip().lower())
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        sys.stderr.write(f"cannot read: {error!r}\n")
        return 2
    sys.stdout.write(f"NOT AS COMMITTED: {wrong}\n" if wrong else f"AS COMMITTED: {len(result['visits'])} visits\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
