"""One busy minute of a worker as a flame graph, taken by py-spy and made small enough for the documentation.

python bench/flamegraph.py [--rev REV] [--seconds 60] [--out FILE.svg] [--py-spy PATH]
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from kit.beside import harness, places, programs

RATE = "50"  # samples a second: on a busy machine py-spy takes longer for more
LEAST = 0.25  # per cent of the samples that a frame must have
WIDE, LETTER = 1200, 7.1  # pixels: of the drawing, of one letter
FRAME = re.compile(
    r"<g><title>(?P<title>.*?)</title><rect (?P<place>.*?)/?><text (?P<at>.*?)>(?P<words>.*?)</text></g>"
)
WIDTH = re.compile(r'width="([\d.]+)%"')
SCRIPT = re.compile(
    r"<script.*?</script>|<!--.*?-->|<text id=\"(?:unzoom|search|matched|details)\".*?</text>| onload=\"[^\"]*\"| (?:xmlns:)?fg(?::\w+)?=\"[^\"]*\"",
    re.DOTALL,
)
TITLE = re.compile(r'(<text id="title"[^>]*>).*?(</text>)')
PLACES = re.compile(r"[^\s(>]*/(?:site-packages|lib/python3\.\d+)/")


def record(root: Path, seconds: int, spy: str, out: Path) -> None:
    """Write py-spy's flame graph of a worker of the checkout at `root` that is never without work."""
    world_of = harness(root)
    over = threading.Event()
    with (
        tempfile.TemporaryDirectory() as home,
        world_of.World(Path(home), seed=1, workers=8) as world,
        programs(root, world.config, "web", "worker") as (_, worker),
    ):
        world_of.until(lambda: world_of.answers(world.port) and worker.said("at work"), 180)

        def customers() -> None:
            while not over.wait(0.5):
                for _ in range(15):
                    world.customers_write()
                world.vendors_deliver(drop=0.0, double=0.0)

        writing = threading.Thread(target=customers, daemon=True)
        writing.start()
        over.wait(20)  # the first tickets import what later ones find
        line = [
            spy,
            "record",
            "-p",
            str(worker.process.pid),
            "-d",
            str(seconds),
            "-F",
            "-r",
            RATE,
            "-f",
            "flamegraph",
            "-o",
            str(out),
        ]
        subprocess.run(line, check=True, capture_output=True)
        over.set()
        writing.join(30)


def smaller(svg: str, root: Path, title: str) -> str:
    """Return the graph as a still picture: without its script, frames too narrow to be read, and paths of this machine."""

    def kept(found: re.Match[str]) -> str:
        width = WIDTH.search(found["place"])
        share = float(width[1]) if width else 100.0
        if share < LEAST:
            return ""
        room = int(share * WIDE / 100 / LETTER)
        words = html.unescape(found["words"] or found["title"].partition(" (")[0])
        said = html.escape(words if len(words) <= room else f"{words[: room - 2]}.." if room > 4 else "")
        return (
            f"<g><title>{found['title']}</title><rect {found['place']}/><text {found['at']}>{said}</text></g>"
        )

    short = PLACES.sub("", TITLE.sub(rf"\g<1>{title}\g<2>", SCRIPT.sub("", svg))).replace(f"{root}/", "")
    return re.sub(r">\s+<", "><", FRAME.sub(kept, re.sub(r">\s+<", "><", short)))


def main() -> None:
    """Record and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rev", default="", help="an older commit; default: this checkout")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("worker.svg"))
    parser.add_argument("--py-spy", default=shutil.which("py-spy") or "")
    options = parser.parse_args()
    if not options.py_spy:
        print("py-spy is not installed: pip install py-spy")
        return
    with places(options.rev) as found, tempfile.TemporaryDirectory() as home:
        root, graph = next(iter(found.values())), Path(home) / "graph.svg"
        record(root, options.seconds, options.py_spy, graph)
        options.out.write_text(
            smaller(graph.read_text(), root, f"One busy minute of a worker, {options.rev or 'now'}")
        )
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
