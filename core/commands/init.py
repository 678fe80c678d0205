"""`backstop init`: a few questions, or flags, become `backstop.toml` and `.env`."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from connectors import DESKS, vendor_of
from core.admin.init import DEFAULTS, Answers, draft, faults, secret_names, write
from core.commands.common import common
from core.errors import ConfigError
from core.model import Mode
from core.settings import default_path

QUESTIONS = {
    "base_url": "Its address (https://…)",
    "public_url": "The address at which it will reach Backstop (https://…)",
    "general_queue": "The group, team or mailbox for messages without a sure intent",
    "timezone": "The time zone of your business hours",
    "slack_url": "A Slack incoming webhook for urgent tickets (empty: none)",
    "manager": "The manager's e-mail address for what nobody has claimed (empty: none)",
    "mail_from": "The sender of those mails",
    "smtp_url": "The mail server",
}


@click.command()
@click.option("--vendor", type=click.Choice(list(DESKS)), help="Which help desk.")
@click.option(
    "--name", default="support", show_default=True, help="What you call it; its hook is /hooks/NAME."
)
@click.option(
    "--mode", type=click.Choice([mode.value for mode in Mode]), default="observe", show_default=True
)
@click.option("--base-url", help="The help desk's address.")
@click.option("--public-url", help="Where the help desk will reach Backstop.")
@click.option("--general-queue", help="Group, team or mailbox for unsure messages.")
@click.option("--timezone", help="Of the business hours, as Europe/Berlin.")
@click.option("--holidays", help="A country, as DE or US.")
@click.option("--database-url", help="sqlite:///file or postgresql://user@host/name.")
@click.option("--slack-url", help="A Slack incoming webhook for urgent tickets.")
@click.option("--manager", help="The manager's e-mail address.")
@click.option("--mail-from", help="The sender of mails to the manager.")
@click.option("--smtp-url", help="The mail server.")
@click.option("--ask/--no-ask", default=None, help="Ask for what no flag says. [default: on a terminal]")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@common
def init(
    config: str | None, mode: str, ask: bool | None, force: bool, as_json: bool, **given: str | None
) -> None:
    """Ask a few questions and write a commented backstop.toml and .env."""
    path = Path(config) if config else default_path()
    asking = sys.stdin.isatty() if ask is None else ask
    try:
        answers = _answers(given, Mode(mode), asking)
        settings = vendor_of(answers.vendor).settings
        generated = {"webhook_secret": secrets.token_hex(20), "token": secrets.token_urlsafe(24)}
        written = write(path, draft(answers, secret_names(settings), generated), force=force)
    except ConfigError as err:
        raise click.UsageError(str(err)) from err
    _say(answers, [str(one) for one in written], as_json)


def _answers(given: dict[str, str | None], mode: Mode, asking: bool) -> Answers:
    """Return the answers: from the flags, then from the person, then the defaults. Raises ConfigError with every fault."""
    known: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if "vendor" not in known:
        if not asking:
            raise ConfigError(f"--vendor is missing: one of {', '.join(DESKS)}")
        click.echo(
            "`backstop setup` asks the same in the browser, tries each answer and shows it on your own tickets.",
            err=True,
        )
        known["vendor"] = click.prompt("Your help desk", type=click.Choice(list(DESKS)))
    defaults = {**DEFAULTS, "base_url": _address(known["vendor"]), "public_url": ""}
    for key, question in QUESTIONS.items():
        if asking and key not in known and _wanted(key, known):
            known[key] = click.prompt(
                question, default=defaults.get(key, ""), show_default=bool(defaults.get(key))
            )
    answers = Answers(**{"base_url": defaults["base_url"], "public_url": "", "mode": mode, **known})
    answers = replace(
        answers, base_url=answers.base_url.rstrip("/"), public_url=answers.public_url.rstrip("/")
    )
    wrong = [*_missing(answers), *faults(answers)]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return answers


def _wanted(key: str, known: dict[str, Any]) -> bool:
    return bool(known.get("manager")) if key in {"mail_from", "smtp_url"} else True


def _address(vendor: str) -> str:
    """Return the one address that a vendor has for all accounts; "" where each account has its own."""
    return str(vendor_of(vendor).settings.model_fields["base_url"].default or "")


def _missing(answers: Answers) -> list[str]:
    return [
        f"--{key.replace('_', '-')} is missing: {QUESTIONS[key][0].lower()}{QUESTIONS[key][1:]}"
        for key in ("base_url", "public_url", "general_queue")
        if not getattr(answers, key)
    ]


def _say(answers: Answers, written: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"written": written, "desk": answers.name, "mode": answers.mode.value}))
        return
    click.echo(f"Wrote {' and '.join(written)}.")
    click.echo("Next:")
    click.echo("  1. put the help desk's credentials into .env")
    click.echo(f"  2. backstop doctor {answers.name}")
    click.echo(f"  3. backstop plan {answers.name}, then backstop install {answers.name}")
    click.echo("  4. backstop serve")
    if answers.mode is Mode.OBSERVE:
        click.echo(
            "It begins by watching: nothing is written to the help desk until `mode` says suggest or act."
        )
