"""Learning and measuring from the command line."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from command import Shell, backstop

from core.classify.recall import plain_languages
from core.ledger import db
from core.ledger.schema import decisions, labels, metadata, tickets

NOW = datetime.now(UTC)
ORDERS = [f"where is my order {n}? it should have come {n} days ago" for n in range(40)]
DISPUTES = [f"there is a charge of {n} dollars on my card that I never made" for n in range(40)]


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path).with_store()


def labelled(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "intent", "at"), *rows])
    return str(path)


def remember(shell, rows):
    """Tickets as the line leaves them; each row overrides."""
    engine = db.connect(f"sqlite:///{shell.home}/backstop.db")
    db.migrate(engine)
    plain = {
        "desk": "support",
        "intent": "order_status",
        "confidence": 0.9,
        "state": "answered",
        "first_seen_at": NOW - timedelta(days=20),
        "updated_at": NOW,
    }
    with engine.begin() as conn:
        for number, row in enumerate(rows):
            values = plain | {"ticket_id": str(number)} | row
            label, words = values.pop("label", ""), values.pop("words", "")
            conn.execute(tickets.insert().values(**values))
            where = {"desk": "support", "ticket_id": str(number), "at": NOW}
            if label:
                conn.execute(labels.insert().values(**where, intent=label, source="field", words=words))
    return engine


def everything(engine):
    with engine.connect() as conn:
        return {t.name: sorted(map(str, conn.execute(t.select()))) for t in metadata.sorted_tables}


def test_classify_prints_the_promised_document_and_nothing_else(shell):
    found = shell.run("classify", "where is my order? it should have come last week")
    told = json.loads(found.stdout)
    assert list(told) == ["intent", "confidence", "band", "alternatives", "model"]
    assert (told["intent"], found.exit_code) == ("order_status", 0)
    assert 0 <= told["confidence"] <= 1
    assert told["band"] in {"auto", "route", "general"}
    assert all(list(one) == ["intent", "confidence"] for one in told["alternatives"])
    assert json.loads(shell.run("classify", "--json", "x").stdout).keys() == told.keys()


def test_classify_reads_standard_input_and_looks_past_the_quoted_mail(shell):
    mail = "There is a charge on my card that I never made.\n\nOn Monday, Ann <ann@x.example> wrote:\n> where is my order?\n"
    assert json.loads(shell.run("classify", "-", input=mail).stdout)["intent"] == "billing_dispute"


def test_the_bands_of_the_file_decide_the_band(shell):
    text = "where is my order? it should have come last week"
    shell.file.write_text(shell.file.read_text() + "\n[bands]\nauto = 1.0\nroute = 0.1\n")
    assert json.loads(shell.run("classify", text).stdout)["band"] == "route"
    shell.file.write_text(shell.file.read_text().replace("route = 0.1", "route = 1.0"))
    assert json.loads(shell.run("classify", text).stdout)["band"] == "general"


def test_evaluating_a_file_counts_what_is_right(shell, tmp_path):
    rows = [(text, "order_status", "") for text in ORDERS[:10]] + [("xyzzy plugh", "", "")]
    file = labelled(tmp_path / "rows.csv", [*rows, (DISPUTES[0], "order_status", "")])
    found = shell.json("evaluate", file)
    assert (found["rows"], found["outside"]) == (12, 1)
    assert found["accuracy"] == pytest.approx(11 / 12)
    assert {"intent": "order_status", "guess": "billing_dispute", "rows": 1} in found["confusions"]
    assert "accuracy 0.917" in shell.run("evaluate", file).stdout


def test_evaluate_draws_what_it_measured(shell, tmp_path):
    file = labelled(tmp_path / "rows.csv", [(text, "order_status", "") for text in ORDERS[:5]])
    shell.run("evaluate", file, "--plot", str(tmp_path / "out.png"))
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["evaluate", "thresholds"])
def test_without_anything_to_measure_the_remedy_is_named_and_the_exit_code_is_2(shell, command):
    found = shell.run(command)
    assert found.exit_code == 2
    assert "give a FILE" in found.output


def test_a_file_that_cannot_be_read_is_named_with_its_line(shell, tmp_path):
    (tmp_path / "broken.jsonl").write_text('{"text": "a", "intent": "b"}\nnonsense\n')
    found = shell.run("evaluate", str(tmp_path / "broken.jsonl"))
    assert (found.exit_code, "broken.jsonl:2" in found.output) == (2, True)
    assert "Traceback" not in found.output


def test_a_follow_up_on_an_automatic_answer_counts_as_a_failure_whatever_its_label(shell):
    answered = {"auto_resolved_at": NOW - timedelta(days=10), "state": "auto_resolved"}
    remember(
        shell,
        [
            *[answered] * 90,
            {**answered, "reescalated_at": NOW, "label": "order_status"},
            {**answered, "check_verdict": "wrong"},
            {**answered, "auto_resolved_at": NOW - timedelta(hours=1)},  # nobody can know yet
            {"label": "billing_dispute"},
        ],
    )
    found = shell.json("thresholds")
    assert found["sources"] == {"answered": 90, "failed": 2, "label": 1}
    assert (found["rows"], found["overall"]["n"], found["overall"]["right"]) == (93, 93, 90)
    assert shell.json("evaluate")["accuracy"] == pytest.approx(90 / 93)


def test_a_proven_threshold_is_recommended_with_its_bound_and_kept_for_the_console(shell):
    engine = remember(shell, [{"label": "order_status"}] * 120)
    best = shell.json("thresholds")["overall"]
    assert (best["mode"], best["n"], best["right"]) == ("act", 120, 120)
    assert best["bound"] == pytest.approx(0.9753, abs=1e-3)  # 0.05 ** (1 / 120)
    from core.web.quality import proven

    with engine.connect() as conn:
        assert proven(conn)["overall"]["threshold"] == best["threshold"]


def test_whatif_replays_the_past_and_writes_nothing(shell, tmp_path):
    engine = remember(
        shell, [{"confidence": c / 100, "label": "order_status"} for c in range(50, 100)] + [{"label": "x_y"}]
    )
    shell.run("whatif")
    before = everything(engine)
    found = shell.json("whatif", "--auto", "0.95", "--route", "0.7", "--plot", str(tmp_path / "curve.png"))
    assert everything(engine) == before
    assert (found["now"]["answered"], found["now"]["routed"], found["now"]["general"]) == (16, 25, 10)
    assert (found["then"]["answered"], found["then"]["routed"], found["then"]["general"]) == (5, 26, 20)
    assert (found["now"]["wrong_answers"], found["then"]["wrong_answers"]) == (1, 0)
    assert (tmp_path / "curve.png").exists()
    assert shell.json("whatif", "--last", "7")["tickets"] == 7


def test_whatif_refuses_thresholds_that_cross(shell):
    found = shell.run("whatif", "--auto", "0.3")
    assert (found.exit_code, "below --route" in found.output) == (2, True)


def rows_to_learn_from():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    things = ("Paket", "Buch", "Hemd", "Kleid", "Stuhl", "Tisch", "Fahrrad", "Telefon", "Kissen", "Radio")
    whens = ("gestern", "heute", "am Montag", "letzte Woche", "im Mai", "am Freitag")
    words = [
        *[
            (f"mein {one} ist {at} nicht gekommen, wo bleibt es denn", "order_status")
            for one in things
            for at in whens
        ],
        *[
            (f"auf meiner Karte steht {at} ein {one}, das ich nie bezahlt habe", "billing_dispute")
            for one in things
            for at in whens
        ],
    ]
    return [
        (text, intent, (begin + timedelta(hours=i % 60)).isoformat())
        for i, (text, intent) in enumerate(words)
    ]


def test_a_better_model_is_kept_and_used_from_then_on(shell, tmp_path):
    shell.file.write_text(shell.file.read_text().replace('cache = "', f'cache = "{tmp_path}/own" # "'))
    file = labelled(tmp_path / "rows.csv", [*rows_to_learn_from(), ("hm", "unheard_of", "")])
    trained = shell.run("train", file, "--json")
    found = json.loads(trained.stdout)
    assert (found["verdict"], trained.exit_code) == ("replaced", 0), found
    assert {"intent": "unheard_of", "rows": 1, "reason": "the configuration knows no such intent"} in found[
        "refused"
    ]
    told = json.loads(shell.run("classify", "wo bleibt mein Paket denn").stdout)
    assert told["intent"] == "order_status"
    # the rows are German: that language's classifier learned them
    assert told["model"].startswith("trained-de-")

    for left in (tmp_path / "own").glob("trained*"):
        left.unlink()  # the machine is gone; its store is not
    worse = shell.run("train", labelled(tmp_path / "few.csv", rows_to_learn_from()[:12]), "--json")
    assert (json.loads(worse.stdout)["verdict"], worse.exit_code) == ("kept", 1)
    assert json.loads(shell.run("classify", "wo bleibt mein Paket denn").stdout)["model"] == told["model"]

    shell.file.write_text(
        shell.file.read_text()
        + '\n[intents.fishing]\nexamples = ["a fish", "the rod", "a pike", "some bait", "the lake"]\n'
    )
    assert json.loads(shell.run("classify", "wo bleibt mein Paket denn").stdout)["model"] != found["model"]


def test_labels_in_the_ledger_teach_and_our_own_guesses_do_not(shell):
    from core.learning import labelled_tickets

    engine = remember(
        shell,
        [
            {"label": "billing_dispute", "words": "a charge I never made"},
            {"auto_resolved_at": NOW - timedelta(days=30)},
            {"label": "billing_dispute"},
        ],
    )
    where = {"desk": "support", "message_id": "", "at": NOW, "state": "done"}
    with engine.begin() as conn:
        for number in (1, 2):
            row = {"key": f"support:{number}:created", "ticket_id": str(number), "words": f"words {number}"}
            conn.execute(decisions.insert().values(**where, **row))
    with engine.connect() as conn:
        found = labelled_tickets.examples(labelled_tickets.from_ledger(conn, NOW), {"billing_dispute": ()})
    assert sorted((one.text, one.intent) for one in found) == [
        ("a charge I never made", "billing_dispute"),
        ("words 2", "billing_dispute"),
    ]


def test_an_unknown_command_is_wrong_usage(shell):
    assert backstop("frobnicate").exit_code == 2


def test_a_ticket_labelled_none_of_these_is_an_example_of_none_and_adds_no_intent():
    from core.learning.labelled_tickets import LabelledTicket, examples

    def labelled(truth: str, source: str = "label", words: str = "Where is it?") -> LabelledTicket:
        return LabelledTicket("support", "1", NOW, "order_status", 0.9, truth, source, words)

    past = [
        labelled("order_status"),
        labelled("none_of_these"),
        labelled("unheard_of"),
        labelled("order_status", "answered"),
    ]
    assert [one.intent for one in examples(past, {"order_status": ()})] == ["order_status", "none_of_these"]


def test_evaluate_prints_how_much_of_what_is_urgent_is_seen_in_each_language(shell):
    found = json.loads(shell.run("evaluate", "--languages", "--json").stdout)["languages"]
    assert [one["language"] for one in found][:2] == ["en", "de"]
    assert all(one["known"] and one["urgent"]["of"] == 40 for one in found)
    low, high = found[1]["urgent"]["interval"]
    assert 0.8 < low < found[1]["urgent"]["right"] / 40 <= high <= 1
    told = plain_languages(found)
    assert "falsely urgent" in told
    assert told.count(" of 40") == 12


def test_classify_names_what_a_human_must_always_see(shell):
    told = json.loads(shell.run("classify", "where is my order? I want to die").stdout)
    assert [one["topic"] for one in told["safety"]] == ["self_harm"]
