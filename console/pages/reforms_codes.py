"""Owns the pages of signed record codes: records and codes of a subject, printing, taking back, and the public check (case 11).

Never shows the papers to the public; the check page works without a network, with the trust list it stored.
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from companion import envcode, signed_codes
from companion.api_common import actor_of, subject_for
from companion.roles import require
from console import view
from console.pages.reforms_common import Form, is_firm, page, text_of
from core.context import Services
from core.errors import InputError, NotFound
from core.message_channels import qr_data_uri

_WORKER = "js/code-worker.js"


def build_router(services: Services) -> APIRouter:
    """The public check, then the desk."""
    router = APIRouter(include_in_schema=False)
    _check(router, services)
    _desk(router, services)
    return router


def _check(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/codes/check")
    def check(request: Request) -> Response:
        return page(request, "code_check.html", registries=envcode.registries())

    @router.get("/reforms/codes/check/worker.js")
    def worker() -> Response:
        """Keeps the check page and its files for the time without a network; its scope is the page alone."""
        _ = services
        return FileResponse(
            view.STATIC / _WORKER, media_type="text/javascript",
            headers={"service-worker-allowed": "/reforms/codes/check", "cache-control": "no-cache"},
        )  # fmt: skip


def _desk(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/codes")
    def codes(request: Request, subject: str = "", registry: str = "") -> Response:
        actor = actor_of(request)
        require(actor, "code.read")
        known = envcode.registries()
        name = subject_for(actor, subject) if is_firm(actor) or subject.strip() else ""
        chosen = registry if registry in known else next(iter(known))
        rules = known[chosen]
        may_read = bool(name) and (actor.role in rules.readers or actor.user_id == name)
        records = envcode.records(services, chosen, name) if may_read else []
        return page(
            request, "codes.html", subject=name, registry=chosen, rules=rules, registries=known, records=records, may_read=may_read,
            kinds=envcode.kind_texts(), writes=actor.role in rules.writers, firm=is_firm(actor),
            issued=signed_codes.issued(services, actor, name or None), keys=signed_codes.trust(services),
            signing=signed_codes.signing_key(services).key_id,
        )  # fmt: skip

    @router.get("/reforms/codes/{jti}/print")
    def printed(request: Request, jti: str) -> Response:
        row = signed_codes.one(services, actor_of(request), jti)
        return page(
            request, "code_print.html", row=row, qr=qr_data_uri(row.text), rules=envcode.registry_named(row.registry_name)
        )

    @router.post("/reforms/codes/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor = actor_of(request)
        subject, registry, reason = (text_of(form, name) for name in ("subject", "registry", "reason"))
        if do == "append":
            sha256 = text_of(form, "sha256")
            if not sha256:
                raise InputError("companion.fact_missing", field="sha256")
            envcode.append(services, actor, registry, subject_for(actor, subject), text_of(form, "kind"), sha256)
        elif do == "issue":
            row = signed_codes.issue(services, actor, registry, subject_for(actor, subject))
            return RedirectResponse(f"/reforms/codes/{row.jti}/print", status_code=303)
        elif do == "revoke":
            signed_codes.revoke(services, actor, text_of(form, "jti"), reason)
        elif do == "revoke-key":
            signed_codes.revoke_key(services, actor, text_of(form, "key_id"), reason)
        else:
            raise NotFound("console.no_page")
        return RedirectResponse(f"/reforms/codes?subject={quote(subject)}&registry={quote(registry)}", status_code=303)
