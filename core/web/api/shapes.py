"""One operation as a value, and the parts of an OpenAPI text that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.web.api.problems import Problem
from core.web.users import Role

Schema = dict[str, Any]
REF = "#/components/schemas/{model}"
WHY = {
    400: "The request cannot be read.",
    401: "No token, or one that is not known.",
    403: "The token's role may not do this.",
    404: "There is none.",
    409: "It cannot be done now, for a reason that a person can act on.",
    413: "The body is larger than 1 MiB.",
    502: "The help desk does not answer, or refuses.",
    503: "Could not be stored: try again after `Retry-After` seconds.",
}


@dataclass(frozen=True)
class Route:
    """One operation. `name` is its endpoint below `console.` and its operationId; `query`: parameter → its schema."""

    method: str
    path: str
    name: str
    summary: str
    view: Callable[..., Any]
    answer: Any
    role: Role = Role.VIEWER
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Any = None
    errors: tuple[int, ...] = ()


def operation(one: Route) -> Schema:
    """Return the operation as the text has it."""
    errors = {*one.errors, 401}
    errors |= {403} if one.role is not Role.VIEWER else set()
    errors |= {413} if one.body else set()
    made: Schema = {
        "operationId": one.name.removeprefix("api_"),
        "summary": one.summary,
        "description": f"Needs the role {one.role}.",
        "parameters": [*in_path(one.path), *_in_query(one.query)],
        "responses": {"200": answer(ref(one.answer), "What was asked for.")}
        | {str(status): problem(status) for status in sorted(errors)},
    }
    if one.body is not None:
        made["requestBody"] = {"content": {"application/json": {"schema": ref(one.body)}}}
    return made


def in_path(path: str) -> list[Schema]:
    """Return the parameters of a path, which are all texts."""
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _in_query(query: Mapping[str, Schema]) -> list[Schema]:
    return [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in query.items()
    ]


def ref(kind: Any) -> Schema:
    """Return the reference to a type's schema."""
    return {"$ref": REF.format(model=kind.__name__)}


def answer(schema: Schema, what: str) -> Schema:
    """Return an answer in JSON."""
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def problem(status: int) -> Schema:
    """Return the answer that says what went wrong."""
    return answer(ref(Problem), WHY[status])
