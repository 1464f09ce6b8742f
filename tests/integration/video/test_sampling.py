"""A random sample in a call: committed before the number is said, drawn once, recomputed by the stand-alone verifier."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from core import journal
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site
from video import SeatRole, admit, attend, seat_of

ROOT = Path(__file__).resolve().parents[3]


def test_a_sample_is_promised_then_drawn_with_a_number_from_on_board(site: Site, tmp_path: Path) -> None:
    room = site.room(SeatRole.CREW, SeatRole.OBSERVER)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    tokens = []
    for seat in room.seats:
        with site.client() as http:
            tokens.append(http.post("/api/v1/video/join", json={"code": seat.link}).json()["token"])
        admit(site.services, site.rooms, seat_of(site.services, lead.token), seat.seat_id)
    place = f"/api/v1/video/rooms/{room.room_id}/samples"
    order = {"item_ref": ITEM, "units": [f"door {number}" for number in range(1, 25)], "take": 5}
    with site.client(lead.token) as inspector, site.client(tokens[0]) as crew, site.client(tokens[1]) as observer:
        assert crew.post(place, json=order).status_code == 403
        assert inspector.post(place, json={**order, "take": 25}).status_code == 422
        assert inspector.post(place, json={**order, "units": ["a", "a"], "take": 1}).status_code == 422
        planned = inspector.post(place, json=order).json()
        assert (planned["secret"], planned["drawn"], planned["take"]) == (None, [], 5)
        mine = f"{place}/{planned['sample_id']}/draw"
        assert observer.post(mine, json={"number": "4"}).status_code == 403
        assert crew.post(mine, json={"number": "four"}).status_code == 422
        drawn = crew.post(mine, json={"number": "4"}).json()
        assert crew.post(mine, json={"number": "5"}).status_code == 409, "a second number changes nothing"
        assert inspector.get(place).json() == [drawn]
    assert len(set(drawn["drawn"])) == 5
    assert set(drawn["drawn"]) <= set(order["units"])
    assert drawn["commitment"] == planned["commitment"]
    with site.services.db.read() as session:
        entries = [one for one in journal.entries(session, SUBJECT) if one.payload.get("room_id") == room.room_id]
    facts = {one.action: one.payload for one in entries}
    assert [one.action for one in entries][-2:] == ["video.sample_planned", "video.sample_drawn"], "promised before it is drawn"
    files = {"plan": facts["video.sample_planned"]["plan"], "result": facts["video.sample_drawn"]["result"]}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    verifier = [sys.executable, str(ROOT / "companion" / "verify_draw.py"), str(tmp_path / "plan"), str(tmp_path / "result"), drawn["secret"],
                planned["commitment"]]  # fmt: skip
    checked = subprocess.run(verifier, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    altered = subprocess.run([*verifier[:-1], "0" * 64], capture_output=True, text=True, check=False)
    assert altered.returncode != 0
