"""Who looks at which conversation, asked for beside it: the signed question of Help Scout's two app frameworks.

The App Developer Platform opens our page in a frame and signs the query
(https://developer.helpscout.com/apps/guides/signature-validation/); a legacy dynamic app posts JSON, signed like a
webhook, and shows the HTML it is given (https://developer.helpscout.com/apps/legacy-custom-apps/dynamic/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from connectors.helpscout.api import Api, Burst
from connectors.helpscout.events import SIGNATURE, verify
from connectors.kit.decoding import decoded, form_of
from connectors.kit.http import DeskSession
from connectors.kit.signing import check_signature, hmac_base64
from connectors.kit.values import row, text
from core.errors import BadPayload, BadSignature
from core.model import SidebarRequest, WebhookRequest

if TYPE_CHECKING:
    from connectors.helpscout.settings import Settings

FRAMES = "https://*.helpscout.net https://*.helpscout.com"  # who may show our page in a frame
LONGEST = 4096  # characters of a query: two ids and a signature
SIGNED = "X-HelpScout-Signature"  # the query's own, beside the header of that name


def asked(settings: Settings, request: WebhookRequest, query: str) -> SidebarRequest:
    """Return what a genuine question is about. `query`: the query string as it came. Raises BadSignature, BadPayload."""
    if request.body:
        verify(settings.secrets(), request)
        return _posted(request.body)
    try:
        given = dict(form_of(query[:LONGEST]))
    except ValueError as err:
        raise BadSignature("the question's address is none of the app's") from err
    signature = given.pop(SIGNED, None)
    check_signature(settings.secrets(), _php_json(given), signature, algorithm="sha1")
    return SidebarRequest(_number(given.get("conversation-id")), _number(given.get("user-id")))


def _php_json(given: Mapping[str, str]) -> bytes:
    """Return the query as PHP writes JSON by default: in order, no spaces, ASCII only, every slash escaped."""
    return json.dumps(given, separators=(",", ":")).replace("/", "\\/").encode()


def _posted(body: bytes) -> SidebarRequest:
    try:
        told = decoded(body)
    except ValueError as err:
        raise BadPayload("the app's question is no JSON") from err
    if not isinstance(told, dict):
        raise BadPayload("the app's question is no JSON object")
    user = row(told.get("user"))
    name = " ".join(filter(None, (text(user.get("fname")), text(user.get("lname")))))
    # "ticket" is false while a draft has not been sent
    return SidebarRequest(_number(row(told.get("ticket")).get("id")), _number(user.get("id")), name)


def _number(value: Any) -> str:
    found = text(value).strip()
    if found and not (found.isascii() and found.isdigit()):
        raise BadPayload(f'"{found[:40]}" is no id of Help Scout\'s: they are numbers')
    return found


def answer(html: str) -> dict[str, str]:
    """Return what a legacy dynamic app wants back."""
    return {"html": html}


def people(settings: Settings, session: DeskSession) -> dict[str, str]:
    """Return a mapping, user id → address: the question names the agent by id only."""
    listed = Api(session, Burst(settings.write_burst)).all("/users", "users")
    return {text(one.get("id")): text(one.get("email")) for one in listed}


def probe(secret: str) -> tuple[WebhookRequest, str]:
    """Return a genuine question about no conversation, for doctor: as it is posted, and as a query."""
    body = b'{"ticket":false}'
    query = {"conversation-id": "", "user-id": ""}
    signed = {**query, SIGNED: hmac_base64(secret, _php_json(query), "sha1")}
    headers = {SIGNATURE: hmac_base64(secret, body, "sha1"), "content-type": "application/json"}
    return WebhookRequest(headers, body), urlencode(signed)
