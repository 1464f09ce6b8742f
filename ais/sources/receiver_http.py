"""Owns the HTTP door for AIS-catcher (``-H http://host:port``): its JSON posts become sentences with tag blocks.

Never trusts a body: size, compression and form are checked, and what does not fit is answered with 400 and counted nowhere else.
"""

from __future__ import annotations

import json
import re
import threading
import zlib
from datetime import UTC, datetime
from functools import reduce
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import xor

from pydantic import BaseModel, ConfigDict, ValidationError

from ais.sources.inbox import Inbox
from ais.sources.spec import SourceSpec

_MAX_BODY = 8 << 20
_SENTENCE = re.compile(r"^![\x21-\x7e]{10,100}$")
_STATION = re.compile(r"[^A-Za-z0-9_.-]")


class _Heard(BaseModel):
    model_config = ConfigDict(extra="ignore")
    nmea: list[str] = []
    rxtime: str = ""


class _Post(BaseModel):
    """What of the ``jsonaiscatcher`` protocol we use."""

    model_config = ConfigDict(extra="ignore")
    stationid: str = ""
    msgs: list[_Heard]


def sentences_of(body: bytes) -> bytes:
    """Sentences of one post, with station and time in a tag block.

    Raises:
        ValueError: it is no such post.
    """
    try:
        post = _Post.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"])) from error
    station = _STATION.sub("", post.stationid)[:15]
    lines: list[str] = []
    for number, heard in enumerate(post.msgs):
        at = _epoch(heard.rxtime)
        for index, sentence in enumerate(heard.nmea):
            if not _SENTENCE.match(sentence):
                raise ValueError("nmea: not a sentence")
            group = f"g:{index + 1}-{len(heard.nmea)}-{number}" if len(heard.nmea) > 1 else ""
            stamp = [f"s:{station}" if station else "", f"c:{at}" if at is not None else ""] if index == 0 else []
            tag = ",".join(part for part in (group, *stamp) if part)
            lines.append(f"\\{tag}*{reduce(xor, tag.encode('ascii'), 0):02X}\\{sentence}" if tag else sentence)
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _epoch(text: str) -> int | None:
    try:
        return int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    timeout = 0.5

    def __init__(self, address: tuple[str, int], inbox: Inbox) -> None:
        self.inbox = inbox
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    server: _Door

    def do_POST(self) -> None:
        try:
            self.server.inbox.put(sentences_of(self._body()))
            self._answer(200, {"ok": True})
        except ValueError as error:
            self._answer(400, {"ok": False, "reason": str(error)})

    def _body(self) -> bytes:
        size = int(self.headers.get("content-length") or 0)
        if not 0 < size <= _MAX_BODY:
            raise ValueError(f"content-length must be 1 to {_MAX_BODY}")
        body = self.rfile.read(size)
        if self.headers.get("content-encoding") != "gzip":
            return body
        unpacking = zlib.decompressobj(wbits=31)
        try:
            plain = unpacking.decompress(body, _MAX_BODY)
        except zlib.error as error:
            raise ValueError("not gzip") from error
        if unpacking.unconsumed_tail:
            raise ValueError(f"more than {_MAX_BODY} bytes unpacked")
        return plain

    def _answer(self, status: int, words: dict[str, object]) -> None:
        body = json.dumps(words).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """The feeds page shows what arrives; no access log."""


def http_server(spec: SourceSpec, inbox: Inbox, stop: threading.Event) -> None:
    """Take posts until `stop`.

    Raises:
        OSError: the address cannot be bound.
    """
    with _Door((spec.host, spec.port), inbox) as server:
        inbox.state.condition, inbox.state.connects = "up", inbox.state.connects + 1
        while not stop.is_set():
            server.handle_request()
