"""The fake's people: searched by address; availabilities in the form of JSON:API, with statuses only under omnichannel routing."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from connectors.sandbox.desk import Person
from connectors.zendesk.fake.state import Json, State, user_of

ONLINE, AWAY = {"id": 3, "name": "Online"}, {"id": 4, "name": "Away"}


def presence(state: State) -> Blueprint:
    """The two routes that we use."""
    routes = Blueprint("zendesk_presence", __name__)

    @routes.get("/agent_availabilities")
    def listed() -> Response:
        agents = [one for one in state.desk.people.values() if one.role in {"agent", "admin"}]
        data = [_availability(one, told=state.omnichannel) for one in agents]
        return jsonify({"data": data, "meta": {"has_more": False}, "links": {}})

    @routes.get("/users/search.json")
    def search_users() -> Json:
        kind, _, wanted = request.args.get("query", "").partition(":")
        found = [
            one
            for one in state.desk.people.values()
            if kind == "email" and one.email.lower() == wanted.lower()
        ]
        return {"users": [user_of(one, state) for one in found], "next_page": None, "count": len(found)}

    return routes


def _availability(person: Person, *, told: bool) -> Json:
    status = {"agent_status": AWAY if person.away else ONLINE} if told else {}
    about = {"agent_id": person.id, "group_ids": person.queue_ids, "skills": [], "version": 1}
    return {"id": str(person.id), "type": "agent_availabilities", "attributes": about | status}
