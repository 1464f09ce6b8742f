"""Owns what the pages of the reforms service share: the row of tabs by role, and reading forms.

Never decides who may act: it only leaves out what `companion.roles` would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from companion.model import Actor, Role
from companion.roles import may
from console import view
from core.auth import Principal
from core.catalogue import entries, error_text
from core.errors import InputError, YunJianError


async def _form(request: Request) -> FormData:
    """The form's fields, read before the handler runs in its thread."""
    return await request.form()


Form = Annotated[FormData, Depends(_form)]


@dataclass(frozen=True, slots=True)
class Tab:
    """`action` None = public; else the tab is for roles that may do it, and for a firm where `firm` says so."""

    key: str
    href: str
    action: str | None = None
    firm: bool = False


TABS = (
    Tab("desk", "/reforms/desk", "*"),
    Tab("items", "/reforms"),
    Tab("public_lists", "/reforms/lists"),
    Tab("draws", "/reforms/draws"),
    Tab("credit", "/reforms/credit", "credit.read", firm=True),
    Tab("codes", "/reforms/codes", "code.read"),
    Tab("code_check", "/reforms/codes/check"),
    Tab("ledger", "/reforms/ledger", "ledger.read"),
    Tab("pool", "/reforms/pool", "pool.read"),
    Tab("freight", "/reforms/freight", "freight.read"),
    Tab("medicine", "/reforms/medicine", "medicine.pay"),
    Tab("exemptions", "/reforms/exemptions"),
    Tab("policies", "/reforms/policies"),
    Tab("books", "/reforms/books"),
    Tab("figures", "/reforms/figures"),
)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of the service with its tabs; `role` is the viewer's role here, None for the public."""
    role = role_of(request)
    shown = [tab for tab in TABS if _shown(tab, role)]
    path = request.url.path
    at = max((tab.href for tab in shown if path == tab.href or path.startswith(f"{tab.href}/")), key=len, default="")
    return view.page(
        request,
        f"reforms/{template}",
        status=status,
        tabs=shown,
        tab_at=at,
        role=role,
        may=lambda action: role is not None and may(role, action),
        word=lambda value: word_of(value, request.state.lang),
        **context,
    )


def word_of(value: object, lang: str) -> str:
    """A choice in the viewer's words; one that a site added without words is shown as it stands."""
    found = entries().get(f"reforms.value_{value}")
    return str(value) if found is None else found[lang]


def role_of(request: Request) -> Role | None:
    """The viewer's role in the reforms service."""
    who: Principal | None = request.state.principal
    known = {role.value for role in Role}
    return Role(who.role.value) if who is not None and who.role.value in known else None


def said(request: Request, error: YunJianError) -> str:
    """An error as one line for the form it came from: what happened, and what to do."""
    words = error_text(error, request.state.lang)
    return f"{words.title} {words.next}"


def text_of(form: Mapping[str, Any], name: str) -> str:
    """A field without its blanks; empty where it is missing."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def kept(form: FormData) -> dict[str, str]:
    """What was written, to put back into a refused form; several ticks of one field are joined by commas."""
    return {name: ",".join(str(one) for one in form.getlist(name)) for name in form}


def day_of(form: Mapping[str, Any], name: str) -> date | None:
    """A day, None where the field is empty. Raises InputError."""
    written = text_of(form, name)
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as error:
        raise InputError("companion.fact_bad", field=name, type="day", value=written[:40]) from error


def int_of(form: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A whole number. Raises InputError."""
    written = text_of(form, name)
    if not written and default is not None:
        return default
    try:
        return int(written)
    except ValueError as error:
        raise InputError("companion.fact_bad", field=name, type="integer", value=written[:40]) from error


def fen_of(form: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """An amount that was written in yuan, as whole fen. Raises InputError, also for parts of a fen."""
    written = text_of(form, name).replace(",", "").replace(" ", "")
    if not written and default is not None:
        return default
    whole, _, parts = written.partition(".")
    if not whole.isdecimal() or not (parts.isdecimal() or not parts) or len(parts) > 2 or len(whole) > 13:
        raise InputError("companion.fact_bad", field=name, type="sum", value=written[:40])
    return int(whole) * 100 + int(parts.ljust(2, "0") or 0)


def answer_of(form: Mapping[str, Any], name: str) -> bool | None:
    """yes, no or not known."""
    return {"yes": True, "no": False}.get(text_of(form, name))


def lines_of(form: Mapping[str, Any], name: str) -> Iterator[list[str]]:
    """Lines of a text area as cells between commas; empty lines are passed over."""
    for line in text_of(form, name).splitlines():
        cells = [cell.strip() for cell in line.replace("，", ",").split(",")]
        if any(cells):
            yield cells


def parts_of(cells: list[str], place: int) -> tuple[str, ...]:
    """The parts of one cell between semicolons."""
    cell = cells[place] if place < len(cells) else ""
    return tuple(part.strip() for part in cell.replace("；", ";").split(";") if part.strip())


def is_firm(actor: Actor) -> bool:
    return actor.role is Role.APPLICANT


def _shown(tab: Tab, role: Role | None) -> bool:
    if tab.action is None:
        return True
    if role is None:
        return False
    return tab.action == "*" or may(role, tab.action) or (tab.firm and role is Role.APPLICANT)
