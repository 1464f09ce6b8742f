"""A full record with real pictures for the tests of reports: every part present, Chinese and English texts."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from io import BytesIO

from PIL import Image, ImageDraw

from core.clock import Clock
from core.db import Database
from core.evidence import Envelope
from core.files import FileStore
from core.journal import append, entries
from inspection.record import CaseRecord

T0 = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
CASE_ID = "0198c0de-0000-7000-8000-000000000001"
STREAM = f"inspection:{CASE_ID}"


def photo(seed: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A JPEG of a plate with a rusty patch; differs by seed; carries EXIF that a preview must lose."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, (60 + seed * 7 % 60, 80, 110))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, r = rng.randrange(size[0]), rng.randrange(size[1]), rng.randrange(4, 60)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(150 + rng.randrange(60), 70 + rng.randrange(30), 40))
    draw.text((12, 12), f"SIM {seed:03d}", fill=(255, 255, 255))
    exif = Image.Exif()
    exif[0x010F] = "SecretMaker"
    out = BytesIO()
    image.save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


def text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def make_case(
    db: Database,
    files: FileStore,
    clock: Clock,
    photos: int = 6,
    items: int = 8,
    size: tuple[int, int] = (640, 480),
    video: bytes = b"\x00\x00\x00\x18ftypmp42" + bytes(5000),
) -> CaseRecord:
    """Store evidence and a journal, and return the record that names them."""
    envelopes = [_still(files, number, size) for number in range(photos)]
    envelopes.append(_envelope(files, video, "recording", "video/mp4", "video"))
    envelopes.append(_envelope(files, b"!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*23\n", "ais_lines", "text/plain", "ais"))
    with db.write() as session:
        for number in range(3):
            append(session, clock, stream=STREAM, actor="user-1", action="case.step", payload={"n": number, "x": 0.5})
        head = entries(session, STREAM)[-1].hash
    return CaseRecord.model_validate(record_dict(envelopes, head, items))


def _still(files: FileStore, number: int, size: tuple[int, int]) -> Envelope:
    kind = "drone_photo" if number % 2 else "still"
    return _envelope(files, photo(number, size), kind, "image/jpeg", "drone" if number % 2 else "video", number)


def _envelope(files: FileStore, data: bytes, kind: str, media_type: str, producer: str, number: int = 0) -> Envelope:
    digest = hashlib.sha256(data).hexdigest()
    return Envelope.model_validate(
        {
            "id": f"0198c0de-0000-7000-9000-{digest[:12]}", "sha256": files.put_bytes(data).sha256, "size": len(data),
            "media_type": media_type, "kind": kind, "captured_at": T0 + timedelta(minutes=number),
            "clock_offset_ms": 12, "received_at": T0 + timedelta(minutes=number, seconds=4), "device": "phone-1",
            "producer": producer, "subject_ref": CASE_ID,
            "position": {"lonlat": [122.05, 40.28], "accuracy_m": 5.0, "source": "gnss"},
        }
    )  # fmt: skip


def record_dict(envelopes: list[Envelope], head: str, items: int) -> dict[str, object]:
    images = [one.id for one in envelopes if one.media_type == "image/jpeg"]
    answers = ["satisfactory", "satisfactory", "deficient", "needs_attendance", "not_applicable", None]
    classes = [(2, "腐蚀", "corrosion"), (4, "涂层脱落", "coating loss"), (8, "凹陷", "dent"), (3, "锈迹", "rust stain")]

    def at(minutes: float) -> str:
        return (T0 + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    criteria = [
        ("ship_type", "船舶类型", "Ship type", "散货船", "met", 2, 2, "散货船计 2 分", "A bulk carrier scores 2 points"),
        ("age", "船龄", "Age of ship", "19", "met", 1, 1, "船龄超过 12 年", "Older than 12 years"),
        ("flag", "船旗", "Flag performance", "PA", "not_met", 0, 1, "不在黑名单", "Not on the black list"),
        (
            "company",
            "公司表现",
            "Company performance",
            None,
            "unknown",
            None,
            2,
            "公司表现未知",
            "Company performance is not known",
        ),
        ("detentions", "36 个月内滞留", "Detentions in 36 months", None, "unknown", None, 1, "滞留记录未知", "Not known"),
    ]
    return {
        "schema": "yunjian.record/1", "id": CASE_ID, "number": "YJ-2026-000017", "state": "approved", "demo": True,
        "simulated": [text("船舶、无人机与船体照片均为模拟", "The ship, the drone and the hull photographs are simulated"),
                      text("通话由脚本扮演的船员完成", "The call was held with a scripted crew member")],
        "opened_at": at(0),
        "ship": {"name": "HAI YUN 17", "imo": "9307839", "mmsi": "413123450", "call_sign": "BXAB7", "flag": "CN",
                 "ship_type": "散货船 Bulk carrier", "year_built": 2007, "gross_tonnage": 28450.0, "company_imo": "1234567",
                 "loa_m": 189.9, "beam_m": 32.3, "depth_m": 17.0, "draught_m": 9.4, "estimated": ["depth_m"], "simulated": True},
        "selection": {"regime": "Tokyo MOU NIR", "regime_version": "2014-01-01", "rank": 2, "tied_with": 3, "of": 214,
                      "points_low": 3, "points_high": 6, "profile_best": "SRS", "profile_worst": "HRS", "priority": "I", "known": 3,
                      "criteria": [dict(zip(("id", "label", "value", "source", "state", "points", "max_points", "reason"),
                                            (c[0], text(c[1], c[2]), c[3], "register" if c[3] else None, c[4], c[5], c[6],
                                             text(c[7], c[8])), strict=True)) for c in criteria],
                      "ais_source": "port scenario", "ais_sentences": 48211, "at_utc": at(1)},
        "eligibility": {"pack": "cn_remote_recheck", "pack_version": "2025-01", "purpose": "follow_up", "verdict": "remote_then_attend",
                        "summary": text("可先远程核查，再登轮复核", "Remote first, then attend"),
                        "rules": [{"id": "R1", "met": True, "reason": text("船舶风险为中或低", "Ship risk is medium or low")},
                                  {"id": "R4", "met": None, "reason": text("网络条件尚未确认", "Network on board is not confirmed")},
                                  {"id": "R2", "met": False, "reason": text("优先级为 FP0", "Priority is FP0")}]},
        "appointment": {"id": "a1", "place": "营口港 37 号泊位 Yingkou berth 37", "starts_at": at(60), "ends_at": at(120),
                        "agreed_by": "master", "agreed_at": at(20), "item_ids": [f"RC-{n:03d}" for n in range(1, items + 1)],
                        "participants": [{"seat": "seat-1", "role": "inspector", "name": "演示检查员"},
                                         {"seat": "seat-2", "role": "crew", "name": "演示大副"}]},
        "checklist": {"edition": "YJ-RC 1", "edition_date": "2026-10-01", "source": "remote checklist draft", "items": [
            {"id": f"RC-{n + 1:03d}",
             "section": text("A 身份", "A Identity") if n < items // 2 else text("B 消防", "B Fire safety"),
             "title": text(f"第 {n + 1} 项：船名、IMO 编号与船籍港标识", f"Item {n + 1}: ship identity, name and IMO number"),
             "prompt": text("请出示船首尾标识", "Show the markings at bow and stern"), "legal_basis": "SOLAS XI-1/3",
             "psc_codes": ["02120"], "media": ["live", "still"],
             "cannot_conclude_remotely": text("钢板厚度不能远程判断", "Plate thickness cannot be judged at a distance") if n % 4 == 3 else None,
             "remote": n % 5 != 4,
             "answer": None if (value := answers[n % 6]) is None else {
                 "value": value, "note": "标识清晰 <b>&#x27;#strong[x]'" if n % 3 == 0 else None, "by": "user-1", "at": at(70 + n)},
             "evidence_ids": images[n % len(images): n % len(images) + 2] if images else []} for n in range(items)]},
        "calls": [{"room_id": "room-1", "started_at": at(61), "ended_at": at(106.5), "consent": ["seat-1", "seat-2"],
                   "recording_ids": [one.id for one in envelopes if one.kind == "recording"],
                   "gaps": [{"track": "crew video", "from_s": 640.0, "to_s": 652.5}, {"track": "crew audio", "from_s": 640, "to_s": 648}]}],
        "surveys": [{"id": "s1", "simulated": True, "camera": "survey_3mp_tele", "target_gsd_mm": 5.0, "photos": 212, "photos_lost": 3,
                     "seen2_pct": 97.4, "area_m2": 5120.5, "flown_at": at(130), "heading_deg_true": 214.0, "clock_speed": 8.0,
                     "log_evidence_id": None}],
        "model": {"name": "yunjian-hull-n", "sha256": "ab" * 32, "threshold": 0.5,
                  "scores": {"corrosion_iou": 0.553, "false_area_pct": 3.0, "coating_loss_iou": 0.41},
                  "note": text("除腐蚀外各类别均由合成图训练", "All classes but corrosion were learned from synthetic pictures")},
        "findings": [
            {"id": f"f{n}", "class_id": classes[n % 4][0], "class_name": text(classes[n % 4][1], classes[n % 4][2]),
             "source": "inspector" if n % 4 == 2 else "model", "experimental": n % 4 != 0, "score": None if n % 4 == 2 else 0.91 - n / 30,
             "place": {"side": "port" if n % 2 else "starboard", "x_m": 20.0 + 31 * n, "x_origin": "stern_end", "z_m": 11.0 + n / 2,
                       "above_waterline_m": 1.6 + n / 2, "cov2x2": [[0.09, 0.01], [0.01, 0.04]]},
             "polygon_hull_m": [[20.0 + 31 * n, 10.5 + n / 2], [25.0 + 31 * n, 10.8 + n / 2], [23.0 + 31 * n, 12.5 + n / 2]],
             "area_cm2": 12850.0 * (n + 1), "photo_evidence_id": images[n % len(images)] if images else "none", "crop_evidence_id": None,
             "views": 2, "state": ["confirmed", "confirmed", "proposed", "rejected"][n % 4],
             "decided_by": "user-1" if n % 4 != 2 else None, "decided_at": at(150) if n % 4 != 2 else None, "proposed_codes": ["02112"]}
            for n in range(5)],
        "deficiencies": [{"id": "d1", "scheme": "Tokyo MOU", "code": "02112", "title": text("船体腐蚀", "Hull corrosion"),
                          "standard_not_met": "SOLAS II-1/3-1 要求船体结构保持完好", "why": "左舷 51 m 处腐蚀面积 2.6 m²，涂层失效",
                          "convention_ref": "SOLAS II-1/3-1", "ground_for_detention": False, "finding_id": "f1", "action_code": "17",
                          "due_at": at(60 * 24), "state": "open"}],
        "decisions": [{"at": at(2), "by": "user-1", "role": "inspector", "from_state": "selected", "action": "judge_eligibility",
                       "to_state": "eligible", "reason": None},
                      {"at": at(160), "by": "user-1", "role": "inspector", "from_state": "drafting", "action": "submit",
                       "to_state": "under_review", "reason": None},
                      {"at": at(170), "by": "user-2", "role": "supervisor", "from_state": "under_review", "action": "approve",
                       "to_state": "approved", "reason": "证据充分 evidence is sufficient"}],
        "not_examined": [text("水线以下船体", "The hull below the waterline"), text("ISPS 保安事项", "Security matters (ISPS)")],
        "evidence": [one.model_dump(mode="json") for one in envelopes],
        "journal_stream": STREAM, "journal_head": head,
    }  # fmt: skip
