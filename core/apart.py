"""Work at several desks at the same time, so that a desk that is slow or waits delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class Apart:
    """One thread a desk, and one piece of work of a kind at a time at each desk."""

    def __init__(self) -> None:
        self._busy: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __call__(
        self, kind: str, desks: Iterable[str], work: Callable[[str], T], patience: float | None = None
    ) -> dict[str, T]:
        """Return what `work` returned, by desk. Left out is a desk where work of this kind is still under way, from an
        earlier call or after `patience` seconds. Raises what `work` raised."""
        started = {desk: self._start(kind, desk, work) for desk in desks if self._take(kind, desk)}
        wait(started.values(), patience)
        return {desk: one.result() for desk, one in started.items() if one.done()}

    def _take(self, kind: str, desk: str) -> bool:
        with self._lock:
            free = (kind, desk) not in self._busy
            self._busy.add((kind, desk))
        return free

    def _start(self, kind: str, desk: str, work: Callable[[str], T]) -> Future[T]:
        done, context = Future[T](), copy_context()

        def run() -> None:
            try:
                found = context.run(work, desk)
            except BaseException as err:
                self._free(kind, desk)
                done.set_exception(err)
            else:
                self._free(kind, desk)
                done.set_result(found)

        try:
            threading.Thread(target=run, name=f"{kind} {desk}", daemon=True).start()
        except RuntimeError:  # no thread to be had: the next call tries again
            self._free(kind, desk)
            raise
        return done

    def _free(self, kind: str, desk: str) -> None:
        with self._lock:
            self._busy.discard((kind, desk))
