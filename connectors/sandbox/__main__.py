"""`python -m connectors.sandbox`: a help desk on this machine, in memory, for trying Backstop without an account."""

from __future__ import annotations

import signal
import threading

import click

from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.fake import KEY, Fake, make_fake
from connectors.sandbox.server import serving

HOOK = "http://127.0.0.1:8080/hooks/support"
QUEUES = ("Support", "Orders", "Billing", "Tech")


@click.command("python -m connectors.sandbox")
@click.option("--port", default=8700, show_default=True, help="0 takes a free one.")
@click.option("--hook", default=HOOK, show_default=True, help="Whom its webhook calls.")
@click.option(
    "--queue", "queues", multiple=True, default=QUEUES, show_default=True, help="A group of the desk."
)
def main(port: int, hook: str, queues: tuple[str, ...]) -> None:
    """A help desk on this machine, in memory, for trying Backstop without an account; Ctrl-C ends it."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    made = account(hook, queues)
    with serving(made.app, port) as url:
        click.echo(guide(made, url))
        over.wait()


def account(hook: str, queues: tuple[str, ...]) -> Fake:
    """Return an account with groups, one agent and a webhook."""
    desk = SandboxDesk()
    for name in queues:
        desk.add_queue(name)
    desk.add_person("Ann Agent", "ann@desk.example", "agent")
    made = make_fake(desk)
    made.subscribe(hook)
    return made


def guide(made: Fake, url: str) -> str:
    """Return what to paste."""
    agent = next(one.id for one in made.desk.people.values() if one.role == "agent")
    queue = next(iter(made.desk.queues.values())).name
    table = "\n".join(f'{key} = "{value}"' for key, value in made.settings(url).items())
    return f"""[desks.support]
{table}
general_queue = "{queue}"

# a customer writes:
curl -s {url}/tickets -H 'Content-Type: application/json' \\
  -d '{{"email": "carla@example.com", "text": "There is a charge on my card I did not make."}}'
# Ann takes a ticket (without "by" it would be Backstop's own user who acts):
curl -s -X PATCH {url}/tickets/ID -H 'Authorization: Bearer {KEY}' -H 'Content-Type: application/json' \\
  -d '{{"by": {agent}, "assignee": {agent}}}'
"""


if __name__ == "__main__":
    main()
