"""What all of the fake's routes share: the token, the limits, the headers, errors in Zendesk's shapes."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode

from flask import Flask, Response, abort, g, jsonify, redirect, request
from werkzeug.exceptions import HTTPException

from connectors.zendesk.fake.state import Json, State

LIVES = {  # seconds: more than, less than, usual
    "expires_in": (300, 172_800, 1_800),
    "refresh_token_expires_in": (604_800, 7_776_000, 2_592_000),
}
OPEN = ("/oauth/tokens", "/oauth/authorizations/new", "/ips")


def fail(status: int, body: Json | str, **headers: str) -> NoReturn:
    """Stop with a status; a 429 is plain text, the rest JSON."""
    response = jsonify(body) if isinstance(body, dict) else Response(body, mimetype="text/plain")
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    abort(response)


def not_found() -> NoReturn:
    """404 as for a deleted ticket."""
    fail(404, {"error": "RecordNotFound", "description": "Not found"})


def invalid(key: str, description: str, error: str | None = None, **more: Any) -> NoReturn:
    """422 with one complaint."""
    details = {key: [{"description": description, "error": error, **more}]}
    fail(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


def forbidden() -> NoReturn:
    """403."""
    fail(403, {"error": {"title": "Forbidden", "message": "You do not have access to this page."}})


def guard(state: State) -> Callable[[], None]:
    """Return the check before each request: limit, credential, scope."""

    def check() -> None:
        if request.path in OPEN:
            return
        spend(state, "account", state.per_minute)
        scope = _scope(state)
        g.anonymous = scope is None
        if scope is None and not request.path.startswith("/api/v2/users/me"):
            fail(401, {"error": "Couldn't authenticate you"})
        wanted = "read" if request.method == "GET" else "write"
        if scope is not None and wanted not in scope.split():
            forbidden()

    return check


def _scope(state: State) -> str | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        if given and given not in state.tokens:
            fail(401, {"error": "invalid_token", "error_description": "The access token provided is expired"})
        return state.tokens.get(given)
    if scheme == "Basic" and state.api_token:
        expected = base64.b64encode(f"{state.email}/token:{state.api_token}".encode()).decode()
        return "read write" if given == expected else None
    return None


def spend(state: State, name: str, limit: int) -> None:
    """Count one call against a limit; 429 beyond it, as plain text without a Retry-After of more than a minute."""
    now = state.desk.now()
    used = state.used.setdefault(name, [])
    used[:] = [at for at in used if at > now - timedelta(minutes=1)]
    if len(used) >= limit:
        local = (
            {f"zendesk-ratelimit-{name}": f"total={limit}; remaining=0; resets=30"}
            if name != "account"
            else {}
        )
        fail(429, "Number of allowed API requests per minute exceeded", Retry_After="30", **local)
    used.append(now)


def admin_only(state: State) -> None:
    """403 for an agent."""
    if state.bot_role != "admin":
        forbidden()


def headers(state: State) -> Callable[[Response], Response]:
    """Return what adds the limit's headers to each answer."""

    def add(response: Response) -> Response:
        left = max(0, state.per_minute - len(state.used.get("account", [])))
        response.headers["x-rate-limit"] = response.headers["ratelimit-limit"] = str(state.per_minute)
        response.headers["x-rate-limit-remaining"] = response.headers["ratelimit-remaining"] = str(left)
        response.headers["ratelimit-reset"] = "30"
        return response

    return add


def bare(err: HTTPException) -> Response:
    """Answer unknown routes and verbs."""
    if isinstance(err.response, Response):
        return err.response
    response = jsonify(
        {"error": {"title": "Invalid endpoint", "message": "Not found"}}
        if err.code == 404
        else {"error": err.name}
    )
    response.status_code = err.code or 500
    return response


def body(key: str) -> Json:
    """Return the object under `key` in the request's JSON."""
    given: Any = request.get_json(silent=True)
    if not isinstance(given, dict):
        fail(400, {"error": "Unprocessable", "message": "Server could not parse JSON"})
    if not isinstance(given.get(key), dict):
        fail(400, {"error": "Invalid", "description": f"{key} is missing"})
    return dict(given[key])


