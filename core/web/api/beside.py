"""The routes beside the API, for help desks, channels and machines, as the OpenAPI text has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.web.api.shapes import WHY, Schema, answer, in_path, problem

RESULT = {"$ref": "#/components/schemas/Result"}
RESULT_SCHEMA = {
    "type": "object",
    "properties": {"result": {"type": "string", "description": "What became of it, in words."}},
    "required": ["result"],
}
WORDS = WHY | {
    200: "Genuine, and nothing for us in it.",
    202: "Genuine, and stored.",
    401: "It does not prove itself.",
}
ANY = {
    "content": {
        "application/json": {"schema": {}},
        "application/octet-stream": {"schema": {"type": "string"}},
    }
}
DOCUMENT = answer({"type": "object"}, "This text.")
OLD_TICKET = "/api/tickets/{desk}/{ticket_id}"
TICKET = "/api/v1/tickets/{desk}/{ticket_id}"


def _results(*statuses: int) -> Schema:
    return {str(status): answer(RESULT, WORDS[status]) for status in statuses}


def _ok(what: str, *more: str) -> Schema:
    kinds = {"ok": {"type": "boolean"}} | {name: {"type": "string"} for name in more}
    return answer({"type": "object", "properties": kinds, "required": list(kinds)}, what)


def _text(kind: str, what: str) -> Schema:
    return {"description": what, "content": {kind: {"schema": {"type": "string"}}}}


@dataclass(frozen=True)
class Beside:
    """One operation. `open`: it needs no token, because it proves itself or because there is nothing to prove."""

    method: str
    path: str
    summary: str
    responses: Schema
    body: Schema | None = None
    open: bool = True


SIDEBAR = _results(400, 401, 404)
BESIDE = (
    Beside(
        "post", "/hooks/{desk}", "A help desk's webhook.", _results(200, 202, 400, 401, 404, 413, 503), ANY
    ),
    Beside(
        "post",
        "/hooks/channels/{kind}/{name}",
        "A channel's provider calling back: how a message fared, or that somebody clicked.",
        {"200": {"description": "Taken."}} | _results(400, 401, 404, 503),
        ANY,
    ),
    Beside(
        "get",
        "/hooks/apps/{desk}",
        "A desk's sidebar, in a frame.",
        {"200": _text("text/html", "The panel.")} | SIDEBAR,
    ),
    Beside(
        "post",
        "/hooks/apps/{desk}",
        "A desk's sidebar.",
        {"200": answer({"type": "object"}, "The panel.")} | SIDEBAR,
        ANY,
    ),
    Beside("get", "/healthz", "The process is up.", {"200": _ok("It is.")}),
    Beside(
        "get",
        "/readyz",
        "Webhooks can be stored.",
        {"200": _ok("They can."), "503": _ok("They cannot, for this reason.", "reason")},
    ),
    Beside(
        "get",
        "/metrics",
        "Prometheus text.",
        {"200": _text("text/plain", "The metrics."), "401": {"description": WHY[401]}},
        open=False,
    ),
    Beside("get", "/api/openapi.json", "This text.", {"200": DOCUMENT, "401": problem(401)}, open=False),
)


def paths(api: Schema) -> Schema:
    """Return the paths that stand beside those of the API."""
    made: dict[str, Any] = {}
    for one in BESIDE:
        made.setdefault(one.path, {})[one.method] = _operation(one)
    old = api[TICKET]["get"] | {"operationId": "ticket_for_sidebars", "deprecated": True}
    old["description"] = (
        "The old address, for the sidebar apps inside a desk; also with that desk's sidebar_token."
    )
    return made | {OLD_TICKET: {"get": old}}


def _operation(one: Beside) -> Schema:
    names = [part.strip("{}").replace(".", "_") for part in one.path.split("/") if part]
    made: Schema = {
        "operationId": "_".join([one.method, *names]),
        "summary": one.summary,
        "parameters": in_path(one.path),
        "responses": one.responses,
    }
    if one.open:
        made["security"] = []
    return made | ({"requestBody": one.body} if one.body else {})
