"""A log line about an exception names its place in the code and none of its data."""

from __future__ import annotations

import logging

import pytest
import structlog

from core.errors import ConfigError, Refused, said_of
from core.telemetry import logs

SECRET = "Bearer 0123456789"


FORMS = pytest.mark.parametrize("json", [True, False], ids=["json", "terminal"])


@pytest.fixture(autouse=True)
def restored_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def fail():
    try:
        int(SECRET)
    except ValueError as err:
        raise KeyError(SECRET) from err


@FORMS
@pytest.mark.parametrize(
    "log", [logging.getLogger("x"), structlog.get_logger("x")], ids=["logging", "structlog"]
)
def test_a_logged_exception_names_its_class_and_its_place_and_no_value(json, log, capsys):
    logs.set_up(json=json)
    try:
        fail()
    except KeyError:
        log.exception("unhandled exception")
    said = capsys.readouterr().err
    assert SECRET not in said
    assert said.index("ValueError") < said.index("KeyError")
    assert "in fail" in said


@FORMS
def test_our_own_words_are_said(json, capsys):
    logs.set_up(json=json)
    logging.getLogger("x").error("a call", exc_info=Refused("the group Orders is not there", status=422))
    assert "Refused: the group Orders is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (ConfigError("bands.auto is below bands.route"), "bands.auto is below bands.route"),
        (KeyError(SECRET), "KeyError"),
        (
            FileNotFoundError(2, "No such file or directory", SECRET),
            "FileNotFoundError: No such file or directory",
        ),
        (OSError(SECRET), "OSError"),
    ],
)
def test_what_is_said_of_an_exception(err, said):
    assert said_of(err) == said
