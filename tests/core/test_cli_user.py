"""Who may look at the console, from the command line."""

from __future__ import annotations

import pytest
from command import Shell

from core.app import wall
from core.ledger import db
from core.web import users


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path).with_store()


def store(shell):
    return db.connect(f"sqlite:///{shell.home}/backstop.db")


def test_a_link_lets_the_new_user_in_once(shell):
    assert shell.run("user", "add", "ann", "--role", "admin", "--email", "ann@desk.example").exit_code == 0
    url = shell.json("user", "link", "ann")["url"]
    assert url.startswith("https://backstop.example.com/login/link/")
    token = url.rpartition("/")[2]
    found = users.use_link(store(shell), token, wall())
    assert (found.name, found.role) == ("ann", users.Role.ADMIN)
    assert users.use_link(store(shell), token, wall()) is None


def test_a_disabled_user_gets_no_link_and_is_shown_as_such(shell):
    shell.run("user", "add", "ann")
    assert shell.run("user", "disable", "ann").exit_code == 0
    refused = shell.run("user", "link", "ann")
    assert (refused.exit_code, "backstop user add ann" in refused.output) == (2, True)
    assert shell.json("user", "list") == [
        {"name": "ann", "role": "viewer", "email": "", "disabled": True, "has_password": False}
    ]
    assert "disabled" in shell.run("user", "list").output


def test_a_password_is_prompted_for_and_accepted(shell):
    made = shell.run("user", "add", "bob", "--password", input="a long password\na long password\n")
    assert made.exit_code == 0, made.output
    assert users.log_in(store(shell), "bob", "a long password", wall()) is not None
    assert users.log_in(store(shell), "bob", "another password", wall()) is None


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("add", "ann", "--role", "king"), "viewer, agent, admin"),
        (("disable", "nobody"), "no user called nobody"),
        (("link", "nobody"), "no user called nobody"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(shell, args, words):
    found = shell.run("user", *args)
    assert (found.exit_code, words in found.output) == (2, True), found.output


def test_no_users_yet_is_an_answer(shell):
    assert "no users yet" in shell.run("user", "list").output
