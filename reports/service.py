"""Owns issuing a bundle in two steps: the inspector signs the frozen record and its reports, the supervisor signs and seals.

Never changes a case. Resumable: what a killed run froze or the inspector signed is taken up again, and a complete bundle is
never made twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.x509 import Certificate

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
from reports.draft import Draft, DraftReport, certificates_of, signature_text
from reports.instructions import instructions
from reports.keys import DEMO_MARK, Person, Signer, SignerRole, Signers, UnlockedKey
from reports.model import bag_name, record_bytes, schema_bytes
from reports.render import HullSvgs, report_pack, workspace
from reports.sign import sign_pdf
from reports.store import BundleRow, Edition, Issued

READY = frozenset({"approved", "issued", "follow_up", "closed"})
RECORD_NAME = "record.json"
Progress = Callable[[str], None]
TimeStampKey = Callable[[], UnlockedKey]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bundle that the inspector has signed and that waits for the supervisor."""

    bundle_id: str
    case_id: str
    number: str
    inspector: Person
    pages: dict[str, int]


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
    """Both signatures at once, for the scripted walk and the command line: `prepare`, then `complete`."""
    with services.db.read() as session:
        record = assemble_record(session, case_id)
    return build_from_record(services, record, signers, hull_svgs, ais_lines=ais_lines, progress=progress)


def build_from_record(
    services: Services, record: CaseRecord, signers: Signers, hull_svgs: HullSvgs | None = None, *,
    ais_lines: Path | None = None, progress: Progress = lambda _: None,
) -> BuiltBundle:  # fmt: skip
    """As `build`, for a record that is already at hand."""
    started = time.perf_counter()
    prepare_record(
        services, record, signers.inspector, signers.time_stamp_key, hull_svgs, ais_lines=ais_lines, progress=progress
    )
    built = complete(services, record.id, signers.supervisor, signers.time_stamp_key, progress=progress)
    return dataclasses.replace(built, seconds=time.perf_counter() - started)


def prepare(
    services: Services, case_id: str, inspector: Signer, time_stamp_key: TimeStampKey | None = None, *,
    progress: Progress = lambda _: None,
) -> Waiting:  # fmt: skip
    """The first of two signatures: freeze the record, set the reports, and let the inspector sign them and the record.

    Doing it again after it was done changes nothing: what was signed stays.

    Raises:
        NotFound: no such case, or evidence named in the record is missing.
        Refused: not approved yet (``reports.not_approved``), or not an inspector's key (``reports.wrong_signer``).
        Altered: evidence no longer matches its hash.
    """
    with services.db.read() as session:
        record = assemble_record(session, case_id)
    return prepare_record(services, record, inspector, time_stamp_key, progress=progress)


def prepare_record(
    services: Services, record: CaseRecord, inspector: Signer, time_stamp_key: TimeStampKey | None = None,
    hull_svgs: HullSvgs | None = None, *, ais_lines: Path | None = None, progress: Progress = lambda _: None,
) -> Waiting:  # fmt: skip
    """As `prepare`, for a record that is already at hand."""
    if record.state not in READY:
        raise Refused("reports.not_approved", number=record.number, state=record.state)
    if inspector.role != "inspector":
        raise Refused("reports.wrong_signer", role="inspector", given=inspector.role)
    row, frozen = _frozen(services, record)
    draft = Draft.model_validate(row.draft) if row.draft else None
    if draft is None:
        draft = _draft(services, frozen, row, inspector, time_stamp_key, hull_svgs, ais_lines, progress)
        with services.db.write() as session:
            store.keep_draft(session, row.id, draft.model_dump(mode="json"))
    return Waiting(row.id, row.case_id, row.number, draft.person, {lang: one.pages for lang, one in draft.reports.items()})


