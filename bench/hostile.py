"""Webhooks while somebody means ill: 1,000 slow sockets, 60 threads that guess passwords, a full disk, each by itself.

    python bench/hostile.py [--quick] [--only slow] [--command serve] [--database postgresql://…]

`backstop web` runs as a process of its own, the attackers as another. Everything stays on loopback and ends by itself.
Exits 1 when the slowest hundredth of the webhooks takes 250 ms or more, or an answer is not what it should be.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "durability")]

from harness import World, answers, until  # noqa: E402

RATE, CLIENTS, SECONDS = 20, 8, 20.0
SLOW, LOGINS = 1000, 60
LIMIT = 250.0  # milliseconds, of the slowest hundredth
PROOF = {"X-Backstop-Token": "freshdesk-webhook-secret", "Content-Type": "application/json"}
HEAD = b"POST /hooks/freshdesk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ENDLESS = HEAD + b"Content-Length: 1000000\r\n\r\n" + b'{"event": "'
Answer = tuple[float, int]  # milliseconds, status (0: none)


# --- those who mean well ----------------------------------------------------------------------


def webhooks(port: int, seconds: float, first: int) -> list[Answer]:
    """`RATE` a second, each at its own moment, over a connection of its own, as help desks send them."""
    found: list[Answer] = []
    start, each = time.perf_counter() + 0.1, int(RATE * seconds / CLIENTS)

    def client(n: int) -> None:
        for i in range(each):
            time.sleep(max(0.0, start + (i * CLIENTS + n) / RATE - time.perf_counter()))
            found.append(webhook(port, first + i * CLIENTS + n))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def webhook(port: int, number: int) -> Answer:
    """One webhook about a new ticket."""
    begun, status = time.perf_counter(), 0
    body = f'{{"event": "created", "ticket_id": "{number}"}}'
    with suppress(requests.RequestException):
        url = f"http://127.0.0.1:{port}/hooks/freshdesk"
        status = requests.post(url, data=body, headers=PROOF, timeout=30).status_code
    return (time.perf_counter() - begun) * 1000, status


# --- those who do not -------------------------------------------------------------------------


def slow_sockets(port: int, seconds: float) -> None:
    """`SLOW` connections, half of them in the head, half in the body, each with one more byte a second."""
    _many_files()
    end = time.monotonic() + seconds
    mine: dict[int, tuple[socket.socket, bool]] = {}
    while time.monotonic() < end:
        begun = time.monotonic()
        for n in range(SLOW):
            with suppress(OSError):
                if n not in mine:
                    mine[n] = _begin(port, head=n % 2 == 0)
                    continue
            one, head = mine[n]
            try:
                one.send(b"X" if head else b"a")
                if one.recv(1, socket.MSG_DONTWAIT) == b"":
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except OSError:
                mine.pop(n)[0].close()
        time.sleep(max(0.0, begun + 1 - time.monotonic()))


def _begin(port: int, *, head: bool) -> tuple[socket.socket, bool]:
    one = socket.create_connection(("127.0.0.1", port), timeout=5)
    one.sendall(HEAD + b"X-Slow: " if head else ENDLESS)
    one.settimeout(1)
    return one, head


def _many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * SLOW)), hard))


def login_threads(port: int, seconds: float) -> None:
    """`LOGINS` threads that guess as fast as they are answered, at known and unknown names."""
    end, url = time.monotonic() + seconds, f"http://127.0.0.1:{port}/login"

    def guess(n: int) -> None:
        luck, session = random.Random(n), requests.Session()
        token = ""
        while time.monotonic() < end:
            with suppress(requests.RequestException):
                token = token or _token(session.get(url, timeout=30).text)
                name = luck.choice(("ada", f"nobody{luck.randrange(10**6)}"))
                session.post(url, data={"name": name, "password": "guess", "csrf_token": token}, timeout=30)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(LOGINS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found.group(1) if found else ""


@contextmanager
def attacked(by: Callable[[int, float], None], port: int, seconds: float) -> Iterator[None]:
    """While the block runs, `by` runs in a process of its own."""
    attacker = multiprocessing.get_context("spawn").Process(target=by, args=(port, seconds + 4), daemon=True)
    attacker.start()
    time.sleep(4)  # its own start, and the first wave
    try:
        yield
    finally:
        attacker.terminate()
        attacker.join()


@contextmanager
def full_disk(pid: int, home: Path) -> Iterator[None]:
    """While the block runs, no file of the process may grow, nor be larger than the smallest of its store."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


# --- the figures ------------------------------------------------------------------------------


def told(name: str, found: list[Answer], expected: int) -> bool:
    """Print one line; whether it is as it should be."""
    took = sorted(ms for ms, _ in found)
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    statuses = Counter(status for _, status in found)
    good = p99 < LIMIT and set(statuses) == {expected}
    said = ", ".join(f"{status or 'no answer'} × {n}" for status, n in statuses.most_common())
    print(
        f"{name:<14} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, {said}{'' if good else '   <- NOT AS IT SHOULD BE'}",
        flush=True,
    )
    return good


def main() -> None:
    """Each by itself, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("quiet", "slow", "logins", "disk"))
    parser.add_argument("--command", choices=("web", "serve"), default="web")
    parser.add_argument("--database", default="")
    options = parser.parse_args()
    seconds, good = (6.0 if options.quick else SECONDS), []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = stack.enter_context(World(home, seed=1, database=options.database, vendors=("freshdesk",)))
        world.processes.start("user", "add", "ada", "--role", "admin", log="user")
        pid = world.processes.start(options.command)
        until(lambda: answers(world.port), 120)
        webhooks(world.port, 2, 9_000_000)  # warm
        begin = iter(range(1_000_000, 9_000_000, 1_000_000))
        around = {
            "quiet": (ExitStack, 202),
            "slow": (lambda: attacked(slow_sockets, world.port, seconds), 202),
            "logins": (lambda: attacked(login_threads, world.port, seconds), 202),
            "disk": (lambda: full_disk(pid, home), 503),
        }
        for name, (trouble, expected) in around.items():
            if options.only in (None, name) and not (name == "disk" and options.database):
                with trouble():
                    good.append(told(name, webhooks(world.port, seconds, next(begin)), expected))
        good.append(told("quiet again", webhooks(world.port, 2, next(begin)), 202))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
