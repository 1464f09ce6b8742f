"""Owns the survey request: one signed file that a field laptop without network flies by, `yunjian.survey_request/1`.

Never decides whom to trust: the reader says which public keys it accepts. The signature is a detached Ed25519 signature over the
RFC 8785 form of `body`, so that the file can be read, mailed and printed as it is.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import canonical
from core.errors import InputError
from core.signing import PublicKey, SigningKey
from drone.model import Plan

REQUEST_SCHEMA: Literal["yunjian.survey_request/1"] = "yunjian.survey_request/1"


class RequestBody(BaseModel):
    """What is asked for: the plan with everything in it, for which inspection, until when, by whom."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["yunjian.survey_request/1"] = Field(default=REQUEST_SCHEMA, alias="schema")
    subject_ref: str
    items: list[str]
    issued_at: datetime
    not_after: datetime
    issued_by: str
    plan: Plan


def sign_request(body: RequestBody, key: SigningKey) -> str:
    """The file's text: body, signature (base64), key id and the key's mark (`DEMO - NOT VALID` for a demo key)."""
    document = json.loads(body.model_dump_json(by_alias=True))
    signature = base64.b64encode(key.sign(canonical.dumps(document))).decode()
    return json.dumps(
        {"body": document, "signature": signature, "key_id": key.key_id, "mark": key.public.mark}, ensure_ascii=False, indent=1
    )


def read_request(text: str, trusted: list[PublicKey], now: datetime) -> RequestBody:
    """The body of a file whose signature is by a trusted key and whose time has not run out.

    Raises:
        InputError: `drone.request.broken` not such a file, `drone.request.stranger` another signer, `drone.request.late`.
        Altered: what `PublicKey.verify` raises, the body is not what was signed.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        signature = base64.b64decode(document["signature"], validate=True)
        body = RequestBody.model_validate(document["body"])
        key_id = str(document["key_id"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise InputError("drone.request.broken", reason=str(error).splitlines()[0]) from error
    key = next((key for key in trusted if key.key_id == key_id), None)
    if key is None:
        raise InputError("drone.request.stranger", key=key_id)
    key.verify(signature, canonical.dumps(document["body"]))
    if now > body.not_after:
        raise InputError("drone.request.late", until=body.not_after.isoformat())
    return body
