"""Measure this checkout, or an older commit and this one in turns; print the medians side by side.

Each round is a process of its own that imports only the checkout it measures and speaks to it by HTTP and the command
line. CPU is user and system time of the processes measured, so other work on the machine moves it little.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parents[2]
MIB = 2**20
DEAD = "30s"  # as shipped: the harness of the tests has ten times as many heartbeats
Figures = dict[str, float]


def environment(root: Path) -> dict[str, str]:
    """Return what a process of the checkout at `root` is started with."""
    return {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}


class Program:
    """One `backstop` command of the checkout at `root`, running with `config`."""

    def __init__(self, root: Path, config: Path, command: str, log: str = "") -> None:
        self.path = config.parent / f"{log or command}.log"
        line = [sys.executable, "-c", "from core.cli import main; main()", command, "--config", str(config)]
        with self.path.open("wb") as out:
            self.process = subprocess.Popen(
                line, cwd=config.parent, env=environment(root), stdout=out, stderr=out
            )
        self.seen = psutil.Process(self.process.pid)

    def _tree(self) -> list[psutil.Process]:
        return [self.seen, *self.seen.children(recursive=True)]

    def cpu(self) -> float:
        """Return the seconds of CPU that the process and its children have used."""
        return sum(sum(one.cpu_times()[:2]) for one in self._tree())

    def memory(self) -> float:
        """Return the resident MiB of the process and its children."""
        return sum(one.memory_info().rss for one in self._tree()) / MIB

    def said(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.path.read_text(errors="replace")

    def stop(self) -> None:
        """End it, by force if it takes longer than 20 seconds."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def programs(root: Path, config: Path, *commands: str) -> Iterator[list[Program]]:
    """These commands, running while the block does."""
    running = [Program(root, config, one, f"{one}{n}") for n, one in enumerate(commands)]
    try:
        yield running
    finally:
        for one in running:
            one.stop()


def harness(root: Path) -> Any:
    """Return the module of the checkout at `root` that plays desks, customers and vendors."""
    end_in_order()
    sys.path[:0] = [str(root), str(root / "tests" / "durability")]
    return __import__("harness")


def end_in_order() -> None:
    """From now on, end so that nothing of what this process has started stays behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def percentiles(values: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def compare(parser: argparse.ArgumentParser, measure: Callable[[Path, argparse.Namespace], Figures]) -> None:
    """Read the command line and measure; `parser` has the options of the script itself."""
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("--against", default="", metavar="REV", help="an older commit, measured in turns")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (default: 3)")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.root:
        print(json.dumps(measure(options.root, options)))
        return
    end_in_order()
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with places(options.against) as checkouts:
        for number in range(options.rounds):
            for name, root in checkouts.items():
                begun = time.monotonic()
                for what, value in _measured(root).items():
                    rows[what][name].append(value)
                took = time.monotonic() - begun
                print(f"round {number + 1}, {name}: {took:.0f} s", file=sys.stderr, flush=True)
    print(_table(rows, list(checkouts), options.rounds))


@contextmanager
def places(rev: str) -> Iterator[dict[str, Path]]:
    """Checkouts by name: the commit `rev`, unless it is "", in a worktree of the block's own; then this one."""
    if not rev:
        yield {"here": HERE}
        return
    with tempfile.TemporaryDirectory() as home:
        old = Path(home) / "old"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", str(old), rev], cwd=HERE, check=True)
        try:
            yield {rev: old, "here": HERE}
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(old)], cwd=HERE, check=True)


def _measured(root: Path) -> Figures:
    """One round, in a process of its own: the two commits share no module."""
    line = [sys.executable, sys.argv[0], *sys.argv[1:], "--root", str(root)]
    line[1] = str(Path(line[1]).resolve())
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=root) as asked:
        try:
            said, _ = asked.communicate()
        finally:
            asked.terminate()
    if asked.returncode:
        raise SystemExit("a round failed: see above")
    return dict(json.loads(said.splitlines()[-1]))


def _table(rows: dict[str, dict[str, list[float]]], names: list[str], rounds: int) -> str:
    """The medians in Markdown, and beside them the new figure divided by the old one."""
    both = len(names) > 1
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), load {load}; medians of {rounds}",
        "",
        "| | " + " | ".join(names) + (" | new / old |" if both else " |"),
        "|---" * (1 + len(names) + both) + "|",
    ]
    for what, by in rows.items():
        found = [statistics.median(by[name]) if by[name] else None for name in names]
        cells = ["–" if one is None else f"{one:.4g}" for one in found]
        if both:
            old, new = found
            cells.append(f"{new / old:.2f}" if old and new is not None else "–")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
