"""Runs a command under what the systemd unit says, as far as namespaces and libseccomp can: for machines without systemd.

`cage.py UNIT STATE COMMAND…` wants root, in mount, pid, ipc and uts namespaces of its own (`unshare`). Everything but STATE is read-only,
homes and /tmp are empty, devices are the harmless few, /proc shows nothing but our own processes; no capability, no new privileges, nobody's
user, the unit's system calls and address families only.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOW, EPERM = 0x7FFF0000, 0x00050001
EQUAL = 4  # SCMP_CMP_EQ
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HIDDEN = ("/tmp", "/root", "/home", "/run/user")


def options(unit: Path) -> dict[str, list[str]]:
    """The unit's [Service] options, each with all its lines."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, is_option, value = line.partition("=")
        if is_option and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def calls(filters: list[str]) -> set[str]:
    """The system calls that a unit's `SystemCallFilter=` lines leave, as systemd itself names them."""
    left: set[str] = set()
    for line in filters:
        named = {call for group in line.lstrip("~").split() for call in members(group)}
        left = left - named if line.startswith("~") else left | named
    return left


def members(group: str) -> set[str]:
    """The calls of a group, and of the groups inside it."""
    if not group.startswith("@"):
        return {group}
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    lines = [line.strip() for line in told.stdout.splitlines()[1:]]
    return {one for line in lines if line and not line.startswith("#") for one in members(line)}


def mount(*words: object) -> None:
    """One call of mount(8)."""
    subprocess.run(["mount", *map(str, words)], check=True)


def confine(state: Path) -> None:
    """The file system as the unit shows it."""
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt")
    kept = [
        path for path in dict.fromkeys((state, ROOT, Path(sys.base_prefix))) if str(path).startswith(HIDDEN)
    ]
    for number, path in enumerate(kept):
        Path(f"/mnt/{number}").mkdir()
        mount("--bind", path, f"/mnt/{number}")
    for path in HIDDEN:
        if Path(path).is_dir():
            mount("-t", "tmpfs", "-o", "mode=1777" if path == "/tmp" else "mode=755", "tmpfs", path)
    for number, path in enumerate(kept):
        path.mkdir(parents=True)
        mount("--bind", f"/mnt/{number}", path)
    devices()
    writable = {str(state), "/tmp"}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point not in writable and not point.startswith(("/mnt", "/dev", "/proc")):
            mount("-o", "remount,bind,ro", point)
    mount("-t", "proc", "-o", "hidepid=invisible,subset=pid", "proc", "/proc")
    subprocess.run(["umount", "-R", "/mnt"], check=True)


def devices() -> None:
    """A /dev with the harmless ones."""
    Path("/mnt/dev").mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt/dev")
    Path("/mnt/dev/shm").mkdir(mode=0o1777)
    for name in DEVICES:
        Path(f"/mnt/dev/{name}").touch()
        mount("--bind", f"/dev/{name}", f"/mnt/dev/{name}")
    mount("--rbind", "/mnt/dev", "/dev")


class Compared(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def filtered(allowed: set[str], families: list[str]) -> None:
    """From here on only these system calls, and sockets of these families; others fail with EPERM, as in the unit."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(EPERM))
    known = {name: lib.seccomp_syscall_resolve_name(name.encode()) for name in allowed - {"socket"}}
    for number in known.values():
        if number >= 0:  # a call of another architecture has none
            assert lib.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0
    socket = lib.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        wanted = Compared(0, EQUAL, FAMILIES[family], 0)
        assert lib.seccomp_rule_add_array(context, ALLOW, socket, 1, ctypes.byref(wanted)) == 0
    assert lib.seccomp_load(context) == 0


def main(unit: str, state: str, *command: str) -> None:
    """Outside first, then once more as nobody, inside."""
    found = options(Path(unit))
    if os.geteuid() == 0:
        confine(Path(state))
        again = [sys.executable, __file__, unit, state, *command]
        nobody = (
            "--reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
        )
        os.execvp("setpriv", ["setpriv", *nobody.split(), *again])
    os.umask(int(found["UMask"][-1], 8))
    os.chdir(ROOT)
    filtered(calls(found["SystemCallFilter"]), found["RestrictAddressFamilies"][-1].split())
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
