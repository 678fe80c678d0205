"""States: what is drawn may happen, everything else is refused, and no state is written as a bare string."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Engine, Float, Integer, Table, select

from core.errors import IllegalChange
from core.ledger import db, schema, store
from core.ledger.moves import move
from core.ledger.schema import decisions, events, notices, tickets, writes
from core.ledger.states import ALL, EventState, NotificationState, WriteState, sources
from core.model import EventKind, Outcome, TicketEvent, TicketState
from tests.stores import after_a_first_start

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TABLES: dict[type, Table] = {
    EventState: events,
    WriteState: writes,
    NotificationState: notices,
    TicketState: tickets,
    next(kind for kind in ALL if kind.__name__ == "DecisionState"): decisions,
}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine(tmp_path) -> Engine:
    after_a_first_start(tmp_path / "ledger.db")
    return db.connect(f"sqlite:///{tmp_path}/ledger.db")


def filled(table: Table, state: str) -> dict[str, object]:
    """A row of this table in this state, with a value in every column that must have one."""
    kinds = {
        schema.Words: "x",
        schema.Key: "x",
        schema.Utc: NOW,
        schema.Facts: [],
        Float: 0.0,
        Integer: 0,
        Boolean: False,
    }
    needed = {c.name: kinds[type(c.type)] for c in table.columns if not c.nullable and c.name != "id"}
    return needed | {"state": state}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_state_is_drawn_and_each_can_be_reached_or_is_the_first(kind):
    drawn = ALL[kind]
    assert set(drawn) == set(kind)
    reached = {to for after in drawn.values() for to in after}
    first = {EventState.RECEIVED, WriteState.OWED, WriteState.PLANNED, TicketState.RECEIVED}
    assert {state for state in kind if state not in reached} <= first | {"decided"}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_row_moves_where_it_is_drawn_and_nowhere_else(kind, engine):
    """All pairs of states, against the database: the refusal is part of the statement."""
    table = TABLES[kind]
    for before, after in product(kind, kind):
        with engine.begin() as conn:
            conn.execute(table.delete())
            conn.execute(table.insert().values(**filled(table, before)))
        allowed = after == before or after in ALL[kind][before]
        assert (before in sources(after)) is allowed
        if allowed:
            with engine.begin() as conn:
                assert move(conn, table, after, {}) == 1
        else:
            with (
                pytest.raises(IllegalChange, match=f"a change from {before} to {after} is not allowed"),
                engine.begin() as conn,
            ):
                move(conn, table, after, {})
        with engine.begin() as conn:
            assert conn.execute(select(table.c.state)).scalar_one() == (after if allowed else before)


def test_where_no_row_matches_nothing_is_refused(engine):
    with engine.begin() as conn:
        assert move(conn, events, EventState.SETTLED, {"key": "unknown"}) == 0


def test_a_settled_event_does_not_wait_again(engine):
    """A worker that was thought dead may come back after another has dealt with its event."""
    event = TicketEvent("acme", "acme:1:created", EventKind.CREATED, "1", NOW)
    with engine.begin() as conn:
        store.add_event(conn, event, "webhook", NOW)
        store.settle(conn, event.key, Outcome.ROUTED, "done", NOW)
        store.wait(conn, event.key, NOW, "a time-out")
        found = store.event(conn, event.key)
    assert found is not None
    assert (found.state, found.reason) == (EventState.SETTLED, "done")


# --- no bare strings --------------------------------------------------------------------------

WORDS = {str(state) for kind in (*ALL, Outcome) for state in kind}
OTHER_WORDS = {
    "core/config/checks.py": ("a key of the configuration", {"general_queue"}),
    "core/admin/setup/account.py": ("a key of the configuration", {"general_queue"}),
    "core/admin/setup/drafting.py": ("a key of the configuration", {"general_queue"}),
    "core/admin/setup/steps.py": ("a key of what a page is shown", {"answered"}),
    "core/commands/assistants.py": ("a key of a tool's answer", {"done"}),
    "core/commands/init.py": ("a key of the configuration", {"general_queue"}),
    "core/commands/desk.py": ("a key of the command's output", {"waiting"}),
    "core/desk_ai.py": ("how an AI hands a ticket over", {"escalated"}),
    "core/backtest/figures.py": ("keys of a report, and whether a promise was kept", {"escalated", "open"}),
    "core/classify/plain.py": ("keys of a training report", {"answered", "routed", "failed"}),
    "core/classify/remote.py": ("how a call to an external model ended", {"failed"}),
    "core/classify/whatif.py": ("what other thresholds would have led to", {"answered", "routed"}),
    "core/web/quality.py": ("what other thresholds would have led to", {"answered", "routed"}),
    "core/web/intents.py": ("what other rules would have led to", {"answered", "routed"}),
    "core/learning/calibration.py": ("a key of a report", {"failed"}),
    "core/learning/labelled_tickets.py": ("where a label comes from", {"answered", "failed"}),
    "core/escalation.py": ("the name of a template", {"escalated"}),
    "core/notifications/delivery.py": ("the name of a template", {"escalated"}),
    "core/notifications/rows.py": ("names of templates", {"escalated", "claimed"}),
    "core/pipeline/owed.py": ("the source of an event", {"owed"}),
    "core/reports/plots.py": ("the label of a plot", {"escalated"}),
    "core/reports/reporting.py": ("whether a promise was kept", {"open"}),
    "core/telemetry/counters.py": ("tokens sent and received", {"received"}),
    "core/web/state_words.py": ("the word that is shown", {"claimed"}),
    "core/web/access.py": ("how a reader was let in", {"open"}),
}
"""Files in which these words mean something else than a state, with what they mean there."""


def bare_strings(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & WORDS


def test_no_state_is_written_as_a_bare_string():
    drawn = {ROOT / "core/ledger/states.py", ROOT / "core/model.py"}
    files = [
        path for path in (ROOT / "core").rglob("*.py") if "migrations" not in path.parts and path not in drawn
    ]
    assert len(files) > 100
    found = {str(path.relative_to(ROOT)): bare_strings(path) for path in files}
    other = {name: words for name, (_, words) in OTHER_WORDS.items()}
    assert {name: words for name, words in found.items() if words - other.get(name, set())} == {}
    assert {name: words for name, words in other.items() if words - found[name]} == {}, "not there any more"
