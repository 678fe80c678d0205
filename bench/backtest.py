"""A backtest of generated tickets on a vendor's fake: seconds, calls, memory, and what the vendor's own limit would make of it.

python bench/backtest.py [--tickets 10000] [zendesk|freshdesk|helpscout]
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from connectors.sandbox.desk import SandboxDesk  # noqa: E402
from connectors.sandbox.server import FaultyApp, serving  # noqa: E402
from core import settings, wiring  # noqa: E402
from core.backtest.run import backtest  # noqa: E402
from core.classify.starter import starter  # noqa: E402

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
PER_MINUTE = {"zendesk": 400, "freshdesk": 200, "helpscout": 200}  # calls that a middle plan allows
DAYS = 30


def populated(number: int, clock: list[datetime]) -> SandboxDesk:
    """A month of tickets, each about one thing in two sentences, most of them answered by a person."""
    desk, random = SandboxDesk(lambda: clock[0]), Random(7)
    queues = [desk.add_queue(name) for name in ("Support", "Orders", "Billing")]
    ann = desk.add_person("Ann", "ann@desk.example", "agent")
    wishes = [intent.examples for intent in starter().intents if intent.examples]
    begins = NOW - timedelta(days=DAYS - 1)
    for place in range(number):
        clock[0] = begins + timedelta(days=DAYS - 2) * place / number
        wish = random.choice(wishes)
        words = f"{random.choice(wish)}\n{random.choice(wish)}"
        case = desk.customer_writes(
            words, subject=f"Question {place}", email=f"c{place}@example.com", name="Carla"
        )
        if random.random() < 0.9:
            clock[0] += timedelta(minutes=random.randrange(2, 400))
            desk.agent_sets(case.id, ann.id, queue_id=random.choice(queues).id)
            desk.agent_says(case.id, ann.id, "Hello, this is Ann.")
    clock[0] = NOW
    return desk


def run(vendor: str, number: int, home: Path) -> None:
    """Print one line of figures."""
    clock = [NOW]
    desk = populated(number, clock)
    fake = importlib.import_module(f"connectors.{vendor}.fake").make_fake(desk)
    api = FaultyApp(fake.app)
    (home / "order_status.txt").write_text("Your parcel is on its way.\n")
    with serving(api) as url:
        table = {**fake.settings(url), "vendor": vendor, "general_queue": "Support", "mode": "observe"}
        intents = {
            "order_status": {"priority": "low", "queue": "Orders", "reply": "order_status.txt"},
            "billing_dispute": {"priority": "urgent", "queue": "Billing"},
        }
        loaded = settings.Settings(
            path=home / "backstop.toml",
            database_url=f"sqlite:///{home}/bench.db",
            desks={"support": table},
            intents=intents,
        )
        app = wiring.build(loaded, clock=lambda: clock[0])
        process = psutil.Process()
        before, begun, cpu = process.memory_info().rss, time.monotonic(), time.process_time()
        file = home / "report.jsonl"
        found = backtest(app, "support", DAYS, file)
        took, after = time.monotonic() - begun, process.memory_info().rss
        worked = time.process_time() - cpu
    calls = Counter(f"{call.method} {re.sub('[0-9]+', 'N', call.path)}" for call in api.calls)
    print(
        f"{vendor}: {found['tickets']} tickets in {took:.0f} s, {worked / number * 1000:.1f} ms of the processor each (fake included); "
        f"calls {dict(calls)}, {calls.total() / number:.2f} a ticket; memory {before / 2**20:.0f} -> {after / 2**20:.0f} MiB; "
        f"report {file.stat().st_size / 2**20:.1f} MiB; {found['outcomes']}; escalation rate {found['escalation_rate']:.3f}; "
        f"at {PER_MINUTE[vendor]} calls a minute it takes {calls.total() / PER_MINUTE[vendor]:.0f} min"
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument(
        "vendors", nargs="*", metavar="VENDOR", help=f"of {sorted(PER_MINUTE)}; default: zendesk"
    )
    asked = parser.parse_args()
    for vendor in asked.vendors or ["zendesk"]:
        with tempfile.TemporaryDirectory() as home:
            run(vendor, asked.tickets, Path(home))


if __name__ == "__main__":
    main()
