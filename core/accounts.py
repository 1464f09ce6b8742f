"""Owns user accounts, passwords (argon2id), server-side sessions, the wait after wrong passwords, and CSRF tokens.

Never decides what a role may do: that is ``config/access/*.toml``. Of a session token only the SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import journal
from core.auth import Principal, Role
from core.context import Services
from core.db import Base, UtcDateTime
from core.errors import AccessDenied, InputError, NotFound
from core.ids import new_id

SHORTEST_PASSWORD = 12  # NIST SP 800-63B asks for 8 as a second factor's least, 15 alone; 12 with a wait between tries
_TOKEN_BYTES = 32
_SYSTEM = "system"


class UserRow(Base):
    """An account. `login` is lower case; `scope_ref` limits company staff and guests to one subject."""

    __tablename__ = "core_user"
    id: Mapped[str] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    scope_ref: Mapped[str | None]
    password_hash: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SessionRow(Base):
    """A session of an account (`user_id`) or of a guest who came in by a code."""

    __tablename__ = "core_session"
    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("core_user.id"), index=True)
    principal_id: Mapped[str]
    role: Mapped[str]
    name: Mapped[str]
    scope_ref: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginWaitRow(Base):
    """Failed logins of a login name or of a network address, and until when it has to wait."""

    __tablename__ = "core_login_wait"
    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    wait_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """`token` goes into the cookie and nowhere else."""

    token: str
    expires_at: datetime

    @property
    def csrf(self) -> str:
        return csrf_token(self.token)


@dataclass(frozen=True, slots=True)
class Account:
    """An account without its password hash."""

    id: str
    login: str
    name: str
    role: Role
    scope_ref: str | None
    active: bool


def create_account(
    services: Services, *, login: str, name: str, role: Role, password: str, actor: str, scope_ref: str | None = None
) -> str:
    """Make an account; returns its id.

    Raises:
        InputError: the login name is taken or empty, or the password is too short.
    """
    key = login.strip().lower()
    if not key:
        raise InputError("account.bad_login", login=login)
    hashed = _hash(password)
    user_id = new_id()
    with services.db.write() as session:
        if session.scalar(select(UserRow.id).where(UserRow.login == key)) is not None:
            raise InputError("account.login_taken", login=key)
        session.add(
            UserRow(
                id=user_id, login=key, name=name, role=role.value, scope_ref=scope_ref, password_hash=hashed, active=True,
                created_at=services.clock.now(),
            )
        )  # fmt: skip
        _note(session, services, actor, "account.created", {"user_id": user_id, "role": role.value})
    return user_id


def set_password(services: Services, user_id: str, password: str, *, actor: str) -> None:
    """Change a password and end every session of the account.

    Raises:
        InputError: the password is too short.
        NotFound: no such account.
    """
    hashed = _hash(password)
    with services.db.write() as session:
        _user(session, user_id).password_hash = hashed
        _end_sessions(session, services, user_id)
        _note(session, services, actor, "account.password_changed", {"user_id": user_id})


def deactivate(services: Services, user_id: str, *, actor: str) -> None:
    """Shut an account out at once: no login, and its sessions end. Raises NotFound."""
    with services.db.write() as session:
        _user(session, user_id).active = False
        _end_sessions(session, services, user_id)
        _note(session, services, actor, "account.deactivated", {"user_id": user_id})


def accounts(session: Session) -> list[Account]:
    """All accounts by login name."""
    rows = session.scalars(select(UserRow).order_by(UserRow.login))
    return [Account(row.id, row.login, row.name, Role(row.role), row.scope_ref, row.active) for row in rows]


def authenticate(services: Services, login: str, password: str, origin: str) -> Principal:
    """Check a login name and password. `origin` is the caller's network address.

    An unknown name, a wrong password and a shut account look the same, also in time.

    Raises:
        AccessDenied ``account.wait``: too many failures; says for how many seconds.
        AccessDenied ``account.wrong``: name or password is wrong.
    """
    key, decoy = login.strip().lower(), _decoy()
    subjects = (f"login:{key}", f"from:{origin}")
    with services.db.write() as session:  # counted before the check, so that parallel tries count too
        for subject in subjects:
            _require_no_wait(session, services, subject)
        for subject in subjects:
            _count_failure(session, services, subject)
        row = session.scalars(select(UserRow).where(UserRow.login == key)).first()
        known = row is not None and row.active
        stored = row.password_hash if row is not None else decoy
    if not _matches(stored, password) or row is None or not known:
        raise AccessDenied("account.wrong")
    fresh = _hash(password) if _hasher().check_needs_rehash(stored) else None
    with services.db.write() as session:
        for subject in subjects:
            _forgive(session, subject)
        if fresh is not None:
            _user(session, row.id).password_hash = fresh
    return Principal(row.id, Role(row.role), row.name, row.scope_ref)


def open_session(services: Services, principal: Principal, expires_at: datetime | None = None) -> OpenedSession:
    """Start a session for an account or a guest; it ends after ``web.session_hours`` unless `expires_at` says earlier."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    now = services.clock.now()
    latest = now + timedelta(hours=services.settings.web.session_hours)
    end = latest if expires_at is None else min(latest, expires_at)
    with services.db.write() as session:
        known = session.scalar(select(UserRow.id).where(UserRow.id == principal.user_id))
        session.add(
            SessionRow(
                token_sha256=_digest(token), user_id=known, principal_id=principal.user_id, role=principal.role.value,
                name=principal.name, scope_ref=principal.scope_ref, created_at=now, expires_at=end,
            )
        )  # fmt: skip
    return OpenedSession(token, end)


