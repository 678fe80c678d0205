"""No page fails on generated input in its address, query or form."""

from __future__ import annotations

import re
from typing import Any

from tests.console.world import make_app
from tests.made_up import tried

NUMBER = 2  # requests of each page
ARGUMENT = re.compile(r"<(?:[^:<>]*:)?(\w+)>")
QUERY = (
    "q",
    "state",
    "desk",
    "intent",
    "after",
    "before",
    "week",
    "auto",
    "route",
    "next",
    "rows",
    "limit",
    "cursor",
)
FORM = (
    "desk",
    "id",
    "key",
    "hold",
    "verdict",
    "intent",
    "email",
    "minutes",
    "words",
    "name",
    "password",
    "next",
)
FIELDS = {"type": "object", "properties": {name: {"type": "string"} for name in FORM}}
TOKEN = "a token for programs"


def text(flask: Any) -> dict[str, Any]:
    """An OpenAPI text of all that the application answers to, with the fields of every page for each."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in flask.url_map.iter_rules():
        names = [{"name": name, "in": "path", "required": True} for name in rule.arguments]
        query = [{"name": name, "in": "query"} for name in QUERY]
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            made: dict[str, Any] = {"responses": {"200": {"description": ""}}}
            made["parameters"] = [one | {"schema": {"type": "string"}} for one in [*names, *query]]
            if method == "POST":
                made["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": FIELDS}}}
            paths.setdefault(ARGUMENT.sub(r"{\1}", str(rule)), {})[method.lower()] = made
    return {"openapi": "3.1.0", "info": {"title": "pages", "version": "1"}, "paths": paths}


def test_no_made_up_request_of_any_page_is_a_fault_of_ours(small):
    import schemathesis  # half a second and 15 MB, for this file alone
    from schemathesis.checks import not_a_server_error

    flask = make_app(small, token=TOKEN, token_role="admin")
    schema = schemathesis.openapi.from_dict(text(flask))
    schema.app = flask
    there = {"desk": "support", "ticket_id": "4711", "name": "2026-W10", "kind": "json", "week": "last"}

    def real(case: Any) -> None:
        case.path_parameters = {k: there.get(k, v) for k, v in (case.path_parameters or {}).items()}

    headers = {"Authorization": f"Bearer {TOKEN}"}
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) > 25
    for one in operations:
        tried(one, NUMBER, [not_a_server_error], real, headers=headers)