def complete(
    services: Services, case_id: str, supervisor: Signer, time_stamp_key: TimeStampKey | None = None, *,
    progress: Progress = lambda _: None,
) -> BuiltBundle:  # fmt: skip
    """The second signature: the supervisor signs the reports, the bundle is written, sealed and checked.

    Raises:
        NotFound: nothing waits for a second signature (``reports.nothing_waits``), or evidence is missing.
        Refused: the same person (``reports.same_signer``), or not a supervisor's key.
        Altered: evidence, journal or a bundle made before no longer match their hashes.
    """
    started = time.perf_counter()
    with services.db.read() as session:
        row = store.newest(session, case_id)
    if row is None or row.draft is None:
        raise NotFound("reports.nothing_waits", case_id=case_id)
    draft = Draft.model_validate(row.draft)
    if supervisor.role != "supervisor":
        raise Refused("reports.wrong_signer", role="supervisor", given=supervisor.role)
    if supervisor.person.user_id == draft.user_id:
        raise Refused("reports.same_signer", user_id=draft.user_id)
    record = CaseRecord.model_validate_json(services.files.read(row.record_sha256))
    bag, archive = Path(row.path), Path(row.zip_path)
    made = not bag.is_dir()
    if made:
        sweep(bag)
        write_bag(_content(services, record, row, draft, supervisor, time_stamp_key, progress), bag.parent)
    checked = verify.check(bag)
    if checked.problems:
        raise Altered("reports.bag_altered", file=checked.problems[0].file)
    if made or not archive.is_file():
        sweep(archive)
        write_zip(bag, archive)
    digest = hashlib.sha256((bag / verify.TAGMANIFEST).read_bytes()).hexdigest()
    pages = {lang: int(checked.info[f"Pages-{lang}"]) for lang in services.settings.report.languages}
    _complete(services, row, record, digest, pages, supervisor.person.user_id)
    return BuiltBundle(bag, archive, pages, digest, time.perf_counter() - started, made)


def waiting(services: Services, case_id: str) -> Waiting | None:
    """What waits for the second signature; None where nothing does."""
    with services.db.read() as session:
        row = store.newest(session, case_id)
    if row is None or row.draft is None or row.sha256 is not None:
        return None
    draft = Draft.model_validate(row.draft)
    return Waiting(row.id, row.case_id, row.number, draft.person, {lang: one.pages for lang, one in draft.reports.items()})


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


def _frozen(services: Services, record: CaseRecord) -> tuple[Edition, CaseRecord]:
    """The row of this case's bundle and the record frozen in it; the first call freezes."""
    data = record_bytes(record)
    kept = services.files.put_bytes(data)
    folder = (services.settings.data_dir / "bundles").resolve()
    with services.db.write() as session:
        found = store.newest(session, record.id)
        if found is None:
            name = bag_name(record.number, edition=1)
            row = BundleRow(
                id=new_id(), case_id=record.id, edition=1, number=record.number, record_sha256=kept.sha256,
                path=str(folder / name), zip_path=str(folder / f"{name}.zip"), sha256=None, pages={}, signers={},
                created_at=services.clock.now(), draft=None,
            )  # fmt: skip
            return store.add(session, row), record
    return found, CaseRecord.model_validate_json(services.files.read(found.record_sha256))


def _draft(
    services: Services, record: CaseRecord, row: Edition, inspector: Signer, time_stamp_key: TimeStampKey | None,
    hull_svgs: HullSvgs | None, ais_lines: Path | None, progress: Progress,
) -> Draft:  # fmt: skip
    """Set every report and let the inspector sign it; everything goes into the file store by its hash."""
    say = services.settings.language
    reports: dict[str, DraftReport] = {}
    drawings: dict[str, str] = {}
    with workspace(record, services.files, services.settings, hull_svgs) as work:
        for lang in services.settings.report.languages:
            progress(text("reports.progress.render", say, which=lang))
            report = work.render(lang)
            progress(text("reports.progress.sign", say, which=lang))
            signed = services.files.put_bytes(sign_pdf(report.pdf, inspector, row.created_at, time_stamp_key))
            unsigned = hashlib.sha256(report.pdf).hexdigest()
            reports[lang] = DraftReport(
                sha256=signed.sha256, unsigned_sha256=unsigned, unsigned_size=len(report.pdf), pages=report.pages
            )
            for path in work.drawings[lang]:
                drawings[path.name] = services.files.put_path(path).sha256
    return Draft(
        user_id=inspector.person.user_id,
        name=inspector.person.name,
        reports=reports,
        drawings=drawings,
        ais_lines=None if ais_lines is None else services.files.put_path(ais_lines).sha256,
        record_signature=signature_text(inspector.sign(record_bytes(record))),
        certificates=dict(certificates_of(inspector)),
        time_stamp=_time_stamp_words(time_stamp_key),
    )


