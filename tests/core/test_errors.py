"""Every error that reaches a person has a code of its own and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import cli, errors

PAGE = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")
KINDS = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.BackstopError) and "code" in vars(kind)
    ),
    key=lambda kind: kind.code,
)
CODES = [
    "BS00",
    "BS01",
    "BS02",
    "BS03",
    "BS04",
    "BS05",
    "BS10",
    "BS11",
    "BS12",
    "BS13",
    "BS14",
    "BS15",
    "BS16",
    "BS17",
    "BS18",
]


def test_no_code_is_used_twice_or_changed():
    assert [kind.code for kind in KINDS] == CODES


@pytest.mark.parametrize("kind", KINDS, ids=CODES)
def test_the_page_of_codes_says_the_remedy_that_the_error_says(kind):
    assert "remedy" in vars(kind), "a kind with a code of its own has a remedy of its own"
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {kind.code} |")]
    assert row.endswith(f"| {kind.remedy} |")


def test_a_command_that_cannot_go_on_says_what_to_do(monkeypatch, capsys):
    def no_token(*_, **__):
        raise errors.TryLater("no token from Zendesk (ConnectionError)")

    monkeypatch.setattr(cli, "backstop", no_token)
    with pytest.raises(SystemExit, match="1"):
        cli.main(["doctor"])
    said = capsys.readouterr().err
    assert said.startswith("BS11: no token from Zendesk (ConnectionError): try again in a minute")
    assert "base_url" in said
    assert len(said.splitlines()) == 1
