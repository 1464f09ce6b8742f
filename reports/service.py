"""Owns issuing a bundle: freeze the record, set it, sign it, write the bag, say so in journal and event.

Never changes a case. Resumable: what a killed run froze is taken up again, and a complete bundle is never made twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core import events, journal
from core.catalogue import Lang, text
from core.clock import rfc3339
from core.context import Services
from core.errors import Altered, NotFound, Refused
from core.ids import new_id
from inspection import record as assemble_record
from inspection.record import CaseRecord
from reports import store, verify
from reports.bundle import BagContent, PayloadFile, sweep, write_bag, write_zip
from reports.instructions import instructions
from reports.keys import DEMO_MARK, Signers
from reports.model import bag_name, record_bytes, schema_bytes
from reports.render import HullSvgs, RenderedReport, workspace
from reports.sign import sign_report
from reports.store import BundleRow, Issued

READY = frozenset({"approved", "issued", "follow_up", "closed"})
RECORD_NAME = "record.json"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BuiltBundle:
    """A complete bundle: folder, archive, pages per language, SHA-256 of the tag manifest, seconds this call took.

    `made` is False where the bundle was there already.
    """

    path: Path
    zip_path: Path
    pages: dict[Lang, int]
    sha256: str
    seconds: float
    made: bool


def build(
    services: Services, case_id: str, signers: Signers, hull_svgs: HullSvgs | None = None, *, ais_lines: Path | None = None,
    progress: Progress = lambda _: None,
) -> BuiltBundle:  # fmt: skip
    """Issue the bundle of an approved case.

    Raises:
        NotFound: no such case, or evidence named in the record is missing.
        Refused: not approved yet (``reports.not_approved``).
        Altered: evidence, journal or a bundle made before no longer match their hashes.
    """
    with services.db.read() as session:
        record = assemble_record(session, case_id)
    return build_from_record(services, record, signers, hull_svgs, ais_lines=ais_lines, progress=progress)


def build_from_record(
    services: Services, record: CaseRecord, signers: Signers, hull_svgs: HullSvgs | None = None, *,
    ais_lines: Path | None = None, progress: Progress = lambda _: None,
) -> BuiltBundle:  # fmt: skip
    """As `build`, for a record that is already at hand."""
    started = time.perf_counter()
    if record.state not in READY:
        raise Refused("reports.not_approved", number=record.number, state=record.state)
    row, frozen = _frozen(services, record, signers)
    bag, archive = Path(row.path), Path(row.zip_path)
    made = not bag.is_dir()
    if made:
        sweep(bag)
        write_bag(_content(services, frozen, row, signers, hull_svgs, ais_lines, progress), bag.parent)
    checked = verify.check(bag)
    if checked.problems:
        raise Altered("reports.bag_altered", file=checked.problems[0].file)
    if made or not archive.is_file():
        sweep(archive)
        write_zip(bag, archive)
    digest = hashlib.sha256((bag / verify.TAGMANIFEST).read_bytes()).hexdigest()
    pages = {lang: int(checked.info[f"Pages-{lang}"]) for lang in services.settings.report.languages}
    _complete(services, row, frozen, digest, pages, signers)
    return BuiltBundle(bag, archive, pages, digest, time.perf_counter() - started, made)


def bundles_of(services: Services, case_id: str) -> list[Issued]:
    """The complete bundles of a case, oldest edition first."""
    with services.db.read() as session:
        return store.issued_of_case(session, case_id)


def latest(services: Services, case_id: str) -> Issued:
    """The newest complete bundle; raises NotFound (``reports.no_bundle``)."""
    rows = bundles_of(services, case_id)
    if not rows:
        raise NotFound("reports.no_bundle", case_id=case_id)
    return rows[-1]


def _frozen(services: Services, record: CaseRecord, signers: Signers) -> tuple[BundleRow, CaseRecord]:
    """The row of this case's bundle and the record frozen in it; the first call freezes."""
    data = record_bytes(record)
    kept = services.files.put_bytes(data)
    folder = (services.settings.data_dir / "bundles").resolve()
    with services.db.write() as session:
        rows = store.of_case(session, record.id)
        if not rows:
            name = bag_name(record.number, edition=1)
            row = BundleRow(
                id=new_id(), case_id=record.id, edition=1, number=record.number, record_sha256=kept.sha256,
                path=str(folder / name), zip_path=str(folder / f"{name}.zip"), sha256=None, pages={},
                signers={one.role: one.person.user_id for one in signers.in_order}, created_at=services.clock.now(),
            )  # fmt: skip
            session.add(row)
            return row, record
    row = rows[-1]
    return row, CaseRecord.model_validate_json(services.files.read(row.record_sha256))


