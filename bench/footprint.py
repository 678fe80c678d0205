"""What Backstop costs: CPU per ticket, idle CPU, resident memory, start times.

python bench/footprint.py [--against REV] [--rounds 3] [--quick]

Each figure is of real processes (`backstop serve`, `web`, `worker`) beside three fake help desks that take 50 ms for an
answer and a store that exists; the customers write five tickets a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kit.beside import DEAD, Figures, Program, compare, environment, harness, programs
from kit.load import write

DELAY, RATE = 0.05, 5
CALM = 8  # seconds after the start until a process is idle


def measure(root: Path, options: argparse.Namespace) -> Figures:
    """All figures of the checkout at `root`."""
    world_of = harness(root)
    found: Figures = {}
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept)
        for part in (_idle, _at_work):
            for commands in (("serve",), ("web", "worker")):
                with (
                    tempfile.TemporaryDirectory() as home,
                    world_of.World(Path(home), seed=1, cache=cache, workers=8, dead_after=DEAD) as world,
                ):
                    if part is _idle:
                        _as_shipped(world.config)
                    with programs(root, world.config, "worker") as (first,):  # makes the store
                        world_of.until(lambda made=first: made.said("at work"), 180)
                    with programs(root, world.config, *commands) as running:
                        world_of.until(lambda port=world.port: world_of.answers(port), 180)
                        time.sleep(CALM)
                        found |= part(world, dict(zip(commands, running, strict=True)), options)
        found |= starts(root, cache)
    return found


def _as_shipped(config: Path) -> None:
    """Let the desks be swept as often as in a new installation; the harness sweeps them every five seconds."""
    config.write_text(config.read_text().replace('every = "5s"', 'every = "1m"', 1))


def _idle(_world: object, running: dict[str, Program], options: argparse.Namespace) -> Figures:
    """CPU of each command while nobody writes, over whole minutes: each has one sweep."""
    spent, over = _spent(running), 60 if options.quick else options.idle
    time.sleep(over)
    return {f"idle: `{name}`, % of a core": 100 * cpu / over for name, cpu in spent().items()}


def _at_work(world: object, running: dict[str, Program], options: argparse.Namespace) -> Figures:
    """CPU per ticket and memory of each command."""
    for account in world.accounts:
        account.api.delay = DELAY
    count = 45 if options.quick else options.tickets
    write(world, 15, RATE)  # the first tickets import what later ones find, and look up what is kept
    spent = _spent(running)
    write(world, count, RATE)
    found = {f"CPU a ticket: `{name}`, ms": 1000 * cpu / count for name, cpu in spent().items()}
    return found | {f"memory: `{name}`, MiB": one.memory() for name, one in running.items()}


def _spent(running: dict[str, Program]) -> Callable[[], Figures]:
    """Return a function that returns the CPU seconds of each command since now."""
    begun = {name: one.cpu() for name, one in running.items()}
    return lambda: {name: one.cpu() - begun[name] for name, one in running.items()}


def starts(root: Path, cache: Path) -> Figures:
    """Seconds and CPU seconds from the command to its end, with a cached model."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "backstop.toml"
        config.write_text(
            f'database_url = "sqlite:///b.db"\n[classifier]\ncache = "{cache}"\n'
            '[desks.a]\nvendor = "freshdesk"\nbase_url = "http://127.0.0.1:9"\ngeneral_queue = "1"\n'
        )
        for name, args in {
            "--help": ["--help"],
            "show": ["show", "a", "1", "--config", str(config)],
            "classify": ["classify", "where is my order", "--config", str(config)],
        }.items():
            line = [sys.executable, "-c", "from core.cli import main; main()", *args]
            for _ in range(2):  # the second one finds compiled files and the model in the cache
                begun, spent = time.perf_counter(), _children()
                subprocess.run(line, cwd=home, env=environment(root), capture_output=True, check=False)
                found[f"start: `{name}`, s"] = time.perf_counter() - begun
                found[f"start: `{name}`, CPU s"] = _children() - spent
    return found | _ready(root, cache)


def _ready(root: Path, cache: Path) -> Figures:
    """Seconds until `serve` answers, with a cached model and a store that exists."""
    world_of = harness(root)
    found: Figures = {}
    with tempfile.TemporaryDirectory() as home, world_of.World(Path(home), seed=1, cache=cache) as world:
        for _ in range(2):  # the first one makes the store
            begun = time.perf_counter()
            with programs(root, world.config, "serve") as (serve,):
                world_of.until(lambda port=world.port: world_of.answers(port), 180, every=0.02)
                found["start: `serve` ready, s"] = time.perf_counter() - begun
                found["start: `serve` ready, CPU s"] = serve.cpu()
    return found


def _children() -> float:
    """CPU seconds of the children that have ended."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=150)
    parser.add_argument("--idle", type=float, default=120, help="seconds, whole minutes")
    parser.add_argument("--quick", action="store_true")
    compare(parser, measure)


if __name__ == "__main__":
    main()
