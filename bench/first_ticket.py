"""A new admin's way from nothing to the first routed ticket, and back: every command in a process of its own.

    python bench/first_ticket.py [--write | --here] [zendesk|freshdesk|helpscout]…

Prints the transcript as Markdown; `--write` puts it into docs/first-ticket.md instead. Begins with a wheel of this checkout and a fresh virtual
environment (the dependencies come from the package index that pip is set up for), and runs that program, outside the checkout; `--here`
runs the checkout itself. The account is the vendor's strict fake on loopback; `backstop serve` is the real thing.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import suppress
from pathlib import Path

import requests

from connectors import DESKS, vendor_of
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core.admin.init import secret_names

ROOT = Path(__file__).resolve().parents[1]
MESSAGE = "There is a charge of 89 euros on my card that I did not make. I want this looked at."
PATIENCE = 90.0
PAGE = ROOT / "docs/first-ticket.md"
HERE = [sys.executable, "-m", "core.cli"]
LOCK = "requirements/runtime.lock"
SOON = 1.0  # seconds until `--help` is there


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def environment() -> dict[str, str]:
    """Nothing of a Backstop, a virtual environment or a checkout that happens to be around."""
    ours = ("BACKSTOP_", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def installed(home: Path) -> list[str]:
    """The program from a wheel, in an environment of its own; printed as an admin sees it."""
    begun = time.monotonic()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", str(home / "dist"), str(ROOT)], home)
    (wheel,) = (home / "dist").glob("backstop-*.whl")
    venv.create(home / ".venv", with_pip=True)
    bin_ = home / ".venv/bin"
    pip = [str(bin_ / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", "--no-deps", "--require-hashes", "-r", str(ROOT / LOCK)], home)
    run([*pip, "install", "--no-deps", str(wheel)], home)
    took = time.monotonic() - begun
    print("## Installing it\n\n```console")
    print("$ python3 -m venv .venv")
    print(f"$ .venv/bin/pip install --quiet --no-deps --require-hashes -r {LOCK}")
    print(f"$ .venv/bin/pip install --quiet --no-deps {wheel.name}")
    run([str(bin_ / "backstop"), "--help"], home)  # the first one compiles
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = run([str(bin_ / "backstop"), "--help"], home)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    helped = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"$ .venv/bin/backstop --help\n{said.strip()}\n```\n")
    print(
        f"{took:.0f} s with downloads and the building of the wheel; `--help` took {helped:.2f} s of the processor. The commands below are this "
        "`backstop`; the wheel was made by `pip wheel --no-deps .` in a checkout.\n",
        flush=True,
    )
    if helped > SOON:
        sys.exit(f"`backstop --help` took {helped:.2f} s of the processor, over {SOON} s")
    return [str(bin_ / "backstop")]


def run(command: list[str], home: Path) -> str:
    """What a command prints; stop when it fails."""
    told = subprocess.run(command, cwd=home, env=environment(), capture_output=True, text=True, check=False)
    if told.returncode:
        sys.exit(f"{' '.join(command)}\n{told.stdout}{told.stderr}")
    return told.stdout


class Admin:
    """Types commands and reads what they print."""

    def __init__(self, vendor: str, home: Path, program: list[str]) -> None:
        self.home, self.program, self.begun = home, program, time.monotonic()
        self.env = environment() | {"COLUMNS": "110", "XDG_CACHE_HOME": str(home / "cache")}
        if program[0] == sys.executable:
            self.env["PYTHONPATH"] = str(ROOT)
        self.desk = SandboxDesk()
        for name in ("Support", "Billing"):
            self.desk.add_queue(name)
        self.fake = importlib.import_module(f"{DESKS[vendor]}.fake").make_fake(self.desk)
        self.shown: dict[str, str] = {str(home): "~/backstop"}

    def hide(self, text: str) -> str:
        """What differs from run to run, and what is nobody's business."""
        for real, stands_for in self.shown.items():
            text = text.replace(real, stands_for)
        return text

    def types(self, command: str, *, fails: bool = False) -> str:
        """Run `backstop …`, print it as a transcript; stop when it does not end as it should."""
        told = subprocess.run(
            [*self.program, *command.split()],
            cwd=self.home,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        text = (told.stdout + told.stderr).strip()
        print(f"```console\n$ backstop {self.hide(command)}\n{self.hide(text)}\n```\n", flush=True)
        if (told.returncode != 0) is not fails:
            sys.exit(f"`backstop {command}` ended with {told.returncode}")
        return text

    def writes(self, name: str, value: str) -> None:
        """One line of `.env`."""
        file, key = self.home / ".env", f"BACKSTOP_DESKS__SUPPORT__{name.upper()}"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{key}=")]
        file.write_text("\n".join([*lines, f"{key}={value}", ""]))
        file.chmod(0o600)


def await_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Until the process answers."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/readyz", timeout=2).status_code == requests.codes.ok:
                return
        time.sleep(0.1)
    sys.exit("`backstop serve` did not come up")


