"""A configuration that cannot be used is refused with file, key and remedy; the environment wins over the file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors import DESKS
from core import settings, wiring
from core.config.checks import warnings
from core.errors import ConfigError
from core.model import Priority

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
        path.write_text(base.format(home=tmp_path, vendor=list(DESKS)[1]) + text)
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
        ("[escalation]\npromise = { urgent = '0m' }\n", ["escalation.promise.urgent", "30m"]),
        ("[sweep]\nevery = '0s'\n", ["sweep.every", "30m"]),
        ("[classifier]\ntimeout = '0s'\n", ["classifier.timeout", "30m"]),
        ("public_url = 'backstop.example.com'\n", ["public_url", "https://host"]),
        ("public_url = 'https://[::1'\n", ["public_url", "https://host"]),
    ],
)
def test_a_fault_names_file_key_and_remedy(written, text, words):
    with pytest.raises(ConfigError) as caught:
        settings.load(written(text, base="" if "public_url" in text or "classifier" in text else BASE))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bands]\nauto = 0.5\nroute = 0.6\n", ["bands.auto", "below"]),
        ("[intents.order_status]\nauto = 0.5\n", ["intents.order_status.auto", "bands.route"]),
        ("[intents.billing_dispute]\nreply = 'x.txt'\n", ["never answered"]),
        ("[intents.order_status]\nreply = 'nowhere.txt'\n", ["no template nowhere.txt"]),
        ("[intents.mine]\nqueue = 'Q'\n", ["intents.mine.examples"]),
        ("[escalation]\nchannels = { urgent = ['sms:oncall'] }\n", ["no channel sms:oncall"]),
        ("[hours]\ntimezone = 'Mars/Olympus'\n", ["hours"]),
        ("[desks.other]\nvendor = 'nobody'\n", ["nobody"]),
        ("[desks.other]\nbase_url = 'x'\n", ["desks.other.vendor"]),
        ("[desks.other]\nvendor = '{vendor}'\ngeneral_queue = 'Q'\n", ["desks.other.base_url is missing"]),
        *(
            (
                f"[desks.other]\nvendor = '{{vendor}}'\ngeneral_queue = 'Q'\nbase_url = '{url}'\n",
                ["desks.other.base_url"],
            )
            for url in (
                "ftp://a.example",
                "a.example",
                "https://a.example/api/v2",
                "https://a.example?x=1",
                "https://a.example:0",
            )
        ),
    ],
)
def test_what_the_mission_forbids_is_refused_at_start_up(written, text, words):
    with pytest.raises(ConfigError) as caught:
        wiring.build(settings.load(written(text.replace("{vendor}", list(DESKS)[1]))))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[bands]\nauto = 0.8\n", "CF01"),
        ("[intents.order_status]\nauto = 0.7\n", "CF01"),
        ("[escalation]\nladder = []\n", "CF05"),
        ("[escalation]\nladders = { low = [] }\n", "CF05"),
        ("", "CF06"),
        (
            "[channels.slack.a]\n[channels.slack.b]\n[channels.slack.c]\n[escalation]\nchannels = { urgent = ['slack:a', 'slack:b', 'slack:c'] }\n",
            "CF02",
        ),
        ("[channels.email.a]\n[escalation]\nchannels = { urgent = ['email:a'] }\n", "CF03"),
        ("[channels.email.a]\n[escalation]\nchannels = { urgent = ['desk', 'email:a'] }\n", "CF03"),
        (
            "[channels.slack.a]\n[channels.sms.b]\n[escalation]\n"
            "channels = { urgent = ['slack:a', 'sms:b'], high = ['sms:b', 'slack:a'] }\n",
            "CF04",
        ),
        (
            "[channels.slack.a]\n[escalation]\nchannels = { urgent = ['slack:a'], high = ['slack:a'] }\n",
            "CF04",
        ),
    ],
)
def test_what_is_unwise_is_warned_of(written, text, code):
    assert code in {finding.code for finding in warnings(settings.load(written(text)))}


EXAMPLE = """
database_url = "sqlite:///backstop.db"
public_url   = "https://backstop.example.com"
[web]
host = "127.0.0.1"
port = 8080
[sweep]
every = "1m"
[classifier]
kind = "embedded"
[bands]
auto  = 0.85
route = 0.60
[desks.support]
vendor   = "{vendor}"
base_url = "https://acme.example.com"
mode     = "act"
general_queue = "Support"
only = {{ brands = ["Shop"] }}
ai_agents = []
wait_for_ai = "10m"
[intents.order_status]
priority = "low"
queue    = "Orders"
reply    = "order_status.txt"
examples = ["where is my order", "…"]
[intents.billing_dispute]
priority = "urgent"
queue    = "Billing"
examples = ["there is a charge on my card I did not make", "…"]
[escalation]
promise  = {{ urgent = "30m", high = "1h", normal = "4h", low = "1d" }}
channels = {{ urgent = ["sms:oncall", "slack:urgent"], high = ["slack:urgent"], normal = ["slack:support"], low = ["desk"] }}
ladder   = [ {{ after = "30m", notify = "team" }}, {{ after = "2h", notify = "manager", every = "4h" }} ]
ladders  = {{ low = [ {{ after = "1h", notify = "team" }}, {{ after = "1d", notify = "manager" }} ] }}
clock    = {{ urgent = "wall", high = "wall", normal = "business", low = "business" }}
[audiences]
manager = ["email:manager"]
[channels.slack.urgent]
[channels.slack.support]
[channels.sms.oncall]
to   = ["+15550100"]
from = "+15550199"
[channels.email.manager]
to       = ["manager@example.com"]
from     = "backstop@acme.example"
smtp_url = "smtp://127.0.0.1:25"
[hours]
timezone = "Europe/Berlin"
week     = {{ mon = "09:00-17:00", tue = "09:00-17:00", wed = "09:00-17:00", thu = "09:00-17:00", fri = "09:00-17:00" }}
holidays = "DE"
"""
SECRETS = {
    "CHANNELS__SLACK__URGENT__WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/one",
    "CHANNELS__SLACK__SUPPORT__WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/two",
    "CHANNELS__SMS__ONCALL__ACCOUNT_SID": "AC1",
    "CHANNELS__SMS__ONCALL__AUTH_TOKEN": "t",
}


@pytest.fixture
def example(written, tmp_path, monkeypatch):
    """The file that the contract prints, with the secrets that it leaves to the environment."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"BACKSTOP_{name}", value)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "order_status.txt").write_text("It is on its way.\n")
    return written("", base=EXAMPLE)


