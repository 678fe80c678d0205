"""The OpenAPI text is held true: made-up requests of every operation get answers that it describes, on both databases."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from tests.fuzz.test_doors import NOW, SECRET, _signed, seeds
from tests.made_up import tried
from webhook_app import create_app

CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
NUMBER = 8  # requests of each operation
TOKEN = "a token for programs"
GENUINE = "HTTP_X_GENUINE"
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def strict(value: Any) -> Any:
    """The text with nothing allowed in an answer that it does not name."""
    if isinstance(value, dict):
        made = {key: strict(one) for key, one in value.items()}
        if made.get("type") == "object" and "properties" in made and "additionalProperties" not in made:
            made["additionalProperties"] = False
        return made
    return [strict(one) for one in value] if isinstance(value, list) else value


class Vendor:
    """The application behind a vendor that signs what it sends."""

    def __init__(self, app: Wsgi, vendor: str) -> None:
        self.app, self.vendor = app, vendor

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ.get(GENUINE):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            signed = _signed(self.vendor, body)
            environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed.items()}
        return self.app(environ, start)


@pytest.fixture
def running(house, vendor):
    """A whole Backstop with one waiting ticket, and its application."""
    h = house(desk={"webhook_secret": SECRET}, web={"token": TOKEN, "token_role": "admin"})
    h.now = NOW
    h.case = h.writes_in("There is a charge on my card that I did not make.")
    h.now += timedelta(minutes=3)
    h.sweep()  # the fake signs its webhooks with another secret
    assert h.ticket(h.case) is not None
    return h, create_app(h.app)


def test_every_operation_answers_as_documented(running, vendor):
    h, flask = running
    there = {
        "desk": "support",
        "ticket_id": str(h.case.id),
        "week": "2026-W47",
        "kind": "webhook",
        "name": "urgent",
    }
    bodies = {
        "POST /hooks/{desk}": json.loads(seeds(vendor)[0]),
        "POST /api/v1/tickets/{desk}/{ticket_id}/claim": {"email": "ann@desk.example"},
    }

    def real(case: Any) -> None:
        case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
        case.headers[GENUINE.removeprefix("HTTP_").replace("_", "-")] = "yes"
        if case.operation.label in bodies:
            case.body, case.media_type = bodies[case.operation.label], "application/json"

    headers = {"Authorization": f"Bearer {TOKEN}"}
    raw = flask.test_client().get("/api/openapi.json", headers=headers).get_json()
    import schemathesis  # half a second and 15 MB, for this file alone
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as described

    checks = (not_a_server_error, *(getattr(described, name) for name in CHECKS))
    schema = schemathesis.openapi.from_dict(strict(raw))
    schema.app = Vendor(flask, vendor)
    found = [one.ok() for one in schema.get_all_operations()]
    seen = {one.label: tried(one, NUMBER, checks, real, headers=headers) for one in found}
    odd = {"POST /hooks/channels/{kind}/{name}", "GET /hooks/apps/{desk}", "POST /hooks/apps/{desk}"}
    assert {label for label, statuses in seen.items() if not statuses & {200, 202}} <= odd, seen
    assert seen["POST /hooks/{desk}"] & {400, 401, 404}


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_every_route_is_in_the_text_or_a_page_for_people(running):
    """Pages and links are for people and their browsers; whatever a program may call is in the text."""
    _, flask = running
    headers = {"Authorization": f"Bearer {TOKEN}"}
    paths = flask.test_client().get("/api/openapi.json", headers=headers).get_json()["paths"]
    routes = {
        (method, str(rule).replace("<", "{").replace(">", "}")): rule.endpoint
        for rule in flask.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    written = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert written <= set(routes)
    people = {
        (method, path)
        for (method, path), endpoint in routes.items()
        if (endpoint.startswith("console.") and not path.startswith("/api/")) or path.startswith("/claim/")
    }
    assert set(routes) - written == people
    assert len(written) > 15
