"""`backstop init`: what it writes can be used at once, and nothing that is there is lost."""

from __future__ import annotations

import os
import stat
import tomllib
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import DESKS
from connectors.channels import build
from core.admin.init import Answers, draft
from core.cli import backstop
from core.rules import hours_of
from core.settings import load
from core.wiring import desk_settings_of

FLAGS = {
    "--base-url": "https://desk.example.com",
    "--public-url": "https://backstop.example.com/",
    "--general-queue": "Unsorted",
    "--timezone": "Europe/Berlin",
    "--holidays": "DE",
    "--manager": "manager@example.com",
    "--mail-from": "backstop@example.com",
    "--slack-url": "https://hooks.slack.example/T/B/secret-part",
}


@pytest.fixture(autouse=True)
def _environment_as_before(monkeypatch):
    """Loading a configuration puts `.env` into the environment."""
    before = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTOP_")}
    monkeypatch.setattr(os, "environ", before)


def run(tmp_path, *args, flags=None, **kwargs):
    given_flags = [part for pair in (FLAGS if flags is None else flags).items() for part in pair]
    return CliRunner().invoke(
        backstop, ["init", "--config", str(tmp_path / "backstop.toml"), *args, *given_flags], **kwargs
    )


@pytest.mark.parametrize("vendor", DESKS)
def test_what_init_writes_is_a_configuration_that_loads_with_its_secrets(tmp_path, vendor):
    assert run(tmp_path, "--vendor", vendor).exit_code == 0
    loaded = load(tmp_path / "backstop.toml")
    desk = desk_settings_of(loaded, "support")
    assert (desk.vendor, desk.general_queue, str(desk.mode)) == (vendor, "Unsorted", "observe")
    assert len(desk.secrets()[0]) == 40
    assert loaded.public_url == "https://backstop.example.com"
    token = loaded.web.token
    assert token is not None
    assert len(token.get_secret_value()) > 20
    channels = build(loaded.channels, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))
    named = {ref for refs in loaded.escalation.channels.values() for ref in refs}
    assert named | set(loaded.audiences["manager"]) <= set(channels)
    assert hours_of(loaded)


def test_no_secret_is_in_the_file_that_gets_shared_and_the_other_is_for_its_owner_alone(tmp_path):
    run(tmp_path, "--vendor", "zendesk")
    shared, secret = (tmp_path / "backstop.toml").read_text(), tmp_path / ".env"
    assert "secret-part" not in shared
    assert "secret-part" in secret.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["backstop.toml", ".env"])
def test_an_existing_file_is_kept_unless_forced(tmp_path, there):
    (tmp_path / there).write_text("mine")
    refused = run(tmp_path, "--vendor", "zendesk")
    assert refused.exit_code == 2
    assert there in refused.output
    assert "--force" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"
    assert run(tmp_path, "--vendor", "zendesk", "--force").exit_code == 0
    assert (tmp_path / there).read_text() != "mine"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("flag", "value", "remedy"),
    [
        ("--base-url", "acme.zendesk.com", "https://host"),
        ("--base-url", "https://acme.zendesk.com/api/v2", "without a path"),
        ("--public-url", "ftp://x", "https://host"),
        ("--public-url", "", "--public-url is missing"),
        ("--timezone", "Berlin", "Europe/Berlin"),
        ("--name", "My Desk", "small letters"),
        ("--mail-from", "", "--mail-from is missing"),
    ],
)
def test_a_wrong_answer_is_named_with_its_remedy_and_nothing_is_written(tmp_path, flag, value, remedy):
    told = run(tmp_path, "--vendor", "zendesk", flags={**FLAGS, flag: value})
    assert told.exit_code == 2
    assert remedy in told.output
    assert "Traceback" not in told.output
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_there_is_no_prompt_and_the_missing_flag_is_named(tmp_path):
    told = run(tmp_path, flags={})
    assert told.exit_code == 2
    assert "--vendor is missing" in told.output


def test_missing_flags_are_prompted_for_and_an_empty_line_takes_the_default(tmp_path):
    answers = "zendesk\nhttps://acme.zendesk.com\nhttps://b.example.com\n\n\n\n\n"
    told = run(tmp_path, "--ask", flags={}, input=answers)
    assert told.exit_code == 0, told.output
    loaded = load(tmp_path / "backstop.toml")
    assert loaded.desks["support"]["base_url"] == "https://acme.zendesk.com"
    assert loaded.desks["support"]["general_queue"] == "Support"
    assert loaded.channels == {}


def test_a_program_gets_one_json_document(tmp_path):
    import json

    told = json.loads(run(tmp_path, "--vendor", "freshdesk", "--json").output)
    assert told["desk"] == "support"
    assert {path.rpartition("/")[2] for path in told["written"]} == {"backstop.toml", ".env"}


@settings(deadline=None, max_examples=60)  # a busy machine is no fault of ours
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_of_a_queue_reads_back_as_it_was_given(queue):
    answers = Answers("zendesk", "https://a.example", "https://b.example", general_queue=queue)
    text = draft(answers, [], {"token": "t"}).toml
    assert tomllib.loads(text)["desks"]["support"]["general_queue"] == queue


def test_a_secret_with_quotes_and_dollars_reads_back_as_it_was_given(tmp_path):
    from dotenv import dotenv_values

    odd = 'it\'s a \\ "secret" $HOME #1'
    answers = Answers("zendesk", "https://a.example", "https://b.example")
    (tmp_path / ".env").write_text(
        draft(answers, ["client_secret"], {"client_secret": odd, "token": "t"}).env
    )
    assert dotenv_values(tmp_path / ".env")["BACKSTOP_DESKS__SUPPORT__CLIENT_SECRET"] == odd
