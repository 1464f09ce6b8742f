"""Accounts, sessions, the wait after wrong passwords, CSRF, demo accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import accounts, journal
from core.accounts import authenticate, close_session, open_session, principal_of
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound

PASSWORD = "correct horse battery"


@pytest.fixture
def user_id(services: Services) -> str:
    return accounts.create_account(
        services, login=" Inspector ", name="Inspector A", role=Role.INSPECTOR, password=PASSWORD, actor="test"
    )


def denied(services: Services, login: str, password: str, origin: str = "127.0.0.1") -> AccessDenied:
    with pytest.raises(AccessDenied) as caught:
        authenticate(services, login, password, origin)
    return caught.value


def test_login_session_logout(services: Services, user_id: str, clock: ManualClock) -> None:
    principal = authenticate(services, "INSPECTOR", PASSWORD, "127.0.0.1")
    assert principal == Principal(user_id, Role.INSPECTOR, "Inspector A")
    opened = open_session(services, principal)
    assert principal_of(services, opened.token) == principal
    assert principal_of(services, opened.token + "x") is None
    with services.db.read() as session:
        stored = session.query(accounts.SessionRow).one()
        assert opened.token not in repr(vars(stored))
        assert [entry.action for entry in journal.entries(session, "system")] == ["account.created"]
    close_session(services, opened.token)
    assert principal_of(services, opened.token) is None
    second = open_session(services, principal)
    clock.advance(services.settings.web.session_hours * 3600)
    assert principal_of(services, second.token) is None
    clock.advance(1)
    assert accounts.forget_expired_sessions(services) == 2


def test_unknown_wrong_and_shut_look_the_same(services: Services, user_id: str) -> None:
    opened = open_session(services, authenticate(services, "inspector", PASSWORD, "a"))
    assert denied(services, "nobody", PASSWORD).code == "account.wrong"
    assert denied(services, "inspector", "wrong").code == "account.wrong"
    accounts.deactivate(services, user_id, actor="admin")
    assert denied(services, "inspector", PASSWORD).code == "account.wrong"
    assert principal_of(services, opened.token) is None


def test_wait_grows_and_passes(services: Services, user_id: str, clock: ManualClock) -> None:
    free = services.settings.accounts.failures_before_wait
    for _ in range(free):
        assert denied(services, "inspector", "wrong").code == "account.wrong"
    blocked = denied(services, "inspector", PASSWORD, "another address")
    assert (blocked.code, blocked.params["seconds"]) == ("account.wait", 3)
    assert denied(services, "someone-else", "wrong").code == "account.wait"  # the address waits as well
    clock.advance(3)
    assert denied(services, "inspector", "wrong").code == "account.wrong"
    clock.advance(3)
    assert denied(services, "inspector", PASSWORD).code == "account.wait"  # 4 s now
    clock.advance(2)
    assert authenticate(services, "inspector", PASSWORD, "127.0.0.1").user_id == user_id
    assert denied(services, "inspector", "wrong", "third address").code == "account.wrong"  # starts from nought again


def test_a_new_password_ends_sessions(services: Services, user_id: str) -> None:
    opened = open_session(services, authenticate(services, "inspector", PASSWORD, "a"))
    accounts.set_password(services, user_id, "another long password", actor="admin")
    assert principal_of(services, opened.token) is None
    assert denied(services, "inspector", PASSWORD).code == "account.wrong"
    with pytest.raises(InputError):
        accounts.set_password(services, user_id, "short", actor="admin")
    with pytest.raises(NotFound):
        accounts.deactivate(services, "nobody", actor="admin")
    for login in ("inspector", " "):
        with pytest.raises(InputError):
            accounts.create_account(services, login=login, name="B", role=Role.ADMIN, password=PASSWORD, actor="test")


def test_guest_session_ends_with_its_appointment(services: Services, clock: ManualClock) -> None:
    guest = Principal("guest-1", Role.CREW_GUEST, "crew", "inspection-1")
    opened = open_session(services, guest, clock.now() + timedelta(minutes=30))
    assert opened.expires_at == clock.now() + timedelta(minutes=30)
    assert principal_of(services, opened.token) == guest
    with services.db.write() as session:
        accounts.close_guest_sessions(session, clock.now(), "inspection-1")
    assert principal_of(services, opened.token) is None


def test_csrf_token_belongs_to_its_session(services: Services) -> None:
    opened = open_session(services, Principal("g", Role.CREW_GUEST, "crew", "x"))
    assert accounts.csrf_ok(opened.token, opened.csrf)
    for wrong in (None, "", "é", accounts.csrf_token("another")):
        assert not accounts.csrf_ok(opened.token, wrong)


def test_demo_accounts(services: Services) -> None:
    path = accounts.bootstrap_demo(services)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text(encoding="utf-8")
    logins = dict(line.split("\t") for line in lines.splitlines())
    assert len(logins) == len(Role)
    assert len(set(logins.values())) == len(Role)
    assert authenticate(services, "demo-admin", logins["demo-admin"], "a").role is Role.ADMIN
    assert accounts.bootstrap_demo(services).read_text(encoding="utf-8") == lines
    path.unlink()  # the file is lost: new passwords, same accounts
    assert accounts.bootstrap_demo(services).read_text(encoding="utf-8") != lines
    with services.db.read() as session:
        assert len(accounts.accounts(session)) == len(Role)
    assert denied(services, "demo-admin", logins["demo-admin"]).code == "account.wrong"
