"""What a set-up knows so far, in a folder of its own beside the configuration: readable by its owner alone, gone at its end."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.config.drafts import put
from core.errors import ConfigError

FOLDER, FILE, LOCK = ".backstop-setup", "state.json", "lock"


class Stale(Exception):
    """The form was shown before somebody answered the same set-up elsewhere."""


def _generated() -> dict[str, str]:
    return {"webhook_secret": secrets.token_hex(20), "token": secrets.token_urlsafe(24)}


@dataclass(frozen=True)
class State:
    """`answers`: by step. `found`: what was read at the desk, and what came of tests."""

    revision: int = 0
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    generated: Mapping[str, str] = field(default_factory=_generated)

    def of(self, step: str) -> Mapping[str, Any]:
        """Return the answers of a step, {} before it is answered."""
        return self.answers.get(step, {})

    def with_answers(self, step: str, answers: Mapping[str, Any]) -> State:
        """Return the same with a step answered."""
        return replace(self, answers={**self.answers, step: dict(answers)})

    def without(self, steps: Collection[str], found: Collection[str]) -> State:
        """Return the same without the answers of some steps, and without what was found for them."""
        kept = {k: v for k, v in self.answers.items() if k not in steps}
        return replace(self, answers=kept, found={k: v for k, v in self.found.items() if k not in found})

    def with_found(self, **more: Any) -> State:
        """Return the same with more that was read at the desk."""
        return replace(self, found={**self.found, **more})


class Kept:
    """The state in its file. One process at a time; threads of it change it one after the other."""

    def __init__(self, config: Path) -> None:
        self.folder = config.resolve().parent / FOLDER
        self._lock = threading.RLock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the set-up. Raises ConfigError when another process does."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as err:
            raise ConfigError(
                f"{self.folder}: the set-up cannot keep its answers there: {err.strerror}. Choose another folder with --config"
            ) from err
        try:
            self._hold(handle)
            yield
        finally:
            os.close(handle)

    def _hold(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            who = os.read(handle, 200).decode("utf-8", "replace").strip() or "somebody"
            raise ConfigError(
                f"{self.folder}: {who} is in this set-up already: use that browser window, or end that `backstop setup`"
            ) from err
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()}".encode())

    def state(self) -> State:
        """Return what is known. A file that cannot be read is put aside, and the set-up begins anew."""
        file = self.folder / FILE
        with self._lock:
            try:
                return State(**json.loads(file.read_text(encoding="utf-8")))
            except FileNotFoundError:
                made = State()
                self._save(made)
                return made
            except (OSError, ValueError, TypeError):
                file.replace(file.with_suffix(".broken"))
                return self.state()

    def change(self, call: Callable[[State], State], seen: int | None = None) -> State:
        """Store what `call` makes of the state. Raises Stale when it is not the one that was `seen`."""
        with self._lock:
            state = self.state()
            if seen is not None and seen != state.revision:
                raise Stale
            new = call(state)
            if seen is not None:
                new = replace(new, revision=state.revision + 1)
            self._save(new)
            return new

    def _save(self, state: State) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        put(self.folder / FILE, json.dumps(asdict(state), ensure_ascii=False), 0o600)

    def end(self) -> None:
        """Forget everything: what counts stands in the configuration."""
        with self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)
