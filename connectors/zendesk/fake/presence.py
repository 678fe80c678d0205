"""The fake's agent availabilities: a list in the form of JSON:API; statuses only with omnichannel routing."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from connectors.sandbox.desk import Person
from connectors.zendesk.fake.state import Json, State

ONLINE, AWAY = {"id": 3, "name": "Online"}, {"id": 4, "name": "Away"}


def presence(state: State) -> Blueprint:
    """The one route of it that we use."""
    routes = Blueprint("zendesk_presence", __name__)

    @routes.get("/agent_availabilities")
    def listed() -> Response:
        agents = [one for one in state.desk.people.values() if one.role in {"agent", "admin"}]
        data = [_availability(one, told=state.omnichannel) for one in agents]
        return jsonify({"data": data, "meta": {"has_more": False}, "links": {}})

    return routes


def _availability(person: Person, *, told: bool) -> Json:
    status = {"agent_status": AWAY if person.away else ONLINE} if told else {}
    about = {"agent_id": person.id, "group_ids": person.queue_ids, "skills": [], "version": 1}
    return {"id": str(person.id), "type": "agent_availabilities", "attributes": about | status}