def _content(
    services: Services, record: CaseRecord, row: BundleRow, signers: Signers, hull_svgs: HullSvgs | None, ais_lines: Path | None,
    progress: Progress,
) -> BagContent:  # fmt: skip
    """Everything that goes into the bag, with the reports set and signed."""
    say = services.settings.language
    reports: list[RenderedReport] = []
    payload = [
        PayloadFile(RECORD_NAME, record_bytes(record)),
        PayloadFile("record.schema.json", schema_bytes()),
        PayloadFile("journal.jsonl", _journal(services, record)),
    ]
    info = [
        ("Bag-Software-Agent", "YunJian"),
        ("Bagging-Date", rfc3339(row.created_at)[:10]),
        ("External-Identifier", record.number),
        ("Case-Id", record.id),
        ("Record-SHA256", row.record_sha256),
    ]
    with workspace(record, services.files, services.settings, hull_svgs) as work:
        for lang in services.settings.report.languages:
            progress(text("reports.progress.render", say, which=lang))
            report = work.render(lang)
            reports.append(report)
            payload += [PayloadFile(f"hull/{path.name}", path.read_bytes()) for path in work.drawings[lang]]
        extensions = work.pack["extensions"]
    for report in reports:
        progress(text("reports.progress.sign", say, which=report.lang))
        name = f"report.{report.lang}.pdf"
        payload.append(PayloadFile(name, sign_report(report.pdf, signers, row.created_at)))
        info.append((f"Unsigned-{name}", f"{hashlib.sha256(report.pdf).hexdigest()} {len(report.pdf)}"))
        info.append((f"Pages-{report.lang}", str(report.pages)))
    for sha256, media_type in {one.sha256: one.media_type for one in record.evidence}.items():
        name = f"evidence/{sha256}{extensions.get(media_type, '.bin')}"
        payload.append(PayloadFile(name, services.files.path(sha256), sha256))
    if ais_lines is not None:
        payload.append(PayloadFile("ais/lines.nmea", ais_lines))
    info += [(f"Signed-By-{one.role.capitalize()}", one.person.user_id) for one in signers.in_order]
    info += [("Signed-At", rfc3339(row.created_at)), ("Time-Stamp", _time_stamp_words(signers))]
    progress(text("reports.progress.write", say))
    names = tuple(f"report.{report.lang}.pdf" for report in reports)
    return BagContent(Path(row.path).name, tuple(payload), tuple(info), instructions(names, _is_demo(signers)), signers)


def _time_stamp_words(signers: Signers) -> str:
    if signers.time_stamp_key is None:
        return "none: the times are this system's own claim"
    return "local (RFC 3161, same system, not independent)"


def _is_demo(signers: Signers) -> bool:
    return any(DEMO_MARK in one.certificates["manifest"].subject.rfc4514_string() for one in signers.in_order)


def _journal(services: Services, record: CaseRecord) -> bytes:
    """The case's chain up to the head the record names; raises Altered where it does not lead there."""
    with services.db.read() as session:
        chain = journal.entries(session, record.journal_stream)
    journal.verify(chain)
    heads = [entry.hash for entry in chain]
    if record.journal_head not in heads:
        raise Altered("journal.broken", stream=record.journal_stream, seq=len(chain))
    cut = chain[: heads.index(record.journal_head) + 1]
    return "".join(json.dumps(entry.as_json(), ensure_ascii=False, sort_keys=True) + "\n" for entry in cut).encode()


def _complete(
    services: Services, row: BundleRow, record: CaseRecord, digest: str, pages: dict[Lang, int], signers: Signers
) -> None:
    """Row, journal entry and event in one transaction, once."""
    with services.db.write() as session:
        kept = session.merge(row)
        if kept.sha256 == digest:
            return
        kept.sha256, kept.pages = digest, {str(lang): count for lang, count in pages.items()}
        payload = {"bundle_id": row.id, "case_id": record.id, "edition": row.edition, "sha256": digest,
                   "record_sha256": row.record_sha256}  # fmt: skip
        supervisor = signers.supervisor.person.user_id
        journal.append(
            session, services.clock, stream=record.journal_stream, actor=supervisor, action="reports.issued", payload=payload
        )
        events.publish(session, services.clock, stream=record.journal_stream, type="reports.issued", payload=payload)
