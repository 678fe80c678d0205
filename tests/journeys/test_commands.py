"""The commands for a desk, as they are typed: what is printed, and the exit code."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from account import shell_of, without_hooks

from core.app import wall
from core.ledger import store
from core.ledger.installed import manifest_of

ONE = pytest.mark.parametrize("vendor", ["freshdesk"])


@pytest.fixture
def house_and_shell(house, vendor):
    h = without_hooks(house(), vendor)
    return h, shell_of(h)


def test_what_no_api_does_is_printed_as_numbered_clicks(house_and_shell):
    _, shell = house_and_shell
    said = shell.run("plan", "support").output
    assert re.search(r"^create +\w+ '.*' *– .+", said, re.MULTILINE), said
    assert "by hand" in said
    assert re.search(r"^1\. .+", said, re.MULTILINE), said
    assert re.search(r"^   1\.1\. .+", said, re.MULTILINE), said
    assert said.rstrip().endswith("nothing was changed")


def test_the_steps_are_printed_as_json_too(house_and_shell):
    h, shell = house_and_shell
    planned = shell.json("plan", "support")
    assert set(planned) == {"desk", "steps"}
    assert set(planned["steps"][0]) == {"action", "kind", "name", "why", "id", "details"}
    installed = shell.json("install", "support")
    made = [one for one in installed["steps"] if one["action"] == "create"]
    objects = [kept for kept in manifest_of(h.app.engine, "support").values() if "hash" in kept]
    assert len(made) == len(objects), "beside them it keeps a secret and the bot's own id"
    assert all(one["id"] for one in made)
    listed = shell.json("uninstall", "support", "--plan")
    assert [one["action"] for one in listed["steps"] if one["action"] != "by_hand"] == ["delete"] * len(made)
    assert manifest_of(h.app.engine, "support")
    assert shell.run("uninstall", "support").exit_code == 0
    assert manifest_of(h.app.engine, "support") == {}


@ONE
def test_a_customers_words_do_not_drive_the_terminal_of_who_reads_them(house):
    h = house()
    case = h.writes_in("My parcel is late", subject="\x1b[2J\x1b]0;owned\x07 \u202eevil")
    with h.app.engine.begin() as db:
        store.log(db, ("support", str(case.id)), h.now, "noted", "\x1b[31mred \u202edrawkcab")
    said = shell_of(h).run("show", "support", str(case.id)).output
    assert "red drawkcab" in said
    assert not set(said) & set("\x1b\x07\u202e")


@ONE
def test_a_failing_doctor_exits_with_1_and_prints_the_reason_as_json(house_and_shell):
    _, shell = house_and_shell
    found = shell.run("doctor", "--json")
    assert found.exit_code == 1
    told = shell.json("doctor")
    assert told["ok"] is False
    assert {"code", "level", "what", "remedy"} == set(told["findings"][0])
    lines = shell.run("doctor", "support").output.splitlines()
    assert all(re.match(r"[A-Z]{2}\d\d (ok|warn|fail) +support: ", line) for line in lines), lines


@ONE
@pytest.mark.parametrize("command", ["plan", "install", "uninstall", "doctor", "connect", "pause", "resume"])
def test_a_desk_that_is_not_configured_is_wrong_usage(house_and_shell, command):
    _, shell = house_and_shell
    found = shell.run(command, "nowhere")
    assert (found.exit_code, "no desk called nowhere: one of support" in found.output) == (2, True)


@ONE
def test_without_a_public_address_nothing_is_installed(house_and_shell):
    h, shell = house_and_shell
    text = shell.file.read_text()
    shell.file.write_text(text.replace('public_url = "https://backstop.example.com"\n', ""))
    found = shell.run("install", "support")
    assert (found.exit_code, "public_url is missing" in found.output) == (2, True)
    assert manifest_of(h.app.engine, "support") == {}


@ONE
def test_a_week_that_is_none_is_refused_with_the_form_to_write(house_and_shell):
    _, shell = house_and_shell
    found = shell.run("report", "--week", "last one")
    assert found.exit_code == 2
    assert "Traceback" not in found.output
    assert shell.run("report").exit_code == 0


def test_a_desks_history_is_learned_from_the_command_line(house_and_shell):
    h, shell = house_and_shell
    h.now = wall() - timedelta(minutes=10)
    for n, thing in enumerate(
        ("parcel", "book", "chair", "table", "lamp", "radio", "shirt", "dress", "shoe", "hat")
    ):
        case = h.desk.customer_writes(
            f"Where is my {thing}?", subject="x", email=f"{n}@example.com", name="C"
        )
        h.desk.agent_sets(case.id, h.ann.id, tags=["ai_intent_order_status"])
    h.now = wall()
    found = shell.run("train", "--from", "support", "--since", "30d", "--json")
    import json

    told = json.loads(found.stdout)
    assert (told["used"], told["intents"]) == (10, ["order_status"])
    assert (told["verdict"], found.exit_code) == ("kept", 1)
    assert "newer tickets to compare on" in told["reason"]


@ONE
def test_a_span_that_is_none_is_refused(house_and_shell):
    _, shell = house_and_shell
    found = shell.run("train", "--from", "support", "--since", "long ago")
    assert (found.exit_code, "--since" in found.output) == (2, True)
