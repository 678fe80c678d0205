"""What all of the fake's routes share: tokens, the limit, the headers, errors in Help Scout's shapes."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, request
from werkzeug.exceptions import HTTPException

from connectors.helpscout.fake.state import Json, State
from connectors.helpscout.install.connect import PATH as AUTHORIZE
from connectors.sandbox.shapes import Types, misfits

LIFE = 172_800
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def fail(status: int, body: Json | None = None, **headers: str) -> Any:
    """Stop with a status."""
    response = jsonify(body if body is not None else {"message": "Error", "logRef": str(uuid.uuid4())})
    response.status_code = status
    response.headers["Content-Type"] = "application/vnd.error+json"
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    abort(response)


def invalid(*errors: tuple[str, str]) -> Any:
    """400 with (path, message) each."""
    listed = [{"path": path, "message": message, "source": "JSON", "_links": {}} for path, message in errors]
    body = {"logRef": f"{uuid.uuid4()}#0", "message": "Validation error", "_embedded": {"errors": listed}}
    fail(400, body)


def guard(state: State) -> Callable[[], None]:
    """Return the check before each request: token, limit, content type."""

    def check() -> None:
        if request.path in {"/v2/oauth2/token", AUTHORIZE}:
            return
        _token(state)
        _limit(state)
        if request.method in {"POST", "PUT", "PATCH"} and request.content_length and not request.is_json:
            fail(415)

    return check


def _token(state: State) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expires = state.tokens.get(token)
    if scheme != "Bearer" or expires is None or state.desk.now() >= expires:
        fail(401, {"error": "invalid_token", "error_description": "The access token is invalid"})


def _limit(state: State) -> None:
    now, units = time.monotonic(), 2 if request.method in WRITES else 1
    state.used[:] = [(at, n) for at, n in state.used if at > now - 60]
    state.wrote[:] = [at for at in state.wrote if at > now - 5]
    burst = units == 2 and state.burst and len(state.wrote) >= state.burst
    if burst or sum(n for _, n in state.used) + units > state.limit:
        fail(429, {"message": "API rate limit exceeded"}, X_RateLimit_Retry_After="1")
    state.used.append((now, units))
    if units == 2:
        state.wrote.append(now)


def headers(state: State) -> Callable[[Response], Response]:
    """Return what adds the limit's headers and a correlation id to each answer."""

    def add(response: Response) -> Response:
        left = state.limit - sum(n for _, n in state.used)
        response.headers["X-RateLimit-Limit-Minute"] = str(state.limit)
        response.headers["X-RateLimit-Remaining-Minute"] = str(max(0, left))
        response.headers["Correlation-Id"] = str(uuid.uuid4())
        if response.status_code == 200 and response.is_json:
            response.headers["Content-Type"] = "application/hal+json"
        return response

    return add


def bare(err: HTTPException) -> Response:
    """Answer unknown routes and verbs."""
    if isinstance(err.response, Response):
        return err.response
    response = jsonify({"message": err.name})
    response.status_code = err.code or 500
    return response


def tokens(state: State) -> Blueprint:
    """Return the token endpoint. Form-encoded only; each refresh token is good for one renewal."""
    bp = Blueprint("tokens", __name__)

    @bp.post("/v2/oauth2/token")
    def token() -> Response:
        if request.mimetype != "application/x-www-form-urlencoded":
            fail(400, {"error": "invalid_request", "error_description": "Missing form parameter: grant_type"})
        given, grant = request.form, request.form.get("grant_type")
        if (given.get("client_id"), given.get("client_secret")) != (state.client_id, state.client_secret):
            fail(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        answer: Json = {"token_type": "bearer", "access_token": secrets.token_hex(8), "expires_in": LIFE}
        if grant == "client_credentials":
            pass
        elif grant == "authorization_code" and given.get("code") in state.codes:
            state.codes.discard(given["code"])
            answer["refresh_token"] = _refresh(state)
        elif grant == "refresh_token" and given.get("refresh_token") in state.refresh:
            state.refresh.discard(given["refresh_token"])
            answer["refresh_token"] = _refresh(state)
        else:
            fail(400, {"error": "invalid_grant", "error_description": "Invalid grant"})
        state.tokens[answer["access_token"]] = state.desk.now() + timedelta(seconds=LIFE)
        return jsonify(answer)

    @bp.get(AUTHORIZE)
    def allow() -> Any:
        """The user who looks at the page says yes. Where it goes on is kept with the app, whoever asks."""
        if request.args.get("client_id") != state.client_id:
            fail(400, {"error": "invalid_client"})
        code = secrets.token_hex(8)
        state.codes.add(code)
        query = urlencode({"code": code, "state": request.args.get("state", "")})
        return redirect(f"{state.redirection_url}?{query}")

    return bp


def _refresh(state: State) -> str:
    made = secrets.token_hex(8)
    state.refresh.add(made)
    return made


def body(known: Types, *required: str) -> Json:
    """Return the request's JSON object; arrays, unknown keys, wrong types and missing ones are refused."""
    given: Any = request.get_json(silent=True)
    if not isinstance(given, dict):
        fail(400, {"message": "Request body must be a JSON object", "logRef": str(uuid.uuid4())})
    unknown, wrong = misfits(given, known)
    errors = [(name, "Unknown property") for name in unknown]
    errors += [(name, "may not be empty") for name in required if given.get(name) in (None, "", [])]
    errors += [(name, "has a wrong type") for name in wrong]
    if errors:
        invalid(*errors)
    return dict(given)


def paged(state: State, name: str, found: Sequence[Json]) -> Response:
    """Return one page in HAL; `_embedded` is missing when empty, and the `next` link has lost the other parameters."""
    number = request.args.get("page", "1")
    if not number.isdigit() or int(number) < 1:
        invalid(("page", "must be a positive number"))
    size, page = state.page_size, int(number)
    total = max(1, -(-len(found) // size))
    shown = list(found[(page - 1) * size : page * size])
    answer: Json = {
        "_links": {"self": {"href": request.url}},
        "page": {"size": size, "totalElements": len(found), "totalPages": total, "number": page},
    }
    if page < total:
        answer["_links"]["next"] = {"href": f"https://api.helpscout.net{request.path}?page={page + 1}"}
    if shown:
        answer["_embedded"] = {name: shown}
    return jsonify(answer)
