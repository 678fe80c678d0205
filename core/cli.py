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
        "Run receiver, worker and timers in one process: the default for one machine.",
    ),
    "web": (
        "core.commands.receive:web",
        "Run only the receiver and the console; any number on one Postgres.",
    ),
    "worker": ("core.commands.run:worker", "Run only a worker with the timers; any number on one Postgres."),
    "demo": ("core.commands.run:demo", "Show the whole product on this machine, with a sandbox help desk."),
    "setup": (
        "core.commands.setup:setup",
        "Set up Backstop in the browser, see it on your own tickets and start observing.",
    ),
    "init": ("core.commands.init:init", "Ask a few questions and write a commented backstop.toml and .env."),
    "plan": ("core.commands.desk:plan", "Show what install would create or change in a help desk, and why."),
    "install": (
        "core.commands.desk:install",
        "Create what is missing in a help desk; what people changed is left as it is.",
    ),
    "uninstall": ("core.commands.desk:uninstall", "Remove from a help desk exactly what install created."),
    "connect": (
        "core.commands.desk:connect",
        "Connect a desk in the browser (OAuth); also repairs a revoked or expired connection.",
    ),
    "pause": (
        "core.commands.desk:pause",
        "Put a desk on hold at once: new events wait, and nothing is written there.",
    ),
    "resume": (
        "core.commands.desk:resume",
        "Resume a desk that is on hold, and process the events that waited.",
    ),
    "doctor": (
        "core.commands.desk:doctor",
        "Check every credential, permission, webhook, route, channel and text; exit 1 if any check fails.",
    ),
    "classify": (
        "core.commands.learn:classify",
        'Show intent, confidence and band of TEXT ("-" reads standard input).',
    ),
    "train": (
        "core.commands.learn:train",
        "Learn from FILE, a desk's history or the ledger's labels, and keep the better model.",
    ),
    "evaluate": (
        "core.commands.measure:evaluate",
        "Measure the classifier on FILE (CSV or JSONL with text and intent), or on the ledger's labels.",
    ),
    "surge": (
        "core.commands.surge:surge",
        "List intents that arrive far more often than usual; --say sends one text to all of their customers.",
    ),
    "thresholds": (
        "core.commands.measure:thresholds",
        "Find the lowest thresholds whose precision is proven, on FILE or on the ledger's labels.",
    ),
    "backtest": (
        "core.commands.replay:backtest",
        "Show what Backstop would have done with a desk's past tickets, before going live.",
    ),
    "whatif": (
        "core.commands.replay:whatif",
        "Replay recent tickets with other thresholds or another configuration; nothing is written.",
    ),
    "sweep": (
        "core.commands.ledger:sweep",
        "Look for changed tickets once, and send the reminders that are due.",
    ),
    "audit": (
        "core.commands.ledger:audit",
        "Compare the help desk's tickets with the ledger, and repair what is missing.",
    ),
    "report": (
        "core.commands.look:report",
        "Print the weekly figures with counts, intervals, targets and advice.",
    ),
    "show": ("core.commands.show:show", "Show everything that happened to one ticket, in order, and why."),
    "retry": (
        "core.commands.ledger:retry",
        'List failed events and refused calls; with an ID, a ticket\'s id or "all", try them again.',
    ),
    "forget": ("core.commands.ledger:forget", "Erase a person's data from the ledger."),
    "prune": ("core.commands.ledger:prune", "Delete now what is older than the retention periods."),
    "migrate-store": (
        "core.commands.ledger:migrate_store",
        "Copy the ledger to another database; stop all processes first.",
    ),
    "mcp": (
        "core.commands.assistants:mcp",
        "Answer assistants over the Model Context Protocol: what waits, why, and the week.",
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
