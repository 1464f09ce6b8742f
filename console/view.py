"""Owns turning a template into a page: the Jinja environment, texts, times, asset addresses, navigation by role.

Never reads the database; a page module hands in what it shows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from ais.codes import ship_types
from core.auth import Principal, Role
from core.catalogue import LANGS, Lang, text
from core.workdays import SHANGHAI
from inspection import subject_of
from inspection.record import Text

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
PALETTES = ("bright", "day", "dusk", "night")
PALETTE_COOKIE = "yunjian_palette"

UNKNOWN = "—"

_DESKS = (
    Role.APPLICANT, Role.WINDOW, Role.APPROVAL, Role.SUPERVISION, Role.ENFORCEMENT, Role.LEGAL, Role.SECTOR, Role.PROVINCE,
    Role.FINANCE, Role.BANK, Role.EXPERT,
)  # fmt: skip
_STAFF = (Role.INSPECTOR, Role.SUPERVISOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation rail: where it goes, its icon element of the design system, who sees it."""

    key: str
    href: str
    icon: str
    roles: tuple[Role, ...]


NAVIGATION = (
    NavItem("queue", "/queue", "obi-list-alt-check-google", _STAFF),
    NavItem("supervisor", "/supervisor", "obi-dashboard", (Role.SUPERVISOR, Role.AUDITOR)),
    NavItem("map", "/map", "obi-chart-radar-overlay-iec", (*_STAFF, Role.DRONE_OPERATOR)),
    NavItem("cases", "/cases", "obi-clipboard", (*_STAFF, Role.DRONE_OPERATOR)),
    NavItem("deadlines", "/deadlines", "obi-alert-list", _STAFF),
    NavItem("service", "/service", "obi-notification-advice", _STAFF),
    NavItem("desk", "/reforms/desk", "obi-clipboard", _DESKS),
    NavItem("reforms", "/reforms", "obi-list-alt-check-google", (*_STAFF, *_DESKS)),
    NavItem("feeds", "/feeds", "obi-antenna", (*_STAFF, Role.DRONE_OPERATOR, Role.ADMIN)),
    NavItem("benefits", "/benefits", "obi-calendar-google", _STAFF),
    NavItem("journal", "/journal", "obi-history-google", (Role.AUDITOR, Role.SUPERVISOR)),
)


def home_of(principal: Principal) -> str:
    """The first page of a role; a guest or company account goes to its own inspection."""
    if principal.scope_ref is not None and principal.scope_ref.startswith("ship:"):
        return "/help/mine"
    if principal.scope_ref is not None and principal.role not in _DESKS:
        return f"/cases/{principal.scope_ref.removeprefix(subject_of(''))}"
    return next((item.href for item in NAVIGATION if principal.role in item.roles), "/account")


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a template in the request's language and palette."""
    state = request.state
    principal: Principal | None = state.principal
    shown = [item for item in NAVIGATION if principal and principal.role in item.roles]
    path = request.url.path
    at = max((item.href for item in shown if path == item.href or path.startswith(f"{item.href}/")), key=len, default="")
    body = (
        environment()
        .get_template(template)
        .render(
            lang=state.lang,
            other_lang=next(one for one in LANGS if one != state.lang),
            palette=palette_of(request),
            principal=principal,
            csrf_token=state.csrf_token,
            navigation=shown,
            navigation_at=at,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            **context,
        )
    )
    return HTMLResponse(body, status_code=status)


def palette_of(connection: HTTPConnection) -> str:
    chosen = connection.cookies.get(PALETTE_COOKIE, "day")
    return chosen if chosen in PALETTES else "day"


@cache
def environment() -> Environment:
    """The one environment: escaping always on, an undefined name is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(t=_t, static_url=static_url, palettes=PALETTES, unknown=UNKNOWN)
    made.filters.update(
        both=_both,
        ship_type=_ship_type,
        utc=utc,
        utc_short=utc_short,
        local=local,
        iso=iso,
        num=num,
        known=known,
        bytes=size_text,
        short=short_hash,
    )
    return made


@pass_context
def _t(context: Context, key: str, **params: object) -> str:
    return text(key, context["lang"], **params)


@pass_context
def _ship_type(context: Context, code: str | None) -> str:
    """A ship type in the page's language; a type from elsewhere than our register stays as it was written."""
    label = ship_types().types.get(code or "")
    return code or UNKNOWN if label is None else label.zh if context["lang"] == "zh" else label.en


@pass_context
def _both(context: Context, value: Text | None) -> str:
    """The record's own bilingual text in the page's language."""
    lang: Lang = context["lang"]
    return UNKNOWN if value is None else value.zh if lang == "zh" else value.en


def utc(value: datetime | None) -> str:
    return UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def utc_short(value: datetime | None) -> str:
    return UNKNOWN if value is None else f"{value:%m-%d %H:%M}Z"


def local(value: datetime | None) -> str:
    return UNKNOWN if value is None else f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M %z}"


def iso(value: datetime | None) -> str:
    return "" if value is None else value.isoformat()


def num(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with its unit after a thin space, or the sign for unknown."""
    if value is None:
        return UNKNOWN
    shown = f"{value:,.{digits}f}".replace(",", "\u2009")
    return f"{shown}\u2009{unit}" if unit else shown


def known(value: object) -> object:
    return UNKNOWN if value is None or value == "" else value


def size_text(count: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f}\u2009{unit}"
    return f"{count}\u2009B"


def short_hash(value: str) -> Markup:
    """The first 12 characters, with the whole hash as a tooltip."""
    return Markup('<code class="hash" title="{}">{}</code>').format(value, value[:12])


def static_url(name: str) -> str:
    """Address of a static file with its content hash, so that it can be cached for ever."""
    return f"/static/{name}?v={_content_hash(name, _mtime(name))}"


def _mtime(name: str) -> float:
    path = STATIC / name
    return path.stat().st_mtime if path.is_file() else 0.0


@cache
def _content_hash(name: str, _mtime: float) -> str:
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "missing"
