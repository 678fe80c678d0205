"""An error as JSON, of one shape for every route that programs call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import NoReturn

from flask import Response, abort, jsonify
from werkzeug.exceptions import HTTPException


@dataclass(frozen=True)
class Problem:
    """What went wrong. `error`: the status in words; `why`: what happened; `remedy`: what to do about it."""

    error: str
    why: str
    remedy: str


REMEDIES = {
    400: "Compare the request with the OpenAPI text at /api/openapi.json.",
    401: "Send Authorization: Bearer with BACKSTOP_WEB__TOKEN or the secret of a [web.tokens.<name>] table.",
    403: "Use a token whose role may do this: [web] token_role, or role in [web.tokens.<name>].",
    404: "The OpenAPI text at /api/openapi.json lists the routes.",
    405: "The OpenAPI text at /api/openapi.json lists the methods of each route.",
    413: "Send less than 1 MiB.",
    503: "Try again in a minute; /readyz says whether the store answers.",
}
OTHERWISE = "Look into Backstop's log at this moment; it is safe to try again."


def problem(status: int, why: str, remedy: str = "") -> Response:
    """The answer that says so."""
    found = Problem(HTTPStatus(status).phrase, why, remedy or REMEDIES.get(status, OTHERWISE))
    response = jsonify(asdict(found))
    response.status_code = status
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def refuse(status: int, why: str, remedy: str = "") -> NoReturn:
    """End the request with a problem."""
    abort(problem(status, why, remedy))


def problem_of(err: HTTPException) -> Response:
    """A refusal of the framework's, or of a page's `abort`, in the same shape."""
    response = problem(err.code or 500, err.description or err.name)
    allowed = getattr(err, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response
