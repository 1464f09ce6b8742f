"""Owns the scripted people of the main job: demo accounts that act as an inspector and a supervisor would.

Never acts without saying that it is scripted: the record of such a case is marked as a demo.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from core import accounts
from core.auth import Principal
from core.context import Services
from inspection import Actor


@dataclass(frozen=True, slots=True)
class ScriptedPeople:
    """Two different accounts."""

    inspector: Principal
    supervisor: Principal

    @property
    def inspects(self) -> Actor:
        return Actor.of(self.inspector)

    @property
    def supervises(self) -> Actor:
        return Actor.of(self.supervisor)


MASTER = Actor("demo-master", "crew_guest", seat="master")


def scripted_people(services: Services) -> ScriptedPeople:
    """Sign in with the passwords of the demo accounts, as people would."""
    lines = accounts.bootstrap_demo(services).read_text(encoding="utf-8").splitlines()
    passwords = dict(line.split("\t") for line in lines)
    inspector, supervisor = (
        accounts.authenticate(services, login, passwords[login], "demo") for login in ("demo-inspector", "demo-supervisor")
    )
    return ScriptedPeople(inspector, supervisor)


def signed_in(services: Services, principal: Principal, base_url: str) -> httpx.Client:
    """An HTTP client with a session of that person, as the browser has it."""
    opened = accounts.open_session(services, principal)
    client = httpx.Client(base_url=base_url, timeout=30.0, trust_env=False, cookies={"yunjian_session": opened.token})
    client.headers["x-csrf-token"] = opened.csrf
    client.headers["origin"] = base_url
    return client