def paged(name: str, found: list[Json], **more: Any) -> Json:
    """Return a page by cursor. As at some endpoints, `links.next` goes on although nothing more comes: `has_more`
    decides."""
    size = int(request.args.get("page[size]", 100))
    if not 1 <= size <= 100:
        fail(
            400, {"errors": [{"code": "InvalidPaginationParameter", "title": "page[size] must be 1 to 100"}]}
        )
    after = request.args.get("page[after]", "")
    start = int(base64.urlsafe_b64decode(after).decode()) if after else 0
    end = start + size
    cursor = base64.urlsafe_b64encode(str(min(end, len(found))).encode()).decode()
    more_left = end < len(found)
    meta = {"has_more": more_left, "after_cursor": cursor, "before_cursor": None}
    link = f"https://account.zendesk.com:443{request.path}?page%5Bafter%5D={cursor}"
    return {name: found[start:end], "meta": meta, "links": {"prev": None, "next": link}, **more}


def oauth(app: Flask, state: State) -> None:
    """The token endpoint."""

    @app.post("/oauth/tokens")
    def mint() -> Any:
        given = request.get_json(silent=True) or request.form.to_dict()
        known = (
            given.get("client_id") == state.client_id and given.get("client_secret") == state.client_secret
        )
        if not known:
            fail(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        grant = given.get("grant_type")
        if grant not in {"client_credentials", "refresh_token", "authorization_code"}:
            fail(400, {"error": "unsupported_grant_type", "error_description": "unknown grant"})
        if grant == "authorization_code" and state.codes.pop(given.get("code", ""), "") != _asked(given):
            fail(
                400,
                {
                    "error": "invalid_grant",
                    "error_description": "The code is invalid, used or another client's",
                },
            )
        state.revoked = state.revoked and grant != "authorization_code"
        if grant == "refresh_token" and (state.revoked or not _lives(state, given)):
            fail(
                400,
                {"error": "invalid_grant", "error_description": "The refresh token is invalid or revoked"},
            )
        answer: Json = {"access_token": state.token(), "token_type": "bearer", "scope": state.grants}
        answer["expires_in"] = _seconds(given, "expires_in")
        return answer | ({} if grant == "client_credentials" else _next_refresh(state, given))

    @app.get("/oauth/authorizations/new")
    def allow() -> Any:
        """The admin who looks at the page says yes."""
        asked = request.args
        if asked.get("client_id") != state.client_id or asked.get("code_challenge_method") != "S256":
            fail(400, {"error": "invalid_request", "error_description": "unknown client or no PKCE"})
        code = secrets.token_urlsafe(8)
        state.codes[code] = f"{asked['redirect_uri']} {asked['code_challenge']}"
        return redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")


def _seconds(given: Json, key: str) -> int:
    """Return a life in seconds: more than the least and less than the most that Zendesk's text names."""
    least, most, usual = LIVES[key]
    seconds = given.get(key, usual)
    if not isinstance(seconds, int) or not least < seconds < most:
        words = f"{key} must be more than {least} and less than {most}"
        fail(400, {"error": "invalid_request", "error_description": words})
    return seconds


def _lives(state: State, given: Json) -> bool:
    until = state.refresh_until
    return (
        given.get("refresh_token") == state.refresh != "" and until is not None and state.desk.now() < until
    )


def _next_refresh(state: State, given: Json) -> Json:
    """Each refresh token is good for one renewal."""
    seconds = _seconds(given, "refresh_token_expires_in")
    state.refresh = f"refresh-{state.desk.next_id()}"
    state.refresh_until = state.desk.now() + timedelta(seconds=seconds)
    return {"refresh_token": state.refresh, "refresh_token_expires_in": seconds}


def _asked(given: Json) -> str:
    digest = hashlib.sha256(str(given.get("code_verifier", "")).encode()).digest()
    return f"{given.get('redirect_uri')} {base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