def test_the_example_of_the_contract_loads(example):
    loaded = settings.load(example)
    assert loaded.escalation.promise["low"] == timedelta(days=1)
    assert warnings(loaded) == []
    app = wiring.compose(loaded)
    assert list(app.channels) == ["desk", "slack:urgent", "slack:support", "sms:oncall", "email:manager"]
    assert [rung.notify for rung in app.rungs(Priority.LOW)] == ["team", "manager"]
    assert app.scope("support") == {"brands": {"shop"}}


def test_the_environment_spells_names_as_the_file_does(example, monkeypatch):
    """A variable's name is all capitals, and in a shell it has no hyphen."""
    text = example.read_text().replace("[desks.support]", "[desks.Web-Shop]")
    example.write_text(text.replace("slack.urgent", "slack.Urgent").replace("slack:urgent", "slack:Urgent"))
    monkeypatch.setenv("BACKSTOP_DESKS__WEB_SHOP__WEBHOOK_SECRET", "hush")
    monkeypatch.setenv("BACKSTOP_DESKS__WEB_SHOP__PROMISE__URGENT", "15m")
    monkeypatch.setenv("BACKSTOP_INTENTS__ORDER_STATUS__PRIORITY", "normal")
    app = wiring.compose(settings.load(example))
    assert app.desk_settings["Web-Shop"].secrets() == ["hush"]
    assert app.promised("Web-Shop", Priority.URGENT) == timedelta(minutes=15)
    assert app.rules["Web-Shop"].intents["order_status"].priority is Priority.NORMAL


@pytest.mark.parametrize("name", ["BACKSTOP_BANDZ__AUTO", "BACKSTOP_WEBB__TOKEN_FILE"])
def test_a_variable_of_a_table_that_does_not_exist_is_refused(example, monkeypatch, name):
    monkeypatch.setenv(name, "0.9")
    with pytest.raises(ConfigError, match=f"{name}: there is no table"):
        settings.load(example)


def test_a_table_and_a_list_of_a_desk_come_from_the_environment_as_json(example, monkeypatch):
    monkeypatch.setenv("BACKSTOP_DESKS__SUPPORT__ONLY", '{"groups": ["Returns"]}')
    monkeypatch.setenv("BACKSTOP_DESKS__SUPPORT__AI_AGENTS", '["12", "robot@shop.example"]')
    found = wiring.compose(settings.load(example)).desk_settings["support"]
    assert (found.only.groups, found.only.brands) == (["Returns"], [])
    assert found.ai_agents == ["12", "robot@shop.example"]


def test_an_id_may_be_written_as_a_number(example):
    text = example.read_text().replace('general_queue = "Support"', "general_queue = 360001234567")
    example.write_text(text.replace('queue    = "Orders"', "queue = 42"))
    rules = wiring.compose(settings.load(example)).rules["support"]
    assert (rules.general_queue, rules.intents["order_status"].queue) == ("360001234567", "42")


@pytest.mark.parametrize(
    "url", ["https://ACME.example.com/", "https://acme.example.com:443", "https://acme.example.com."]
)
def test_another_spelling_of_an_address_is_the_same_account(example, url):
    other = f'[desks.other]\nvendor = "{list(DESKS)[1]}"\nbase_url = "{url}"\ngeneral_queue = "Q"\n'
    example.write_text(example.read_text() + other)
    with pytest.raises(ConfigError, match=r"desks\.support and desks\.other are the same account"):
        wiring.compose(settings.load(example))


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