def await_routed(admin: Admin, case_id: int) -> None:
    """Until the ticket bears our mark at the desk."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if "ai_routed" in admin.desk.cases[case_id].tags:
            return
        time.sleep(0.1)
    sys.exit("the ticket was not routed")


def walk(vendor: str, home: Path, program: list[str]) -> None:
    """The whole way."""
    admin, port = Admin(vendor, home, program), free_port()
    with serving(FaultyApp(admin.fake.app)) as address:
        public = f"http://127.0.0.1:{port}"
        admin.shown |= {address: "http://127.0.0.1:9000", public: "http://127.0.0.1:8080"}
        page = (ROOT / DESKS[vendor].replace(".", "/") / "README.md").read_text()
        print(f"## {page.splitlines()[0].removeprefix('# ')}\n")
        admin.types(
            f"init --vendor {vendor} --base-url {address} --public-url {public} --general-queue Support --mode act"
        )
        print("The credentials go into `.env`, as the desk's page says:", end=" ")
        wanted = set(secret_names(vendor_of(vendor).settings)) - {"webhook_secret"}
        given = {name: value for name, value in admin.fake.settings(address).items() if name in wanted}
        for name, value in given.items():
            admin.writes(name, str(value))
        print(", ".join(f"`…__{name.upper()}`" for name in given) + ".\n")
        admin.types("plan support")
        admin.types("install support")
        print("Then, in a terminal of its own, `backstop serve`.\n")
        admin.env["BACKSTOP_WEB__PORT"] = str(port)
        serve(admin, public)


def serve(admin: Admin, public: str) -> None:
    """With Backstop running: doctor, a customer, the ticket's story, and the way out."""
    with (admin.home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*admin.program, "serve"], cwd=admin.home, env=admin.env, stdout=log, stderr=log
        )
        try:
            await_ready(process, public)
            admin.types("doctor support")
            case = admin.desk.customer_writes(
                MESSAGE, subject="A charge", email="carla@example.com", name="Carla"
            )
            await_routed(admin, case.id)
            print(
                f"Carla writes: “{MESSAGE}” A moment later the ticket is in its queue, tagged, noted and acknowledged:\n"
            )
            admin.types(f"show support {case.id}")
            print(
                f"From the first command to here: {time.monotonic() - admin.begun:.0f} s of the machine's time.\n"
            )
            admin.types("uninstall support")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def main(*words: str) -> None:
    """Install once, then walk the way for each desk."""
    flags = {word for word in words if word.startswith("--")}
    vendors = [word for word in words if word not in flags] or list(DESKS)
    if set(vendors) - set(DESKS) or flags - {"--write", "--here"}:
        sys.exit(f"usage: first_ticket.py [--write | --here] [{'|'.join(DESKS)}]…")
    told = io.StringIO()
    aside = contextlib.redirect_stdout(told) if "--write" in flags else contextlib.nullcontext()
    with aside, tempfile.TemporaryDirectory() as directory:
        program = HERE if "--here" in flags else installed(Path(directory))
        for one in vendors:
            (Path(directory) / one).mkdir()
            walk(one, Path(directory) / one, program)
    if "--write" in flags:
        begin = PAGE.read_text().partition("\n## ")[0]
        PAGE.write_text(f"{begin}\n{told.getvalue().rstrip()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
