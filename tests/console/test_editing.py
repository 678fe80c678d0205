"""Intents and texts are read on their pages, and changed after a look at the difference; the file stays the truth."""

from __future__ import annotations

import html
import re
from unittest.mock import Mock

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from connectors import DESKS
from core import settings
from core.config import reload
from core.config.edited import with_values
from core.engine import worker
from core.errors import ConfigError
from core.ledger import db
from core.ledger.schema import changes, notices, tickets
from core.web.users import Role, add_user
from tests.console.world import EVIL, NOW, console_of, form, present, waiting

FILE = f"""# ours
[classifier]
cache = "."

[desks.support]
vendor = "{list(DESKS)[1]}"
base_url = "http://127.0.0.1:9"
general_queue = "Support"
webhook_secret = "hush"

[intents.order_status]  # the most frequent one
priority = "low"
queue    = "Orders"  # the team in Leeds

[intents.refund_request]
queue = "Billing"
"""
REPLY = "Hello{% if name %} {{ name }}{% endif %},\n\nit is on its way.\n"


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """A console over a file, its texts and a small ledger."""
    home = tmp_path_factory.mktemp("editing")
    (home / "templates").mkdir()
    file = home / "backstop.toml"
    file.write_text(FILE)
    engine = db.connect(f"sqlite:///{home}/ledger.db")
    present(engine)
    past = [
        waiting(str(n), 90, "low", intent="order_status", confidence=0.95, state="answered")
        for n in range(100, 107)
    ]
    with engine.begin() as connection:
        connection.execute(insert(tickets), past)
    yield console_of(settings.load(file), engine)
    engine.dispose()


@pytest.fixture
def home(composed):
    """The folder, as it was at the start."""
    folder = composed.extensions["backstop"].settings.home
    yield folder
    (folder / "backstop.toml").write_text(FILE)
    for one in [*folder.glob("*.before-*"), *folder.glob("templates/*"), *folder.glob("*.txt")]:
        one.unlink()
    with composed.extensions["backstop"].engine.begin() as connection:
        connection.execute(changes.delete())


@pytest.fixture
def client(composed):
    return composed.test_client()


def text_of(answer, status=200) -> str:
    assert answer.status_code == status, answer.text
    return html.unescape(re.sub(r"<[^>]+>", "", answer.text))


def seen_in(answer) -> str:
    return re.search(r'name="seen" value="(\w+)"', answer.text)[1]


def posted(client, path, status=200, **fields):
    answer = client.post(path, data=form(client, **fields))
    assert answer.status_code == status, answer.text
    return answer


def noted(client) -> list[tuple[str, str, str, str]]:
    with client.application.extensions["backstop"].engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(changes.c["who", "what", "old", "new"]))]


def test_an_answer_is_switched_on_after_its_words_are_written_and_everything_else_stays(client, home):
    wanted = {"priority": "low", "queue": "Orders", "reply": "order_status.txt", "mode": "act"}
    refused = posted(client, "/intents/order_status", 422, **wanted)
    assert "there is no template order_status.txt" in text_of(refused, 422)

    words = posted(client, "/texts/order_status.txt", words=REPLY)
    assert "Hello Carla," in text_of(words)
    assert "Hello,\n" in text_of(words)  # to somebody whose name is not sure
    assert not (home / "templates/order_status.txt").exists()
    posted(client, "/texts/order_status.txt", 303, words=REPLY, seen=seen_in(words), do="write")
    assert (home / "templates/order_status.txt").read_text() == REPLY

    looked = posted(client, "/intents/order_status", **wanted)
    assert '+ reply = "order_status.txt"' in text_of(looked).replace("added: ", "")
    row = re.search(r"answered automatically</th><td[^>]*>(\d+)</td><td[^>]*><b>(\d+)</b>", looked.text)
    assert row.groups() == ("0", "7")  # tried on the tickets that were seen
    assert "hush" not in looked.text
    assert (home / "backstop.toml").read_text() == FILE
    posted(client, "/intents/order_status", 303, **wanted, seen=seen_in(looked), do="write")
    assert (home / "backstop.toml").read_text() == FILE.replace(
        "the team in Leeds\n", 'the team in Leeds\nreply = "order_status.txt"\n'
    )
    assert [one.read_text() for one in home.glob("backstop.toml.before-*")] == [FILE]
    assert noted(client) == [
        ("local", "text order_status.txt", "", REPLY),
        (
            "local",
            "intents.order_status",
            "priority = low, queue = Orders",
            "priority = low, queue = Orders, reply = order_status.txt",
        ),
    ]
    app = client.application.extensions["backstop"]
    worker._dealt(app, "an event that nobody stored")
    assert app.rules["support"].intents["order_status"].reply == "order_status.txt", "without a restart"


