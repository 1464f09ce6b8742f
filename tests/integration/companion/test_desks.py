"""The desks beside the procedures, as a browser and a program use them: draws, lists, codes, ledger, pool, no-penalty list, policies."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from lxml import html

from companion import signed_codes
from companion.lists import list_rules
from console.app import create_app
from console.wiring import Area
from core import accounts
from core.auth import Principal, Role
from core.context import Services
from core.signing import PublicKey, site_keys
from tests.integration.companion.kit import FIRM
from tests.integration.console.client import Client

API = "/api/v1/companion"


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services, area=Area.REFORMS)


@pytest.fixture
def desk(app: FastAPI, services: Services):
    """A page session of a role, as a browser has it."""
    known: dict[Role, Client] = {}

    def opened(role: Role) -> Client:
        if role not in known:
            scope = {Role.APPLICANT: f"firm:{FIRM}", Role.BANK: "bank:b1"}.get(role)
            token = accounts.open_session(services, Principal(f"u-{role.value}", role, role.value, scope)).token
            client = known[role] = Client(app)
            client.cookies.set("yunjian_session", token)
            found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/reforms").text)
            assert found is not None
            client.headers |= {"x-csrf-token": found[1], "accept": "text/html"}
        return known[role]

    return opened


def said(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    ids = html.fromstring(answer.text).xpath("//@id")
    assert len(ids) == len(set(ids)), path
    return answer.text


def did(client: Client, path: str, **fields: str | list[str]) -> str:
    answer = client.post(path, data=fields)
    assert answer.status_code in {200, 303}, (path, answer.status_code, re.sub(r"\s+", " ", answer.text)[-600:])
    return answer.headers.get("location", answer.text)


def plan_form(client: Client, name: str) -> dict[str, str]:
    page = html.fromstring(said(client, "/reforms/draws/new?example=true"))
    form = {one.get("name"): one.get("value", "") for one in page.xpath("//main//input[@name and not(@type)]")}
    form |= {one.get("name"): one.text or "" for one in page.xpath("//main//textarea")}
    return form | {"id": name, "do": "announce"}


def test_a_draw_is_announced_drawn_published_and_recomputed_by_anyone(app: FastAPI, desk, tmp_path: Path) -> None:
    officer, anyone = desk(Role.SUPERVISION), Client(app)
    form = plan_form(officer, "autumn")
    preview = officer.post("/reforms/draws/new", data=form | {"do": "preview"})
    assert preview.status_code == 200
    assert did(officer, "/reforms/draws/new", **form) == "/reforms/draws/autumn/desk"
    before = anyone.get(f"{API}/draws/autumn").json()
    assert {"plan", "items", "commitment"} <= set(before)
    assert not {"secret", "result"} & set(before)
    assert anyone.get(f"{API}/draws/autumn/files/secret.txt").status_code == 404
    did(officer, "/reforms/draws/autumn/reveal", public_value="3317.38")
    assert anyone.get(f"{API}/draws/autumn/files/result.json").status_code == 404
    target = officer.get(f"{API}/draws/autumn/desk").json()["result"]["visits"][0]
    did(officer, "/reforms/draws/autumn/visit", target=target["target"], findings=target["items"][:1], sign_off="signed")
    did(officer, "/reforms/draws/autumn/rectify", target=target["target"], item=target["items"][0])
    did(officer, "/reforms/draws/autumn/publish")
    for part in ("plan.json", "result.json", "secret.txt", "commitment.txt"):
        (tmp_path / part).write_bytes(anyone.get(f"{API}/draws/autumn/files/{part}").content)
    (tmp_path / "verify.py").write_bytes(anyone.get(f"{API}/verify_draw.py").content)
    secret, promised = ((tmp_path / name).read_text().strip() for name in ("secret.txt", "commitment.txt"))
    run = [sys.executable, str(tmp_path / "verify.py"), str(tmp_path / "plan.json"), str(tmp_path / "result.json")]
    assert subprocess.run([*run, secret, promised], check=False, capture_output=True).returncode == 0
    assert "autumn" in said(anyone, "/reforms/draws")
    assert secret in said(anyone, "/reforms/draws/autumn")


def test_a_flying_plan_is_nowhere_before_its_result(app: FastAPI, desk) -> None:
    officer, anyone = desk(Role.ENFORCEMENT), Client(app)
    did(officer, "/reforms/draws/new", **plan_form(officer, "night"), flying="on")
    did(officer, "/reforms/draws/night/reveal", public_value="1")
    assert set(anyone.get(f"{API}/draws/night").json()) == {"commitment", "state"}
    assert "DEMO-0" not in said(anyone, "/reforms/draws/night") + said(anyone, "/reforms/draws")
    assert anyone.get(f"{API}/draws/night/files/plan.json").status_code == 404


def test_an_entry_goes_from_proposal_to_the_public_list_and_out_by_repair(app: FastAPI, desk, services: Services) -> None:
    rules, anyone = list_rules("air_defence"), Client(app)
    officer = desk(Role.SUPERVISION)
    where = f"/reforms/credit?subject={FIRM}"
    did(officer, "/reforms/credit/event", subject=FIRM, kind="refused_inspection", day="2026-11-01", domain="air_defence")
    did(officer, "/reforms/credit/propose", subject=FIRM, sector="air_defence", list="black")
    did(officer, "/reforms/credit/propose", subject=FIRM, sector="air_defence", list="black")  # the same again proposes nothing
    (entry,) = officer.get(f"{API}/credit?subject={FIRM}").json()["entries"]
    ref = entry["entry"]["ref"]
    for step in rules.program:
        assert FIRM not in said(anyone, "/reforms/lists")
        (role,) = rules.steps[step]
        did(desk(Role(role.value)), "/reforms/credit/advance", subject=FIRM, ref=ref, reason="found true")
    assert FIRM in said(anyone, "/reforms/lists")
    assert [one["ref"] for one in anyone.get(f"{API}/lists/entries").json()["items"]] == [ref]
    firm = desk(Role.APPLICANT)
    assert "found true" in said(firm, "/reforms/credit")
    did(firm, "/reforms/credit/object", ref=ref, reason="nobody came")
    assert firm.post("/reforms/credit/object", data={"ref": ref, "reason": "again"}).status_code == 409
    did(desk(Role.LEGAL), "/reforms/credit/answer", subject=FIRM, ref=ref, reason="the record stands", uphold="no")
    did(firm, "/reforms/credit/repair", ref=ref, means=list(rules.repair_mandatory), harm_removed="on")
    did(desk(Role.PROVINCE), "/reforms/credit/confirm-repair", subject=FIRM, ref=ref, reason="verified")
    assert FIRM not in said(anyone, "/reforms/lists")
    assert len(said(officer, where)) > len(said(desk(Role.WINDOW), where))
    refused = desk(Role.WINDOW).post("/reforms/credit/event", data={"subject": FIRM, "kind": "penalty", "day": "2026-11-01"})
    assert refused.status_code == 403


def test_a_code_is_issued_printed_taken_back_and_the_trust_list_says_so(app: FastAPI, desk, services: Services) -> None:
    officer, anyone = desk(Role.APPROVAL), Client(app)
    did(officer, "/reforms/codes/append", subject=FIRM, registry="environment", kind="eia_decision", sha256="0" * 64)
    page = did(officer, "/reforms/codes/issue", subject=FIRM, registry="environment")
    assert "data:image/svg+xml" in said(officer, page)
    assert said(desk(Role.APPLICANT), page)
    (issued,) = officer.get(f"{API}/codes?subject={FIRM}").json()["items"]
    checked = anyone.post(f"{API}/codes/check", json={"code": issued["text"]})
    assert checked.json() | {"subject": FIRM, "count": 1, "registry": "environment"} == checked.json()
    trust = anyone.get(f"{API}/codes/trust").json()
    signatures = trust.pop("signatures")
    keys: dict[str, PublicKey] = {key.key_id: key for key in site_keys(services.settings).public_keys()}
    for key_id, signature in signatures.items():
        keys[key_id].verify(base64.urlsafe_b64decode(signature + "=="), signed_codes.signed_bytes(trust))
    did(officer, "/reforms/codes/revoke", jti=issued["jti"], reason="replaced")
    assert anyone.post(f"{API}/codes/check", json={"code": issued["text"]}).json()["code"] == "record_code.revoked"
    assert issued["jti"] in anyone.get(f"{API}/codes/trust").json()["revoked_codes"]
    again = did(officer, "/reforms/codes/issue", subject=FIRM, registry="environment")
    did(officer, "/reforms/codes/revoke-key", key_id=issued["key_id"], reason="lost")
    second = officer.get(f"{API}/codes?subject={FIRM}").json()["items"][0]
    assert again.split("/")[3] == second["jti"]
    assert anyone.post(f"{API}/codes/check", json={"code": second["text"]}).json()["code"] == "record_code.revoked_key"
    assert signed_codes.signing_key(services).key_id != issued["key_id"]
    said(officer, f"/reforms/codes?subject={FIRM}")
    said(anyone, "/reforms/codes/check")


def test_a_firm_lets_a_bank_see_its_credit_and_takes_it_back(desk) -> None:
    bank, firm = desk(Role.BANK), desk(Role.APPLICANT)
    did(desk(Role.FINANCE), "/reforms/ledger/register", number="D1", subject=FIRM, amount="1000000")
    assert "supervision_credit" not in bank.get(f"{API}/ledger/declarations/D1").json()
    did(firm, "/reforms/ledger/grant", bank="b1", until="2026-12-31")
    assert bank.get(f"{API}/ledger/declarations/D1").json()["supervision_credit"]["class"] == "A"
    assert "D1" in said(bank, "/reforms/ledger?number=D1")
    did(bank, "/reforms/ledger/lend", number="D1", amount="600000.50")
    assert bank.post("/reforms/ledger/lend", data={"number": "D1", "amount": "400000"}).status_code == 409
    assert "600\u2009000.50" in said(firm, "/reforms/ledger")
    did(firm, "/reforms/ledger/withdraw", bank="b1")
    assert "supervision_credit" not in bank.get(f"{API}/ledger/declarations/D1").json()
    assert firm.post("/reforms/ledger/grant", data={"bank": "b1", "until": "2020-01-01"}).status_code == 422


def test_a_number_is_allotted_verified_and_used(desk) -> None:
    bank = desk(Role.BANK)
    did(bank, "/reforms/pool/fill", numbers="6222001\n6222002")
    assert "6222001" in did(bank, "/reforms/pool/allot", subject=FIRM)
    row = bank.get(f"{API}/pools/accounts").json()["items"][0]
    assert (row["number"], row["state"], row["online_payment"]) == ("6222001", "restricted", False)
    did(bank, "/reforms/pool/diligence", subject=FIRM, verified=row["visit_due"][:4] + "-11-24")
    assert bank.get(f"{API}/pools/accounts").json()["items"][0]["state"] == "verified"
    assert bank.post("/reforms/pool/diligence", data={"subject": FIRM, "used": "2030-01-01"}).status_code == 422
    assert FIRM in said(bank, "/reforms/pool")


def test_a_first_minor_breach_is_spared_and_the_second_is_not(app: FastAPI, desk) -> None:
    officer = desk(Role.ENFORCEMENT)
    breach = {
        "subject": FIRM,
        "item": "licence_not_displayed",
        "day": "2026-11-24",
        "intent": "no",
        "harm": "no",
        "minor": "yes",
    }
    item = Client(app).get(f"{API}/exemptions").json()["items"][0]["id"]
    breach |= {"item": item, "corrected_on": "2026-11-24", "record": "on"}
    assert "notice_slip:" in did(officer, "/reforms/exemptions/judge", **breach)
    assert "minor_breach:" in did(officer, "/reforms/exemptions/judge", **breach)
    assert "notice_slip" in officer.get(f"{API}/credit?subject={FIRM}").text
    did(officer, "/reforms/exemptions/reward", lead="L-1", level="1", penalty="12400000")
    assert officer.post("/reforms/exemptions/reward", data={"lead": "L-1", "level": "1", "penalty": "1"}).status_code == 409
    assert "500\u2009000.00" in said(officer, "/reforms/exemptions")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_public_pages_stand_empty_too(app: FastAPI, lang: str) -> None:
    anyone = Client(app)
    anyone.cookies.set("yunjian_lang", lang)
    for path in ("draws", "lists", "figures", "exemptions", "policies?sector=shipping&detentions_36m=0", "codes/check"):
        said(anyone, f"/reforms/{path}")
    found = anyone.get(f"{API}/benefits").json()["items"]
    assert {one["case"] for one in found} >= {3, 4, 5, 9, 15, 16, 17, 19, 20, 21}
