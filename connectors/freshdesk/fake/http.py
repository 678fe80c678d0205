"""What all of the fake's routes share: the key, the limit, the headers, errors in Freshdesk's shapes."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, abort, g, jsonify, request
from werkzeug.exceptions import HTTPException

from connectors.freshdesk.fake.state import State
from connectors.sandbox.shapes import Types, misfits

Json = dict[str, Any]


def fail(status: int, body: Json | None = None, **headers: str) -> Any:
    """Stop with a status; 404 and 405 have no body there."""
    response = jsonify(body) if body is not None else Response(b"")
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    abort(response)


def invalid(*errors: tuple[str, str, str]) -> Any:
    """400 with (field, message, code) each."""
    listed = [{"field": field, "message": message, "code": code} for field, message, code in errors]
    fail(400, {"description": "Validation failed", "errors": listed})


def guard(state: State) -> Callable[[], None]:
    """Return the check before each request: limit, key, headers."""

    def check() -> None:
        _limit(state)
        g.admin = _key(state)
        if request.method in {"POST", "PUT"} and request.content_length and not request.is_json:
            fail(415)
        accept = request.headers.get("Accept", "*/*")
        if "*/*" not in accept and "application/json" not in accept:
            fail(406)

    return check


def _limit(state: State) -> None:
    now = time.monotonic()
    state.used[:] = [at for at in state.used if at > now - 60]
    if len(state.used) >= state.limit:
        fail(429, {"message": "You have exceeded the limit of requests per minute"}, Retry_After="1")
    state.used += [now] * _cost()


def _cost() -> int:
    """Return what a call costs: an include costs one more in a view, two more in a list."""
    includes = [one for one in request.args.get("include", "").split(",") if one]
    each = 2 if request.path.rstrip("/").endswith("/tickets") else 1
    return 1 + each * len(includes)


def _key(state: State) -> bool:
    """Return whether the key is an admin's."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        key = base64.b64decode(encoded).decode().partition(":")[0] if scheme == "Basic" else ""
    except ValueError:
        key = ""
    if key == state.admin_key:
        return True
    if key != state.api_key:
        fail(
            401,
            {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."},
        )
    return state.bot_is_admin


def admin_only() -> None:
    """403 for a key without admin rights."""
    if not g.admin:
        fail(403, {"code": "access_denied", "message": "You are not authorized to perform this action."})


def headers(state: State) -> Callable[[Response], Response]:
    """Return what adds the limit's headers to each answer. The total is sometimes a decimal."""

    def add(response: Response) -> Response:
        response.headers["X-RateLimit-Total"] = f"{state.limit}.0"
        response.headers["X-RateLimit-Remaining"] = str(max(0, state.limit - len(state.used)))
        response.headers["X-RateLimit-Used-CurrentRequest"] = str(_cost())
        response.headers["X-Freshdesk-Api-Version"] = "latest=v2; requested=v2"
        return response

    return add


def bare(err: HTTPException) -> Response:
    """Answer unknown routes and verbs with a status without a body."""
    return err.response if isinstance(err.response, Response) else Response(b"", status=err.code)


def body(known: Types) -> Json:
    """Return the request's JSON; unknown keys and wrong types are refused."""
    given: Any = request.get_json(silent=True)
    if not isinstance(given, dict):
        fail(400, {"code": "invalid_json", "message": "Request body has invalid json format"})
    if not given:
        invalid(("request", "Request body cannot be empty", "missing_field"))
    unknown, wrong = misfits(given, known)
    errors = [(name, "Unexpected/invalid field in request", "invalid_field") for name in unknown]
    errors += [(name, "Value set is of a wrong type", "datatype_mismatch") for name in wrong]
    if errors:
        invalid(*errors)
    return dict(given)


def paged(found: Sequence[Json], *, default: int = 30) -> Response:
    """Return one page, with the `link` header while there are more. More than a hundred a page is an error."""
    page, size = _count("page", 1), _count("per_page", default)
    if size > 100:
        invalid(("per_page", "It should be a Positive Integer less than or equal to 100", "invalid_value"))
    if page > 300:
        invalid(("page", "You cannot access tickets beyond the 300th page", "invalid_value"))
    start = (page - 1) * size
    response = jsonify(list(found[start : start + size]))
    if start + size < len(found):
        response.headers["Link"] = f'<https://desk.freshdesk.com{request.path}?page={page + 1}>; rel="next"'
    return response


def _count(name: str, default: int) -> int:
    given = request.args.get(name, str(default))
    if not given.isdigit() or int(given) < 1:
        invalid((name, "It should be a Positive Integer", "datatype_mismatch"))
    return int(given)
