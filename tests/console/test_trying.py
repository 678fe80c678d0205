"""A message is tried: the decision and the exact words, with nothing sent, asked or kept; not without the role and the token."""

from __future__ import annotations

import html
import re

import pytest

from connectors import DESKS
from core import settings
from core.ledger import db
from core.ledger.schema import metadata
from core.web.users import Role, add_user
from tests.console.world import EVIL, NOW, console_of, form, present

FILE = """
[classifier]
cache = "{cache}"
[desks.support]
vendor = "{vendor}"
base_url = "http://127.0.0.1:9"  # nobody answers there: a desk that is asked would be an error
general_queue = "Support"
webhook_secret = "hush"
[intents.order_status]
priority = "low"
queue = "Orders"
reply = "order_status.txt"
"""


@pytest.fixture(scope="module")
def composed(tmp_path_factory, classifier_cache):
    home = tmp_path_factory.mktemp("trying")
    (home / "backstop.toml").write_text(FILE.format(cache=classifier_cache, vendor=next(iter(DESKS))))
    (home / "order_status.txt").write_text("Hello{% if name %} {{ name }}{% endif %}, it is on its way.\n")
    engine = db.connect(f"sqlite:///{home}/ledger.db")
    present(engine)
    yield console_of(settings.load(home / "backstop.toml"), engine)
    engine.dispose()


@pytest.fixture
def client(composed):
    return composed.test_client()


def rows(client) -> dict[str, int]:
    """What the ledger has of tickets and people; not the process's own counters and keys."""
    own = {"bs_meta", "bs_counts"}
    with client.application.extensions["backstop"].engine.connect() as connection:
        tables = {name: table for name, table in metadata.tables.items() if name not in own}
        return {name: len(connection.execute(table.select()).all()) for name, table in tables.items()}


def tried(client, words: str) -> str:
    answer = client.post("/try", data=form(client, words=words))
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"<[^>]+>", "", answer.text))


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        (
            "Where is my order 4711?",
            ("order_status", "answered automatically", "Hello Carla, it is on its way."),
        ),
        (
            "There is a charge on my card I did not make.",
            ("billing_dispute", "routed to a specialist", "urgent", "Private note"),
        ),
        ("purple seventeen umbrella the quick moon", ("general queue", "To the customer (acknowledgment)")),
    ],
)
def test_the_decision_and_the_exact_words_are_shown_and_nothing_is_kept(client, words, pieces):
    before = rows(client)
    text = tried(client, words)
    for piece in ("What would happen", *pieces):
        assert piece in text, piece
    assert rows(client) == before


def test_nothing_typed_is_no_result_and_too_much_is_cut_and_said(client):
    assert "What would happen" not in tried(client, " \n ")
    long = tried(client, "Where is my order 4711? " + "It is late. " * 9_000)
    assert "only the beginning was used" in long
    assert "What would happen" in long
    assert len(long) < 20_000


def test_a_hostile_message_is_shown_as_text(client):
    assert "<script>document" not in client.post("/try", data=form(client, words=EVIL)).text


def test_it_needs_the_role_and_the_forms_token(composed):
    app = composed.extensions["backstop"]
    add_user(app.engine, "vera", now=NOW, role=Role.VIEWER, password="long enough to be one")
    client = composed.test_client()
    client.post("/login", data=form(client, name="vera", password="long enough to be one"))
    assert client.get("/try").status_code == 403
    assert client.post("/try", data=form(client, words="Hello")).status_code == 403
    assert client.post("/try", data={"words": "Hello"}).status_code == 400
    with app.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM bs_users")
