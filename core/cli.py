"""The command line: `backstop`. Exits 0 on success, 1 when what was checked does not hold, 2 on wrong usage or configuration."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from core import __version__
from core.errors import BackstopError, ConfigError, with_remedy

WRONG = 2
STORE = "core.cli.store"  # in click's context: name and address of the store that the command uses


TABLE = {
    "serve": (
        "core.commands.run:serve",
        "Receiver, worker and timers in one process: the default for one machine.",
    ),
    "web": ("core.commands.receive:web", "Only the receiver and the console; any number on one Postgres."),
    "worker": ("core.commands.run:worker", "Run only a worker with the timers; any number on one Postgres."),
    "demo": ("core.commands.run:demo", "The whole product on this machine, with a sandbox help desk."),
    "setup": (
        "core.commands.setup:setup",
        "Set up in the browser: connect, see it on your own tickets, write the configuration, and watch.",
    ),
    "init": ("core.commands.init:init", "Write a commented backstop.toml and .env."),
    "plan": ("core.commands.desk:plan", "What install would make or change in a desk, and why."),
    "install": (
        "core.commands.desk:install",
        "Make what is missing in a desk; what people changed is left as it is.",
    ),
    "uninstall": ("core.commands.desk:uninstall", "Remove exactly what install made in a desk."),
    "connect": (
        "core.commands.desk:connect",
        "Connect a desk in the browser (OAuth); also repairs a revoked or expired connection.",
    ),
    "pause": (
        "core.commands.desk:pause",
        "Put a desk on hold at once: events are stored and wait, nothing is written.",
    ),
    "resume": ("core.commands.desk:resume", "Resume a desk; events that waited are processed."),
    "doctor": (
        "core.commands.desk:doctor",
        "Try every credential, permission, webhook, route, channel and text; exit 1 when anything fails.",
    ),
    "classify": (
        "core.commands.learn:classify",
        "What the classifier makes of TEXT (or of standard input: -).",
    ),
    "train": (
        "core.commands.learn:train",
        "Learn from FILE, a desk's history, or the ledger's labels; the better model stays.",
    ),
    "evaluate": (
        "core.commands.measure:evaluate",
        "How good the classifier is: on FILE (CSV or JSONL with text and intent), else on what the ledger knows.",
    ),
    "surge": (
        "core.commands.surge:surge",
        "List the intents that come far more often than usual; --say sends one text to all of their customers.",
    ),
    "thresholds": (
        "core.commands.measure:thresholds",
        "The lowest thresholds whose precision is proven: on FILE, else on what the ledger knows.",
    ),
    "backtest": (
        "core.commands.replay:backtest",
        "Before going live: what would have been done with a desk's own past tickets.",
    ),
    "whatif": (
        "core.commands.replay:whatif",
        "The last tickets replayed through other thresholds, or through a whole other configuration; writes nothing.",
    ),
    "sweep": ("core.commands.ledger:sweep", "Run one sweep and send the reminders that are due."),
    "audit": ("core.commands.ledger:audit", "Compare the desk's tickets with the ledger."),
    "report": ("core.commands.look:report", "The weekly figures with counts, intervals, targets, advice."),
    "show": ("core.commands.look:show", "Everything that happened to one ticket and why, in order."),
    "retry": (
        "core.commands.ledger:retry",
        'List the dead letters and refused calls; with an ID or a ticket\'s id (or "all") try again.',
    ),
    "forget": ("core.commands.ledger:forget", "Erase a person from the ledger."),
    "prune": ("core.commands.ledger:prune", "Apply retention now."),
    "migrate-store": (
        "core.commands.ledger:migrate_store",
        "Copy the ledger from the configured database to another one; nothing may run meanwhile.",
    ),
    "mcp": (
        "core.commands.assistants:mcp",
        "Answer an assistant by the Model Context Protocol: what waits, why, the week.",
    ),
    "user": ("core.commands.user:user", "Manage who may use the console."),
}
"""Each command with the place of its function and its line in `backstop --help`: that page loads no command."""


class Lazy(click.Group):
    """Commands are imported when they are called: `backstop --help` needs no numpy. Errors of the store are
    reported in one place, for all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is asked for."""
        if cmd_name not in TABLE:
            return None
        place, _, name = TABLE[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(place), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in TABLE.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a store that fails is a ConfigError that says where it is and what to do."""
        try:
            return super().invoke(ctx)
        except (
            click.ClickException,
            click.exceptions.Exit,
            click.exceptions.Abort,
            BackstopError,
            ConfigError,
        ):
            raise
        except Exception as err:
            from core.ledger import db, trouble

            if not trouble.of_the_store(err):
                raise
            name, url = ctx.meta.get(STORE, ("the store", ""))
            raise ConfigError(f"{name}: {db.where(url)} {trouble.words(err)}") from err


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="backstop %(version)s")
def backstop() -> None:
    """The escalation layer that does not lose tickets."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command; errors are one line for the person who can fix them."""
    try:
        code = backstop(args, standalone_mode=False)  # click returns an Exit's code instead of raising it
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as err:
        err.show()
        sys.exit(WRONG)
    except ConfigError as err:
        _complain(str(err))
        sys.exit(WRONG)
    except BackstopError as err:
        _complain(with_remedy(err))
        sys.exit(1)
    except BrokenPipeError:  # the reader closed the pipe; Python must not complain of it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as err:
        if err.filename is None:
            raise
        _complain(
            f"{err.filename}: {err.strerror}: name another place, or give this user read and write access"
        )
        sys.exit(WRONG)


def _complain(text: str) -> None:
    """Print to standard error, whatever bytes were typed."""
    click.echo(text.encode("utf-8", "replace").decode(), err=True)


if __name__ == "__main__":
    main()