def test_a_file_that_is_refused_leaves_the_rules_as_they_are_raises_one_alarm_and_says_why(client, home):
    app, file = client.application.extensions["backstop"], home / "backstop.toml"
    file.write_text(FILE.replace("Billing", "Refunds"))
    worker._dealt(app, "nothing")
    for broken, why in (
        ('reply = "nowhere.txt"', "there is no template nowhere.txt"),
        ('priority = "sometimes"', "refund_request.priority"),
        ("[broken", "is no TOML"),
    ):
        file.write_text(FILE.replace('"Billing"', '"Elsewhere"') + f"\n{broken}\n")
        for _ in range(2):
            worker._dealt(app, "nothing")
        assert app.rules["support"].intents["refund_request"].queue == "Refunds"
        assert why in text_of(client.get("/intents"))
    with app.engine.begin() as connection:
        alarms = connection.scalars(select(notices.c.facts)).all()
        connection.execute(notices.delete())
    assert len(alarms) == 3
    assert "the previous one stays in use" in str(alarms[0])
    file.unlink()
    worker._dealt(app, "nothing")
    assert app.rules["support"].intents["refund_request"].queue == "Refunds"


def test_the_alarm_about_a_refused_file_comes_when_the_store_takes_it_again(client, home, monkeypatch):
    app = client.application.extensions["backstop"]
    (home / "backstop.toml").write_text(f"{FILE}\n[broken\n")
    with monkeypatch.context() as patch:
        patch.setattr(
            reload, "alarm_daily", Mock(side_effect=OperationalError("INSERT", {}, Exception("full")))
        )
        with pytest.raises(OperationalError):
            worker._dealt(app, "nothing")
    worker._dealt(app, "nothing")
    with app.engine.begin() as connection:
        alarms = connection.scalars(select(notices.c.facts)).all()
        connection.execute(notices.delete())
    assert len(alarms) == 1


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Hello {{ nmae }}", "no variable nmae: is name meant?"),
        ("{% if promise == 'never' %}{{ customer }}{% endif %}Hello", "no variable customer"),
        ("Hello {% if name %}", "line 1:"),
        ("Hello {{ name.upper(1) }}", "correct it"),
        ("{# nothing #}", "nothing is left of it"),
        ("x" * 30_000, "Shorten it"),
    ],
)
def test_a_text_that_could_not_be_used_is_refused_with_the_remedy_and_kept_in_the_form(
    client, home, words, remedy
):
    for do in ("", "write"):
        answer = posted(client, "/texts/acknowledgment.txt", 422, words=words, do=do, seen="none")
        assert remedy in text_of(answer, 422)
        assert html.escape(words).replace("&#x27;", "&#39;") in answer.text
    assert list(home.glob("templates/*")) == []
    assert noted(client) == []


def test_a_text_that_changed_on_disk_meanwhile_is_shown_as_a_difference_and_nothing_is_lost(client, home):
    file = home / "templates/acknowledgment.de.txt"
    file.write_text("Hallo, danke.\n")
    shown = client.get("/texts/acknowledgment.de.txt")
    looked = posted(client, "/texts/acknowledgment.de.txt", words="Guten Tag.", seen=seen_in(shown))
    file.write_text("Hallo, von Ben.\n")
    late = posted(
        client, "/texts/acknowledgment.de.txt", 409, words="Guten Tag.", seen=seen_in(looked), do="write"
    )
    assert "changed on disk" in text_of(late, 409)
    assert "removed: Hallo, von Ben." in text_of(late, 409)
    assert "Guten Tag." in late.text
    assert file.read_text() == "Hallo, von Ben.\n"
    posted(client, "/texts/acknowledgment.de.txt", 303, words="Guten Tag.", seen=seen_in(late), do="write")
    assert file.read_text() == "Guten Tag.\n"
    assert [one.read_text() for one in home.glob("templates/*before*")] == ["Hallo, von Ben.\n"]


def test_a_form_that_is_older_than_the_file_says_so_before_anything_is_written(client, home):
    (home / "templates/note.txt").write_text("Note: {{ why }}\n")
    shown = client.get("/texts/note.txt")
    (home / "templates/note.txt").write_text("Reason: {{ why }}\n")
    slip = posted(client, "/texts/note.txt", 422, words="Because {{ wyh }}", seen=seen_in(shown))
    answer = posted(client, "/texts/note.txt", words="Because {{ why }}", seen=seen_in(slip))
    assert "note.txt changed on disk since this page was shown" in text_of(answer)


