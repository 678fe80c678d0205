"""The program does its work inside the walls of its systemd unit: the options are put up without systemd, where this machine lets us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from ctypes.util import find_library
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.deploy.cage import HIDDEN
from tests.deploy.test_processes import PATIENCE, ROOT, SECRET, await_ready, free_port, signed

UNIT = ROOT / "deploy/systemd/backstop@.service"
NAMESPACES = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
PROBE = """
import os, pathlib, socket, sys
def refused(what):
    try:
        what()
    except OSError as err:
        return type(err).__name__
    return "allowed"
state = pathlib.Path(sys.argv[1])
(state / "mine").write_text("x")
print(refused(lambda: pathlib.Path("/etc/ours").write_text("x")))
print(refused(lambda: (pathlib.Path(sys.argv[2]) / "ours").write_text("x")))
print(refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
print(refused(lambda: os.chroot("/")))
print(refused(lambda: os.sched_setaffinity(0, {0})))
print(os.getuid(), sorted(os.listdir("/home")), os.path.exists("/proc/cpuinfo"), oct((state / "mine").stat().st_mode & 0o777))
"""


@pytest.fixture
def walls(tmp_path):
    """The command that runs a command inside, with its one writable place."""
    for tool in ("unshare", "setpriv", "systemd-analyze"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not on this machine")
    if os.geteuid() != 0 or (
        not find_library("seccomp") and not Path("/usr/lib/x86_64-linux-gnu/libseccomp.so.2").exists()
    ):
        pytest.skip("namespaces and libseccomp need root here")
    if subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no namespaces")
    if not open_to_others(ROOT) or not open_to_others(Path(sys.base_prefix)):
        pytest.skip("the checkout or the interpreter lies in a folder that is closed to others")
    state = Path("/tmp") / f"backstop-{uuid.uuid4().hex[:12]}"
    state.mkdir(mode=0o700)
    os.chown(state, 65534, 65534)
    yield (
        [*NAMESPACES, sys.executable, str(Path(__file__).with_name("cage.py")), str(UNIT), str(state)],
        state,
    )
    shutil.rmtree(state)


def test_the_walls_are_walls(walls):
    """Else the next test would prove nothing."""
    inside, state = walls
    told = subprocess.run(
        [*inside, sys.executable, "-c", PROBE, str(state), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert told.stdout.splitlines() == [
        "OSError",  # read-only file system
        "OSError",
        "PermissionError",
        "PermissionError",
        "PermissionError",
        "65534 [] False 0o600",
    ], told.stderr


def test_it_works_inside_the_walls_of_its_unit(walls):
    inside, state = walls
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTOP_")}
    env = kept | {
        "HOME": "/",
        "MPLCONFIGDIR": "/tmp",
        "BACKSTOP_CONFIG": f"{state}/backstop.toml",
        "BACKSTOP_DATABASE_URL": f"sqlite:///{state}/backstop.db",
        "BACKSTOP_CLASSIFIER__CACHE": str(state),
        "BACKSTOP_WEB__PORT": str(port),
        "BACKSTOP_DESKS__SUPPORT__WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    run = [*inside, sys.executable, "-m", "core.cli"]
    flags = [
        "--vendor",
        "zendesk",
        "--base-url",
        "http://127.0.0.1:9",
        "--public-url",
        "https://b.example.com",
    ]
    begun = subprocess.run([*run, "init", *flags], env=env, capture_output=True, text=True, check=False)
    assert begun.returncode == 0, begun.stderr
    assert {path.stat().st_mode & 0o777 for path in state.iterdir() if path.is_file()} == {0o600}
    log = state.with_suffix(".log")
    with log.open("w+") as written:
        process = subprocess.Popen([*run, "serve"], env=env, stdout=written, stderr=written)
        try:
            address = f"http://127.0.0.1:{port}"
            await_ready(process, address, log)
            body = b'{"event": "created", "ticket_id": "4711"}'
            answer = requests.post(
                f"{address}/hooks/support", data=body, headers=signed(body, datetime.now(UTC)), timeout=15
            )
            assert answer.status_code == 202, log.read_text()
            assert requests.get(f"{address}/", timeout=10).status_code == 200
            (served,) = child_of(process.pid)
            os.kill(served, signal.SIGTERM)
            assert process.wait(timeout=40) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()
    told = log.read_text()
    log.unlink()
    assert "Traceback" not in told
    assert "Operation not permitted" not in told
    assert (state / "backstop.db").stat().st_size > 0


def open_to_others(path):
    """Whether nobody's user gets there; folders inside those that the walls empty are made anew, open."""
    inside = [one for one in path.parents if not str(one).startswith(HIDDEN)]
    return path.stat().st_mode & 0o005 == 0o005 and all(one.stat().st_mode & 0o001 for one in inside)


def child_of(pid):
    """The process that unshare waits for."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
