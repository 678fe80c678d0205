"""The OpenAPI text: made from the table of routes, from the types of their answers, and from what stands beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from core import __version__
from core.web.api import beside
from core.web.api.problems import Problem
from core.web.api.shapes import REF, Route, Schema, operation

ENDLESS = "Point", "Figure"  # of the weekly figures: a wait without an end is null
INTRO = """What waits for a human, what happened to one ticket and why, the weekly figures, and the changes that the console makes:
claim, pause, resume. Times are ISO 8601 in UTC. Lists are paged: pass `next` on as `cursor` until it is null. Every error
has one shape: `error` (the status in words), `why`, `remedy`."""
SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "BACKSTOP_WEB__TOKEN with the role [web] token_role, or the secret of a [web.tokens.<name>] table "
        "with that table's role.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "backstop",
        "description": "The console's login. Changes also need the header X-CSRFToken of its pages.",
    },
}


def document(routes: Iterable[Route], url: str = "/") -> Schema:
    """Return the OpenAPI 3.1 text of these routes, and of the routes for vendors and machines that stand beside them."""
    routes = tuple(routes)
    paths: dict[str, Schema] = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = operation(one)
    licence = {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Backstop", "version": __version__, "description": INTRO, "license": licence},
        "servers": [{"url": url}],
        "security": [{name: []} for name in SECURITY],
        "paths": paths | beside.paths(paths),
        "components": {"schemas": _schemas(routes), "securitySchemes": SECURITY},
    }


def _schemas(routes: Iterable[Route]) -> Schema:
    """The schemas of all answers and bodies, by name."""
    kinds = {one.answer for one in routes} | {one.body for one in routes if one.body} | {Problem}
    asked: list[Any] = [(kind.__name__, "serialization", TypeAdapter(kind)) for kind in kinds]
    _, found = TypeAdapter.json_schemas(asked, ref_template=REF)
    made: Schema = dict(sorted(found["$defs"].items()))
    for name in ENDLESS:
        for schema in made[name]["properties"].values():
            if schema.get("type") == "number":
                schema["type"] = ["number", "null"]
    report = made["TicketReport"]["properties"]
    report["ticket"] = {"anyOf": [report["ticket"], {"type": "object", "maxProperties": 0}]}
    return made | {"Result": beside.RESULT_SCHEMA}
