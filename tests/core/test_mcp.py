"""`backstop mcp` by the protocol's own client: the same answers as the API's, and no claim unless somebody is named for it."""

from __future__ import annotations

import builtins
import json
import sys
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from core.commands.assistants import server
from core.errors import ConfigError, TryLater
from core.ledger import db
from core.ledger.schema import changes
from core.pipeline import claims
from tests.console.world import make_app, present
from tests.core.command import Shell

READ = {"waiting", "find_tickets", "why", "week", "health"}


@pytest.fixture
def app(engine):
    present(engine)
    found = make_app(engine).extensions["backstop"]
    found.desks = {"support": SimpleNamespace(vendor="x")}
    return found


def client_of(server: Any) -> Any:
    """The protocol's own client; its library is loaded only in the process that runs this file: it takes a second and 20 MB."""
    from mcp import Client

    return Client(server)


def called(app: Any, tool: str, email: str = "", **given: Any) -> tuple[bool, Any]:
    """Whether the tool refused, and what it said."""

    async def run() -> Any:
        async with client_of(server(app, email)) as client:
            return await client.call_tool(tool, given)

    found = anyio.run(run)
    text = found.content[0].text
    return bool(found.is_error), text if found.is_error else json.loads(text)


def tools(app: Any, email: str = "") -> dict[str, Any]:
    async def run() -> Any:
        async with client_of(server(app, email)) as client:
            return await client.list_tools()

    return {one.name: one for one in anyio.run(run).tools}


def test_the_tools_answer_what_the_api_answers(app, engine):
    flask = make_app(engine)
    web = flask.test_client()
    for tool, given, path in (
        ("waiting", {"priority": "urgent"}, "/api/v1/escalations?priority=urgent&limit=20"),
        ("find_tickets", {"words": "larger model"}, "/api/v1/tickets?q=larger+model&limit=20"),
        ("why", {"desk": "support", "ticket_id": "4711"}, "/api/v1/tickets/support/4711"),
        ("week", {}, "/api/v1/weeks/last"),
        ("health", {}, "/api/v1/health"),
    ):
        assert called(app, tool, **given) == (False, web.get(path).json), tool
    assert called(app, "waiting")[1]["tickets"][0]["ticket_id"] == "4711"


def test_an_assistant_pages_through_all_that_waits(app):
    _, first = called(app, "waiting", limit=2)
    _, rest = called(app, "waiting", limit=2, cursor=first["next"])
    assert [len(first["tickets"]), len(rest["tickets"]), rest["next"]] == [2, 1, None]


def test_nothing_is_claimed_unless_somebody_is_named_for_it(app, engine, monkeypatch):
    monkeypatch.setattr(
        claims, "claim_by_person", lambda *_, **__: claims.Outcome(True, "Ticket 4711 is yours.")
    )
    assert set(tools(app)) == READ
    assert all(one.annotations.read_only_hint for one in tools(app).values())
    assert called(app, "claim", desk="support", ticket_id="4711")[0]
    mine = tools(app, "ann@desk.example")
    assert set(mine) == READ | {"claim"}
    assert "ann@desk.example" in mine["claim"].description
    done = called(app, "claim", "ann@desk.example", desk="support", ticket_id="4711")
    assert done == (False, {"done": True, "words": "Ticket 4711 is yours."})
    with engine.connect() as connection:
        assert connection.scalar(select(changes.c.who)) == "mcp ann@desk.example"


def test_a_refusal_says_what_to_do_and_a_fault_says_nothing_of_the_store(app, monkeypatch):
    for tool, given, words in (
        ("why", {"desk": "support", "ticket_id": "nobody"}, "finds them by their number"),
        ("week", {"week": "2026-W99"}, "Write an ISO week"),
        ("waiting", {"cursor": "x"}, "take `next`"),
        ("waiting", {"limit": "many"}, "limit"),
    ):
        refused, said = called(app, tool, **given)
        assert refused, tool
        assert words in said

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of the store")

    monkeypatch.setattr("core.web.api.asking.health", broken)
    refused, said = called(app, "health")
    assert refused
    assert "secret" not in said

    def silent(*_: Any, **__: Any) -> None:
        raise TryLater("the desk does not answer")

    monkeypatch.setattr(claims, "claim_by_person", silent)
    refused, said = called(app, "claim", "ann@desk.example", desk="support", ticket_id="4711")
    assert (refused, "the desk does not answer" in said) == (True, True)


def test_over_standard_input_and_output_as_an_assistant_starts_it(tmp_path):
    from mcp.client.stdio import StdioServerParameters, stdio_client

    shell = Shell(tmp_path).with_store()
    engine = db.connect(f"sqlite:///{tmp_path}/backstop.db")
    present(engine)
    engine.dispose()
    line = ["-m", "core.cli", "mcp", "--config", str(shell.file)]
    # its default is what sys.stderr was when the library was loaded, which may have been within another test's command
    errors = sys.__stderr__
    started = stdio_client(StdioServerParameters(command=sys.executable, args=line, cwd="."), errlog=errors)

    async def run() -> Any:
        async with client_of(started) as client:
            return await client.call_tool("waiting", {})

    found = json.loads(anyio.run(run).content[0].text)
    assert found["waiting"] == 3
    assert found["over_promise"] == 3, "by the real clock"


def test_without_the_extra_the_remedy_is_said(app, monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("mcp."):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"backstop\[mcp\].*mcp\.lock"):
        server(app)


def test_an_address_that_is_none_is_refused(tmp_path):
    told = Shell(tmp_path).with_store().run("mcp", "--email", "ann")
    assert told.exit_code == 2
    assert "--email ann is no address" in told.output
