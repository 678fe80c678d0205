"""Webhooks: stored and answered 202 by `backstop web`, beside a bare Flask route that answers 202 and stores nothing.

python bench/receiver.py [--quick] [--database postgresql://…]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import requests
from flask import Flask

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "durability")]

from harness import World, answers, free_port, until  # noqa: E402

from core.web.server import Server  # noqa: E402

CLIENTS, RATE = 8, 50
bare = Flask("bare")


@bare.post("/hooks/<desk>")
def nothing(desk: str) -> tuple[str, int]:
    """What no store at all would cost."""
    return "", 202


@bare.get("/healthz")
def up() -> str:
    """The process is up."""
    return "ok"


def ask(session: requests.Session, url: str, number: int) -> float:
    """One webhook about a new ticket; how long its answer took."""
    begun = time.perf_counter()
    headers = {"X-Backstop-Token": "freshdesk-webhook-secret", "Content-Type": "application/json"}
    answer = session.post(
        url, data=f'{{"event": "created", "ticket_id": "{number}"}}', headers=headers, timeout=30
    )
    assert answer.status_code == 202, answer.text
    return (time.perf_counter() - begun) * 1000


def in_threads(work: Callable[[int], None]) -> float:
    begun = time.perf_counter()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.perf_counter() - begun


def steady(url: str, seconds: float, first: int) -> list[float]:
    """`RATE` a second, each at its own moment, whatever the last one took."""
    took: list[float] = []
    start, each = time.perf_counter() + 0.1, int(RATE * seconds / CLIENTS)

    def client(n: int) -> None:
        session = requests.Session()
        for i in range(each):
            due = start + (i * CLIENTS + n) / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            took.append(ask(session, url, first + i * CLIENTS + n))

    in_threads(client)
    return took


def most(url: str, each: int, first: int) -> float:
    """As many as possible, from all clients at once; per second."""

    def client(n: int) -> None:
        session = requests.Session()
        for i in range(each):
            ask(session, url, first + i * CLIENTS + n)

    return each * CLIENTS / in_threads(client)


def measure(name: str, url: str, quick: bool) -> tuple[float, float, float]:
    steady(url, 1, 10_000_000)  # warm
    took = sorted(steady(url, 4 if quick else 20, 1_000_000))
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    rate = most(url, 40 if quick else 300, 2_000_000)
    print(
        f"{name:<10} p50 {p50:6.1f} ms, p99 {p99:6.1f} ms at {RATE}/s; at most {rate:6.0f}/s from {CLIENTS} clients"
    )
    return p50, p99, rate


def main() -> None:
    """Both, one after the other, on the same machine in the same minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--database", default="")
    parser.add_argument("--bare", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        Server(bare, "127.0.0.1", options.bare, CLIENTS).run()
        return
    port = free_port()
    plain = subprocess.Popen([sys.executable, __file__, "--bare", str(port)], cwd=ROOT)
    try:
        until(lambda: answers(port), 60)
        nothing_stored = measure("bare", f"http://127.0.0.1:{port}/hooks/freshdesk", options.quick)
    finally:
        plain.terminate()
        plain.wait()
    with (
        tempfile.TemporaryDirectory() as home,
        World(Path(home), seed=1, database=options.database, vendors=("freshdesk",)) as world,
    ):
        world.processes.start("web")
        until(lambda: answers(world.port), 60)
        stored = measure("backstop", f"http://127.0.0.1:{world.port}/hooks/freshdesk", options.quick)
    print(
        f"ratio      p50 {stored[0] / nothing_stored[0]:.1f}, p99 {stored[1] / nothing_stored[1]:.1f}, "
        f"most {stored[2] / nothing_stored[2]:.2f}"
    )


if __name__ == "__main__":
    main()
