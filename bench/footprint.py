"""What Backstop costs: CPU per ticket, idle CPU, resident memory, start times; `--against REV` beside an older commit.

python bench/footprint.py [--against REV] [--rounds 5] [--tickets 200] [--idle 60]

Each figure is of real processes (`backstop serve`, `web`, `worker`) over loopback desks; medians over the rounds, the
two commits taking turns. CPU is user and system time of the process, so other work on the machine moves it little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parents[1]
MIB = 2**20


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}


class Program:
    """One `backstop` command of the checkout at `root`, running."""

    def __init__(self, root: Path, config: Path, *command: str) -> None:
        self.log = (config.parent / f"{command[0]}.log").open("wb")
        line = [sys.executable, "-c", "from core.cli import main; main()", *command, "--config", str(config)]
        self.process = subprocess.Popen(
            line, cwd=config.parent, env=environment(root), stdout=self.log, stderr=self.log
        )
        self.seen = psutil.Process(self.process.pid)

    def cpu(self) -> float:
        """Seconds of the process and its children."""
        tree = [self.seen, *self.seen.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in tree)

    def memory(self) -> float:
        """Resident MiB of the process and its children."""
        return sum(one.memory_info().rss for one in [self.seen, *self.seen.children(recursive=True)]) / MIB

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def measure(root: Path, tickets: int, idle: float) -> dict[str, float]:
    """All figures of the checkout at `root`."""
    sys.path[:0] = [str(root), str(root / "tests" / "durability")]
    from harness import VENDORS, World, answers, until

    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept)
        for command in (("serve",), ("web", "worker")):
            with (
                tempfile.TemporaryDirectory() as home,
                World(Path(home), seed=1, cache=cache, vendors=VENDORS, workers=8) as world,
            ):
                running = [Program(root, world.config, one) for one in command]
                until(lambda port=world.port: answers(port), 120)
                time.sleep(15)
                label = " + ".join(command)
                begun = [one.cpu() for one in running]
                time.sleep(idle)
                for name, one, before in zip(command, running, begun, strict=True):
                    found[f"idle CPU of {name}, % of a core"] = 100 * (one.cpu() - before) / idle
                app = world.app()
                for one in world.accounts:
                    one.api.delay = 0.05
                before = sum(one.cpu() for one in running)
                for n in range(tickets):
                    world.customers_write(("order", "dispute", "")[n % 3])
                    if n % 5 == 0:
                        world.vendors_deliver(drop=0.0, double=0.0)
                        time.sleep(0.5)
                world.vendors_deliver(drop=0.0, double=0.0)
                until(lambda w=world, a=app: w.settled(a.engine), 600, every=0.2)
                spent = sum(one.cpu() for one in running) - before
                found[f"CPU of {label} per ticket, ms"] = 1000 * spent / world.written
                for name, one in zip(command, running, strict=True):
                    found[f"memory of {name}, MiB"] = one.memory()
                app.engine.dispose()
                for one in running:
                    one.stop()
        found |= starts(root, cache)
    return found


def starts(root: Path, cache: Path) -> dict[str, float]:
    """Seconds from the command to its end, with a cached model."""
    text = f'database_url = "sqlite:///b.db"\n[classifier]\ncache = "{cache}"\n'
    found = {}
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "backstop.toml"
        config.write_text(
            text + '[desks.a]\nvendor = "freshdesk"\nbase_url = "http://127.0.0.1:9"\ngeneral_queue = "1"\n'
        )
        for name, args in {
            "--help": ["--help"],
            "show": ["show", "a", "1", "--config", str(config)],
            "classify": ["classify", "where is my order", "--config", str(config)],
        }.items():
            line = [sys.executable, "-c", "from core.cli import main; main()", *args]
            for _ in range(2):  # the second one finds compiled files and the model in the cache
                begun = time.perf_counter()
                subprocess.run(line, cwd=home, env=environment(root), capture_output=True, check=False)
                took = time.perf_counter() - begun
            found[f"start of {name}, s"] = took
    return found


def measured(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """One round, in a process of its own: the two commits share no module."""
    line = [
        sys.executable,
        __file__,
        "--root",
        str(root),
        "--tickets",
        str(options.tickets),
        "--idle",
        str(options.idle),
    ]
    told = subprocess.run(line, capture_output=True, text=True, check=False, cwd=root)
    if told.returncode:
        raise SystemExit(told.stderr)
    return dict(json.loads(told.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", default="", metavar="REV")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tickets", type=int, default=200)
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.root:
        print(json.dumps(measure(options.root, options.tickets, options.idle)))
        return
    with tempfile.TemporaryDirectory() as home:
        places = {"here": HERE}
        if options.against:
            places = {options.against: Path(home) / "old", **places}
            subprocess.run(
                ["git", "worktree", "add", "--quiet", "--detach", places[options.against], options.against],
                cwd=HERE,
                check=True,
            )
        rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        try:
            for _ in range(options.rounds):
                for name, root in places.items():
                    for what, value in measured(root, options).items():
                        rows[what][name].append(value)
        finally:
            if options.against:
                subprocess.run(
                    ["git", "worktree", "remove", "--force", places[options.against]], cwd=HERE, check=True
                )
    print(f"{'':<40}" + "".join(f"{name:>12}" for name in places))
    for what, by in rows.items():
        print(f"{what:<40}" + "".join(f"{statistics.median(by[name]):>12.2f}" for name in places))


if __name__ == "__main__":
    main()
