"""Webhooks: stored and answered 202 by `backstop web`, and by `backstop serve` while tickets are in work at a slow desk.

python bench/receiver.py [--against REV] [--rounds 3] [--quick] [--database postgresql://…]

Beside them, for the machine's speed, a bare Flask route that answers 202 and stores nothing.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from kit.beside import HERE, Figures, Program, compare, environment, harness, percentiles, programs

CLIENTS, RATE = 8, 50
SLOW, IN_WORK = 3.0, 300  # seconds the desk takes while so many tickets are in work
numbers = itertools.count(10_000_000)
bare = Flask("bare")


@bare.post("/hooks/<desk>")
def nothing(desk: str) -> tuple[str, int]:
    """What no store at all would cost."""
    return "", 202


@bare.get("/healthz")
def up() -> str:
    """The process is up."""
    return "ok"


def ask(session: requests.Session, url: str) -> float:
    """Send one webhook about a new ticket; return the milliseconds until its answer."""
    begun = time.perf_counter()
    headers = {"X-Backstop-Token": "freshdesk-webhook-secret", "Content-Type": "application/json"}
    body = f'{{"event": "created", "ticket_id": "{next(numbers)}"}}'
    answer = session.post(url, data=body, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    return (time.perf_counter() - begun) * 1000


def in_threads(work: Callable[[int], None]) -> float:
    """Run `work` in each client; return the seconds until all have ended."""
    begun = time.perf_counter()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.perf_counter() - begun


def steady(url: str, seconds: float) -> list[float]:
    """Send `RATE` a second, each at its own moment, whatever the last one took."""
    took: list[float] = []
    start, each = time.perf_counter() + 0.1, int(RATE * seconds / CLIENTS)

    def client(n: int) -> None:
        with requests.Session() as session:
            for i in range(each):
                time.sleep(max(0.0, start + (i * CLIENTS + n) / RATE - time.perf_counter()))
                took.append(ask(session, url))

    in_threads(client)
    return took


def most(url: str, each: int) -> float:
    """Send as many as possible, from all clients at once; return how many a second."""

    def client(n: int) -> None:
        with requests.Session() as session:
            for _ in range(each):
                ask(session, url)

    return each * CLIENTS / in_threads(client)


def figures(name: str, url: str, quick: bool, process: Program | None = None) -> Figures:
    """What one receiver does: steadily, and at most."""
    steady(url, 1)  # warm
    p50, p99 = percentiles(steady(url, 4 if quick else 20))
    each, before = 40 if quick else 300, process.cpu() if process else 0.0
    rate = most(url, each)
    found = {
        f"{name}: p50 at {RATE}/s, ms": p50,
        f"{name}: p99 at {RATE}/s, ms": p99,
        f"{name}: at most, /s": rate,
    }
    if process:
        found[f"{name}: CPU a webhook, ms"] = (process.cpu() - before) * 1000 / (each * CLIENTS)
    return found


def of_bare(world_of: Any, quick: bool) -> Figures:
    """A Flask route that stores nothing, in this checkout's server."""
    port = world_of.free_port()
    line = [sys.executable, __file__, "--bare", str(port)]
    plain = subprocess.Popen(line, cwd=HERE, env=environment(HERE))
    try:
        world_of.until(lambda: world_of.answers(port), 60)
        return figures("bare", f"http://127.0.0.1:{port}/hooks/freshdesk", quick)
    finally:
        plain.terminate()
        plain.wait()


def measure(root: Path, options: argparse.Namespace) -> Figures:
    """All figures of the checkout at `root`."""
    world_of = harness(root)
    found = of_bare(world_of, options.quick)
    for command in ("web", "serve"):
        with (
            tempfile.TemporaryDirectory() as home,
            world_of.World(Path(home), seed=1, database=options.database, vendors=("freshdesk",)) as world,
            programs(root, world.config, command) as (process,),
        ):
            world_of.until(lambda port=world.port: world_of.answers(port), 180)
            url = f"http://127.0.0.1:{world.port}/hooks/freshdesk"
            found |= (
                figures("`web`", url, options.quick, process)
                if command == "web"
                else in_work(world, url, options)
            )
    return found


def in_work(world: Any, url: str, options: argparse.Namespace) -> Figures:
    """Webhooks to `serve` while many tickets are in work at a desk that takes its time."""
    world.accounts[0].api.delay = SLOW
    for _ in range(IN_WORK):
        world.customers_write("order")
    world.vendors_deliver(drop=0.0, double=0.0)
    p50, p99 = percentiles(steady(url, 4 if options.quick else 20))
    what = f"`serve`, {IN_WORK} tickets in work"
    return {f"{what}: p50 at {RATE}/s, ms": p50, f"{what}: p99 at {RATE}/s, ms": p99}


def serve_bare(port: int) -> None:
    """Serve the bare route until the process is ended."""
    from core.web.server import Server

    Server(bare, "127.0.0.1", port, CLIENTS).run()


def main() -> None:
    """Measure and print."""
    if "--bare" in sys.argv:
        serve_bare(int(sys.argv[-1]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--database", default="")
    compare(parser, measure)


if __name__ == "__main__":
    main()
