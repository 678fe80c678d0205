"""One set-up under way: what it is given, what it knows, and the work that goes on while a page is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.admin.connect import Request
from core.admin.setup.drafting import Kit, samples, settings_of
from core.admin.setup.kept import Kept, State
from core.app import App, wall
from core.errors import ConfigError, said_of
from core.model import Ticket

Form = Mapping[str, list[str]]


class Wrong(ConfigError):
    """What was typed cannot be taken; one line for each fault, with the remedy."""


@dataclass
class Job:
    """Work in a thread: how far it has come, and why it ended early."""

    done: int = 0
    total: int = 0
    trouble: str = ""
    running: bool = True

    def step(self, done: int, total: int) -> None:
        """Note how far it has come."""
        self.done, self.total = done, total


@dataclass
class Setup:
    """The set-up of one configuration."""

    kit: Kit
    config: Path
    kept: Kept
    address: str = ""  # of the set-up's own pages
    clock: Callable[[], datetime] = wall
    jobs: dict[str, Job] = field(default_factory=dict)
    # read in this process: the backtest asks no second time
    tickets: dict[str, Ticket] = field(default_factory=dict)
    asked: Request | None = None  # the connection in the browser that is under way
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def state(self) -> State:
        """What is known now."""
        return self.kept.state()

    @property
    def desk(self) -> str:
        """The desk's name in the configuration."""
        return str(self.state.of("desk")["name"])

    @contextmanager
    def program(self, state: State | None = None, *, store: bool = False) -> Iterator[App]:
        """The program over what was answered so far, for as long as it lasts. `store`: over its store, made where there is
        none. Raises ConfigError."""
        state = state or self.state
        folder = self.kept.folder / "templates"
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, text in samples(state).items():
            (folder / name).write_text(text, encoding="utf-8")
        made = self.kit.compose(settings_of(state, self.kit, self.config, self.kept.folder), clock=self.clock)
        try:
            if store:
                self.kit.open_store(made)
            yield made
        finally:
            made.counters.close()
            made.engine.dispose()

    def begin(self, name: str, work: Callable[[Job], None]) -> None:
        """Start a job in a thread, unless it runs already. What goes wrong is kept for the page."""
        known = self.jobs.get(name)
        if known is not None and known.running:
            return
        job = self.jobs[name] = Job()

        def run() -> None:
            try:
                work(job)
            except Exception as err:  # a thread's fault must reach the person who started it
                job.trouble = said_of(err)
            finally:
                job.running = False

        threading.Thread(target=run, name=f"setup-{name}", daemon=True).start()


def one(form: Form, name: str, default: str = "") -> str:
    """Return the one value of a field, without blanks around it."""
    return (form.get(name) or [default])[0].strip()
