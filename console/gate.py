"""Owns the one door every request passes: language, caller, access row, CSRF, counting, and errors made readable.

Never decides per case: a page that knows the case checks `console.scope`.
"""

from __future__ import annotations

import time
import traceback
from typing import Protocol
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from console import csrf, language, problem, sessions, view
from console.access import AccessTable, Row
from console.body_limit import limited
from console.metrics import Metrics
from core import logs
from core.catalogue import Lang, error_text
from core.errors import AccessDenied, NotFound, Refused, YunJianError
from core.ids import new_id

_log = logs.get("console")


_ASK_AGAIN_S = 5.0  # how long a websocket may outlive its session
_SESSION_ENDED = 4401  # private use (RFC 6455, 7.4.2), after HTTP 401


class Identify(Protocol):
    """Finds the caller of a session token; blocking, called in a thread."""

    def __call__(self, token: str) -> sessions.Caller | None: ...


class Gate:
    """ASGI wrapper around the whole application."""

    def __init__(
        self, app: ASGIApp, *, table: AccessTable, identify: Identify, default_lang: Lang, largest_body: int, metrics: Metrics
    ) -> None:
        self.app = app
        self.table = table
        self.identify = identify
        self.default_lang = default_lang
        self.largest_body = largest_body
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        state = connection.state
        state.lang = language.of(connection, self.default_lang)
        state.principal, state.csrf_token, state.request_id, state.too_large = None, "", new_id(), False
        method = "WS" if scope["type"] == "websocket" else scope["method"]
        row = self.table.find(method, scope["path"])
        if row is None and method == "HEAD":
            row = self.table.find("GET", scope["path"])
        status = [500]
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                if connection.query_params.get("lang") == state.lang:
                    message["headers"] = [*message["headers"], (b"set-cookie", _language_cookie(state.lang))]
            await send(message)

        try:
            receive = await self._pass(connection, method, row, receive)
        except YunJianError as error:
            await self._refuse(error, scope, receive, watch)
        else:
            live = scope["type"] == "websocket" and row is not None and bool(row.roles)
            await self._answer(
                connection, scope, receive, self._while_signed_in(connection, row, watch) if live and row else watch
            )
        if scope["type"] == "http":
            self.metrics.count(method, row.path if row else "unknown", status[0], time.perf_counter() - started)

    async def _pass(self, connection: HTTPConnection, method: str, row: Row | None, receive: Receive) -> Receive:
        """Let the request in, or raise the reason why not."""
        receive = limited(connection, receive, self.largest_body)
        if row is None:
            others = self.table.methods(connection.scope["path"])
            raise Refused("console.method", methods=", ".join(others)) if others else NotFound("console.no_page")
        caller = await self._caller(connection, row)
        if caller is not None:
            connection.state.principal, connection.state.csrf_token = caller.principal, caller.csrf_token
        if row.roles and caller is None:
            raise AccessDenied("console.login_needed")
        if row.roles and caller is not None and caller.principal.role not in row.roles:
            raise AccessDenied("console.role", role=caller.principal.role.value)
        ambient = caller is not None and caller.by_cookie
        if method not in csrf.SAFE_METHODS and row.token is None and (ambient or row.public):
            if not csrf.same_origin(connection.headers):
                raise AccessDenied("console.csrf")
            if row.roles and method != "WS":  # a public route acts for nobody: another origin is all there is to refuse
                return await self._checked_token(connection, receive)
        return receive

    @staticmethod
    async def _checked_token(connection: HTTPConnection, receive: Receive) -> Receive:
        given = connection.headers.get(csrf.HEADER)
        if given is None:
            given, receive = await csrf.form_token(connection.headers, receive)
        if not csrf.matches(given, connection.state.csrf_token):
            raise AccessDenied("console.csrf")
        return receive

    async def _caller(self, connection: HTTPConnection, row: Row) -> sessions.Caller | None:
        if row.token is not None:
            return None
        token = sessions.bearer(connection)
        if token is not None:
            found = await run_in_threadpool(self.identify, token)
            return None if found is None else sessions.Caller(found.principal, found.csrf_token, by_cookie=False)
        cookie = connection.cookies.get(sessions.cookie_name(connection))
        return None if cookie is None else await run_in_threadpool(self.identify, cookie)

    async def _answer(self, connection: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; an error before the response started becomes a readable one."""
        begun = [False]

        async def note(message: Message) -> None:
            begun[0] = begun[0] or message["type"] in {"http.response.start", "websocket.accept", "websocket.close"}
            await send(message)

        try:
            await self.app(scope, receive, note)
        except YunJianError as error:
            if begun[0]:
                raise
            await self._refuse(error, scope, receive, send)
        except Exception:  # the request boundary (handbook, rule 7)
            # As text, not as exc_info: a pretty traceback would print local variables, cookies among them.
            _log.error("request failed", request_id=connection.state.request_id, trace=traceback.format_exc())
            if begun[0]:
                raise
            fault = YunJianError("console.fault", request_id=connection.state.request_id)
            await self._refuse(fault, scope, receive, send)

    def _while_signed_in(self, connection: HTTPConnection, row: Row, send: Send) -> Send:
        """A `send` for a long connection: it asks again every few seconds whether the session still stands, and closes if not."""
        asked = [time.monotonic()]

        async def guarded(message: Message) -> None:
            if message["type"] == "websocket.send" and time.monotonic() - asked[0] >= _ASK_AGAIN_S:
                asked[0] = time.monotonic()
                if await self._caller(connection, row) is None:
                    await send({"type": "websocket.close", "code": _SESSION_ENDED})
                    raise WebSocketDisconnect(_SESSION_ENDED)
            await send(message)

        return guarded

    async def _refuse(self, error: YunJianError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            message = await receive()
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            return
        response = refusal(Request(scope, receive), error)
        await response(scope, receive, send)


def refusal(request: Request, error: YunJianError) -> Response:
    """The response for an error: problem JSON for programs, a page (or the way to the login) for people."""
    status = _status_of(error)
    headers = {"allow": str(error.params["methods"])} if error.code == "console.method" else {}
    if not wants_page(request):
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        return problem.response(error, status, request.state.lang, headers)
    if error.code == "console.login_needed" and request.method == "GET":
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path)}", status_code=303)
    words = error_text(error, request.state.lang)
    return view.page(request, "error.html", status=status, code=error.code, words=words, request_id=request.state.request_id)


def _status_of(error: YunJianError) -> int:
    """The branch's HTTP status, but for the few that only exist at this door."""
    if error.code == "console.http":
        return int(str(error.params["status"]))
    return {"console.login_needed": 401, "console.method": 405}.get(error.code, error.http_status)


def wants_page(request: Request) -> bool:
    """True for a person's browser on a page address; the API and fragments always speak JSON."""
    return not request.url.path.startswith(("/api/", "/ws/")) and "text/html" in request.headers.get("accept", "")


def _language_cookie(lang: Lang) -> bytes:
    return f"{language.COOKIE}={lang}; Path=/; Max-Age=31536000; SameSite=Lax".encode()