def principal_of(services: Services, token: str) -> Principal | None:
    """Who holds this token now; None for an unknown, expired or ended session or a shut account.

    Role and name of an account are read afresh, so that a change takes effect with the next request.
    """
    with services.db.read() as session:
        found = session.execute(
            select(SessionRow, UserRow)
            .outerjoin(UserRow, UserRow.id == SessionRow.user_id)
            .where(SessionRow.token_sha256 == _digest(token))
        ).first()
        if found is None:
            return None
        row, user = found
        if row.revoked_at is not None or services.clock.now() >= row.expires_at:
            return None
        if row.user_id is None:
            return Principal(row.principal_id, Role(row.role), row.name, row.scope_ref)
        if user is None or not user.active:
            return None
        return Principal(user.id, Role(user.role), user.name, user.scope_ref)


def close_session(services: Services, token: str) -> None:
    """Log out; an unknown token is no error."""
    with services.db.write() as session:
        session.execute(
            update(SessionRow)
            .where(SessionRow.token_sha256 == _digest(token), SessionRow.revoked_at.is_(None))
            .values(revoked_at=services.clock.now())
        )


def close_guest_sessions(session: Session, at: datetime, scope_ref: str) -> None:
    """End every guest session of one subject in the caller's transaction, e.g. when its appointment is over."""
    session.execute(
        update(SessionRow)
        .where(SessionRow.scope_ref == scope_ref, SessionRow.user_id.is_(None), SessionRow.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def forget_expired_sessions(services: Services) -> int:
    """Drop sessions that ended by time; returns how many."""
    with services.db.write() as session:
        ended = delete(SessionRow).where(SessionRow.expires_at < services.clock.now()).returning(SessionRow.token_sha256)
        return len(session.execute(ended).all())


def csrf_token(token: str) -> str:
    """The token that a session's forms and unsafe calls carry; derived, so nothing more is stored."""
    return hmac.new(token.encode(), b"yunjian csrf 1", hashlib.sha256).hexdigest()


def csrf_ok(token: str, given: str | None) -> bool:
    """Compare in constant time."""
    return given is not None and hmac.compare_digest(csrf_token(token).encode(), given.encode())


def bootstrap_demo(services: Services) -> Path:
    """One account per role with a random password, written to ``<data_dir>/demo-accounts.txt`` (mode 0600).

    Does nothing where the file is already there; an account that exists without the file gets a new password.
    """
    path = services.settings.data_dir / "demo-accounts.txt"
    if path.is_file():
        return path
    passwords = {f"demo-{role.value.replace('_', '-')}": (role, secrets.token_urlsafe(12)) for role in Role}
    with services.db.read() as session:
        known = {account.login: account.id for account in accounts(session)}
    for login, (role, password) in passwords.items():
        if login in known:
            set_password(services, known[login], password, actor="demo")
        else:
            scope = {Role.APPLICANT: "firm:DEMO-FIRM", Role.BANK: "bank:DEMO-BANK"}.get(role)
            create_account(services, login=login, name=login, role=role, password=password, actor="demo", scope_ref=scope)
    lines = "".join(f"{login}\t{password}\n" for login, (_role, password) in passwords.items())
    draft = path.with_suffix(f".{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
        target.write(lines)
    draft.replace(path)
    return path


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id, the library's RFC 9106 low-memory profile


@cache
def _decoy() -> str:
    """A hash nobody has the password of: an unknown login costs the same time as a known one."""
    return _hasher().hash(secrets.token_urlsafe(_TOKEN_BYTES))


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InputError("account.weak_password", shortest=SHORTEST_PASSWORD)
    return _hasher().hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _user(session: Session, user_id: str) -> UserRow:
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFound("account.missing", user_id=user_id)
    return row


def _end_sessions(session: Session, services: Services, user_id: str) -> None:
    session.execute(
        update(SessionRow)
        .where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None))
        .values(revoked_at=services.clock.now())
    )


def _note(session: Session, services: Services, actor: str, action: str, payload: dict[str, str]) -> None:
    journal.append(session, services.clock, stream=_SYSTEM, actor=actor, action=action, payload=payload)


def _require_no_wait(session: Session, services: Services, subject: str) -> None:
    row = session.get(LoginWaitRow, subject)
    now = services.clock.now()
    if row is not None and row.wait_until is not None and now < row.wait_until:
        raise AccessDenied("account.wait", seconds=int((row.wait_until - now).total_seconds()) + 1)


def _count_failure(session: Session, services: Services, subject: str) -> None:
    limits, now = services.settings.accounts, services.clock.now()
    row = session.get(LoginWaitRow, subject)
    if row is None or (now - row.last_at).total_seconds() > 2 * limits.wait_max_s:
        row = session.merge(LoginWaitRow(subject=subject, failures=0, last_at=now, wait_until=None))
    row.failures += 1
    row.last_at = now
    row.wait_until = _wait_until(now, row.failures, limits.failures_before_wait, limits.wait_s, limits.wait_max_s)


def _wait_until(now: datetime, failures: int, free: int, first_s: float, longest_s: float) -> datetime | None:
    """The wait doubles from `first_s` with each failure beyond the free ones, up to `longest_s`."""
    if failures < free:
        return None
    return now + timedelta(seconds=min(longest_s, first_s * 2.0 ** min(failures - free, 40)))


def _forgive(session: Session, subject: str) -> None:
    """A right password clears its login name; of the address it takes back only this one try."""
    row = session.get(LoginWaitRow, subject)
    if row is None:
        return
    row.failures = 0 if subject.startswith("login:") else max(0, row.failures - 1)
    row.wait_until = None