def test_an_intent_whose_file_changed_meanwhile_is_merged_into_the_present_file(client, home):
    looked = posted(client, "/intents/refund_request", queue="Refunds")
    (home / "backstop.toml").write_text(FILE.replace('"Orders"', '"Parcels"'))
    late = posted(client, "/intents/refund_request", 409, queue="Refunds", seen=seen_in(looked), do="write")
    posted(client, "/intents/refund_request", 303, queue="Refunds", seen=seen_in(late), do="write")
    found = (home / "backstop.toml").read_text()
    assert '"Parcels"' in found
    assert '"Refunds"' in found


@pytest.mark.parametrize(
    ("name", "fields", "remedy"),
    [
        ("billing_dispute", {"reply": "x.txt"}, "never answered automatically"),
        ("order_status", {"priority": "sometimes"}, "intents.order_status.priority"),
        ("order_status", {"auto": "much"}, "write one from 0 to 1"),
        ("order_status", {"auto": "1.5"}, "intents.order_status.auto"),
    ],
)
def test_values_that_serve_would_refuse_are_refused_here_with_the_remedy(client, home, name, fields, remedy):
    assert remedy in text_of(posted(client, f"/intents/{name}", 422, **fields), 422)
    assert (home / "backstop.toml").read_text() == FILE


def test_a_broken_file_is_shown_with_its_fault_and_not_written(client, home):
    (home / "backstop.toml").write_text(FILE + "[intents\n")
    assert "is no TOML" in text_of(client.get("/intents"))
    assert "is no TOML" in text_of(posted(client, "/intents/order_status", 422, queue="x"), 422)
    assert (home / "backstop.toml").read_text() == FILE + "[intents\n"


@pytest.mark.parametrize(
    "path", ["/texts/backstop.toml", "/texts/../backstop.txt", "/texts/nowhere/x.txt", "/intents/nobody"]
)
def test_no_other_file_is_reached(client, home, path):
    assert client.get(path).status_code == 404


def test_words_in_a_file_that_no_page_changes_are_named_without_a_link(client, home):
    (home / "templates/order.html").write_text("Hello")
    (home / "backstop.toml").write_text(FILE.replace('"Orders"', '"Orders"\nreply = "order.html"'))
    page = client.get("/intents/order_status")
    assert "order.html, edit the file itself" in text_of(page)
    assert 'href="/texts/order.html"' not in page.text


def test_a_text_that_is_no_utf_8_is_said_and_left_alone(client, home):
    (home / "templates/note.txt").write_bytes(b"Gr\xfc\xdfe")
    assert client.get("/texts/note.txt").status_code == 409
    assert client.post("/texts/note.txt", data=form(client, words="x", do="write")).status_code == 409


def test_markup_in_a_text_is_shown_as_text(client, home):
    (home / "templates/note.txt").write_text(EVIL)
    assert "<script>document" not in client.get("/texts/note.txt").text


def test_a_viewer_reads_and_only_an_admin_changes(composed, home):
    app = composed.extensions["backstop"]
    add_user(app.engine, "vera", now=NOW, role=Role.VIEWER, password="long enough to be one")
    client = composed.test_client()
    client.post("/login", data=form(client, name="vera", password="long enough to be one"))
    for path in ("/intents", "/intents/order_status", "/texts/acknowledgment.de.txt"):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "<textarea" not in page.text
        assert 'name="queue"' not in page.text
    assert client.post("/intents/order_status", data=form(client, queue="x")).status_code == 403
    assert client.post("/texts/note.txt", data=form(client, words="x")).status_code == 403
    assert client.post("/texts/note.txt", data={"words": "x"}).status_code == 400  # no token
    with app.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM bs_users")


@pytest.mark.parametrize(
    ("text", "table", "made"),
    [
        ("", "a", '[intents.a]\nqueue = "Q"\n'),
        ("[intents.a]", "a", '[intents.a]\nqueue = "Q"\n'),
        ('[intents."a"]\nqueue="x#y" # z\n', "a", '[intents."a"]\nqueue="Q"  # z\n'),
        ('[intents.a]\nexamples = [\n "queue = 1",\n]\n', "a", None),
        ('[intents.a]\nqueue = """\nx"""\n', "a", ConfigError),
        ('intents.a.queue = "x"\n', "a", ConfigError),
        ('[intents]\na = { queue = "x" }\n', "a", ConfigError),
        ("intents = 3\n", "a", ConfigError),
    ],
)
def test_a_value_is_changed_alone_or_not_at_all(text, table, made):
    if made is ConfigError:
        with pytest.raises(ConfigError):
            with_values(text, ("intents", table), {"queue": "Q"})
    else:
        found = with_values(text, ("intents", table), {"queue": "Q"})
        assert found == (made or text.replace("[intents.a]\n", '[intents.a]\nqueue = "Q"\n'))
        assert with_values(found, ("intents", table), {"queue": "Q"}) == found