def _content(
    services: Services, record: CaseRecord, row: Edition, draft: Draft, supervisor: Signer,
    time_stamp_key: TimeStampKey | None, progress: Progress,
) -> BagContent:  # fmt: skip
    """Everything that goes into the bag, with the supervisor's signature under the inspector's."""
    say, files, at = services.settings.language, services.files, services.clock.now()
    payload = [
        PayloadFile(RECORD_NAME, record_bytes(record)),
        PayloadFile("record.schema.json", schema_bytes()),
        PayloadFile("journal.jsonl", _journal(services, record)),
        *(PayloadFile(f"hull/{name}", files.path(sha256), sha256) for name, sha256 in draft.drawings.items()),
    ]
    info = [
        ("Bag-Software-Agent", "YunJian"),
        ("Bagging-Date", rfc3339(at)[:10]),
        ("External-Identifier", record.number),
        ("Case-Id", record.id),
        ("Record-SHA256", row.record_sha256),
    ]
    for lang, report in draft.reports.items():
        progress(text("reports.progress.sign", say, which=lang))
        name = f"report.{lang}.pdf"
        payload.append(PayloadFile(name, sign_pdf(files.read(report.sha256), supervisor, at, time_stamp_key)))
        info.append((f"Unsigned-{name}", f"{report.unsigned_sha256} {report.unsigned_size}"))
        info.append((f"Pages-{lang}", str(report.pages)))
    extensions = report_pack()["extensions"]
    for sha256, media_type in {one.sha256: one.media_type for one in record.evidence}.items():
        name = f"evidence/{sha256}{extensions.get(media_type, '.bin')}"
        payload.append(PayloadFile(name, files.path(sha256), sha256))
    if draft.ais_lines is not None:
        payload.append(PayloadFile("ais/lines.nmea", files.path(draft.ais_lines), draft.ais_lines))
    info += [("Signed-By-Inspector", draft.user_id), ("Signed-By-Supervisor", supervisor.person.user_id)]
    info += [("Signed-At", rfc3339(at)), ("Time-Stamp", draft.time_stamp)]
    progress(text("reports.progress.write", say))
    certificates: dict[SignerRole, dict[str, Certificate]] = {
        "inspector": draft.opened(), "supervisor": dict(supervisor.certificates)
    }  # fmt: skip
    names = tuple(f"report.{lang}.pdf" for lang in draft.reports)
    words = instructions(names, _is_demo(certificates))
    return BagContent(
        Path(row.path).name, tuple(payload), tuple(info), words, certificates, draft.signature_bytes, supervisor.sign
    )


def _time_stamp_words(time_stamp_key: TimeStampKey | None) -> str:
    if time_stamp_key is None:
        return "none: the times are this system's own claim"
    return "local (RFC 3161, same system, not independent)"


def _is_demo(certificates: Mapping[SignerRole, Mapping[str, Certificate]]) -> bool:
    return any(DEMO_MARK in held["manifest"].subject.rfc4514_string() for held in certificates.values())


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
    services: Services, row: Edition, record: CaseRecord, digest: str, pages: dict[Lang, int], supervisor: str
) -> None:
    """Row, journal entry and event in one transaction, once."""
    draft = Draft.model_validate(row.draft)
    signers = {"inspector": draft.user_id, "supervisor": supervisor}
    with services.db.write() as session:
        if not store.finish(session, row.id, digest, {str(lang): count for lang, count in pages.items()}, signers):
            return
        payload = {"bundle_id": row.id, "case_id": record.id, "edition": row.edition, "sha256": digest,
                   "record_sha256": row.record_sha256}  # fmt: skip
        journal.append(
            session, services.clock, stream=record.journal_stream, actor=supervisor, action="reports.issued", payload=payload
        )
        events.publish(session, services.clock, stream=record.journal_stream, type="reports.issued", payload=payload)
