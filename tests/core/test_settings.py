"""A configuration that cannot be used is refused with file, key and remedy; the environment wins over the file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import settings, wiring
from core.config.checks import warnings
from core.errors import ConfigError

BASE = """
database_url = "sqlite:///{home}/b.db"
[classifier]
cache = "{home}"
[desks.support]
vendor = "{vendor}"
base_url = "http://127.0.0.1:9"
general_queue = "Support"
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    for name in ("BACKSTOP_CONFIG", "BACKSTOP_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def write(text: str = "", base: str = BASE):
        path = tmp_path / "backstop.toml"
        path.write_text(base.format(home=tmp_path, vendor=list(wiring.DESKS)[1]) + text)
        return path

    return write


def test_the_environment_wins_over_the_file_and_secrets_may_come_from_files(written, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("from a file\n")
    monkeypatch.setenv("BACKSTOP_BANDS__AUTO", "0.9")
    monkeypatch.setenv("BACKSTOP_WEB__TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("BACKSTOP_DESKS__SUPPORT__WEBHOOK_SECRET", "one,two")
    loaded = settings.load(written("[sweep]\nevery = '90s'\n"))
    assert loaded.bands.auto == 0.9
    assert loaded.web.token.get_secret_value() == "from a file"
    assert loaded.sweep.every == timedelta(seconds=90)
    assert loaded.desks["support"]["webhook_secret"] == "one,two"
    assert "from a file" not in repr(loaded)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bands]\nautoo = 1\n", ["backstop.toml", "bands.autoo", "spelling"]),
        ("[bands]\nauto = 1.5\n", ["bands.auto"]),
        ("[sweep]\nevery = 'soon'\n", ["sweep.every", "30m"]),
        ("[broken\n", ["backstop.toml"]),
        ("[escalation]\npromise = { someday = '1h' }\n", ["escalation.promise"]),
    ],
)
def test_a_fault_names_file_key_and_remedy(written, text, words):
    with pytest.raises(ConfigError) as caught:
        settings.load(written(text))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bands]\nauto = 0.5\nroute = 0.6\n", ["bands.auto", "below"]),
        ("[intents.billing_dispute]\nreply = 'x.txt'\n", ["never answered"]),
        ("[intents.order_status]\nreply = 'nowhere.txt'\n", ["no template nowhere.txt"]),
        ("[intents.mine]\nqueue = 'Q'\n", ["intents.mine.examples"]),
        ("[escalation]\nchannels = { urgent = ['sms:oncall'] }\n", ["no channel sms:oncall"]),
        ("[hours]\ntimezone = 'Mars/Olympus'\n", ["hours"]),
        ("[desks.other]\nvendor = 'nobody'\n", ["nobody"]),
        ("[desks.other]\nbase_url = 'x'\n", ["desks.other.vendor"]),
    ],
)
def test_what_the_mission_forbids_is_refused_at_start_up(written, text, words):
    with pytest.raises(ConfigError) as caught:
        wiring.build(settings.load(written(text)))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[bands]\nauto = 0.8\n", "CF01"),
        ("[escalation]\nladder = []\n", "CF05"),
        ("", "CF06"),
        (
            "[channels.slack.a]\n[channels.slack.b]\n[channels.slack.c]\n[escalation]\nchannels = { urgent = ['slack:a', 'slack:b', 'slack:c'] }\n",
            "CF02",
        ),
        ("[channels.email.a]\n[escalation]\nchannels = { urgent = ['email:a'] }\n", "CF03"),
        (
            "[channels.slack.a]\n[escalation]\nchannels = { urgent = ['slack:a'], high = ['slack:a'] }\n",
            "CF04",
        ),
    ],
)
def test_what_is_unwise_is_warned_of(written, text, code):
    assert code in {finding.code for finding in warnings(settings.load(written(text)))}


def test_the_example_of_the_contract_loads(written):
    text = """
    database_url = "sqlite:///backstop.db"
    public_url = "https://backstop.example.com"
    [web]
    host = "127.0.0.1"
    port = 8080
    [sweep]
    every = "1m"
    [classifier]
    kind = "embedded"
    [bands]
    auto = 0.85
    route = 0.60
    [desks.support]
    vendor = "any"
    base_url = "https://acme.example.com"
    mode = "act"
    general_queue = "Support"
    [intents.order_status]
    priority = "low"
    queue = "Orders"
    reply = "order_status.txt"
    examples = ["where is my order", "…"]
    [escalation]
    promise = {{ urgent = "30m", high = "1h", normal = "4h", low = "1d" }}
    channels = {{ urgent = ["sms:oncall", "slack:urgent"], high = ["slack:urgent"], normal = ["slack:support"], low = ["desk"] }}
    ladder = [ {{ after = "30m", notify = "team" }}, {{ after = "2h", notify = "manager" }} ]
    [audiences]
    manager = ["email:manager"]
    [channels.slack.urgent]
    [channels.slack.support]
    [channels.sms.oncall]
    to = ["+15550100"]
    from = "+15550199"
    [channels.email.manager]
    to = ["manager@example.com"]
    from = "backstop@acme.example"
    smtp_url = "smtp://127.0.0.1:25"
    [hours]
    timezone = "Europe/Berlin"
    week = {{ mon = "09:00-17:00", fri = "09:00-17:00" }}
    holidays = "DE"
    """
    loaded = settings.load(written("", base=text))
    assert loaded.escalation.promise["low"] == timedelta(days=1)
    assert warnings(loaded) == []


@pytest.mark.parametrize("name", ["OrderStatus", '"order status"', '"-x"', '"größe"'])
def test_an_intents_name_is_one_that_every_desk_keeps_as_it_is(written, name):
    with pytest.raises(ConfigError, match="small letters, digits, _ and - only"):
        settings.load(written(f'[intents.{name}]\nqueue = "Orders"\n'))


@pytest.mark.parametrize("text", ["a@x.example,b@x.example", '["a@x.example", "b@x.example"]'])
def test_a_list_comes_from_the_environment_with_commas_or_as_json(written, monkeypatch, text):
    monkeypatch.setenv("BACKSTOP_WEB__OIDC_ADMINS", text)
    monkeypatch.setenv("BACKSTOP_ESCALATION__CHANNELS__URGENT", "sms:oncall,slack:urgent")
    monkeypatch.setenv("BACKSTOP_WEB__TOKENS__BOT__ROLE", "agent")
    monkeypatch.setenv("BACKSTOP_WEB__TOKENS__BOT__SECRET", "12345")
    found = settings.load(written())
    assert found.web.oidc_admins == ["a@x.example", "b@x.example"]
    assert found.escalation.channels["urgent"] == ["sms:oncall", "slack:urgent"]
    assert [one.get_secret_value() for one in found.web.tokens["bot"].secret] == ["12345"]


def test_what_is_no_list_in_the_environment_is_said_by_its_key(written, monkeypatch):
    monkeypatch.setenv("BACKSTOP_ESCALATION__CHANNELS", "slack:urgent")
    with pytest.raises(ConfigError, match=r"escalation\.channels"):
        settings.load(written())


def test_a_token_has_one_role(written, monkeypatch):
    monkeypatch.setenv("BACKSTOP_WEB__TOKEN", "same")
    monkeypatch.setenv("BACKSTOP_WEB__TOKENS__BOT__SECRET", "other,same")
    file = written('[web.tokens.bot]\nrole = "admin"\n')
    with pytest.raises(ConfigError, match=r"web\.tokens\.bot\.secret is also web\.token"):
        wiring.compose(settings.load(file))
