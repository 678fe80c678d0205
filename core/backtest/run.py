"""Before going live: a desk's own past tickets, and what would have been done with each of them.

Only reads, at the desk's own pace. The report is one file of lines: a head that names the rules, then one line per ticket, so
a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from core.app import App
from core.backtest.figures import figures
from core.errors import ConfigError, Gone, Moved, NotAllowed, Refused, TryLater
from core.ledger import db
from core.model import OUT_OF_SIGHT
from core.patience import patiently
from core.pipeline import scoping
from core.pipeline.replay import Replayed, acting, replay

FORM = 1  # of the file
Step = Callable[[int, int], None]
"""Called with how many tickets are done, of how many."""


@dataclass
class Report:
    """What stands in a report's file."""

    head: dict[str, Any]
    rows: dict[str, Replayed] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)  # ticket → why it could not be read
    total: int | None = None  # how many there are to read; None while nobody has asked
    finished: bool = False


def file_of(app: App, desk: str) -> Path:
    """Return the default place of a desk's report: beside the configuration."""
    return Path(app.settings.home / f"backtest-{desk}.jsonl")


def backtest(
    app: App,
    desk: str,
    days: int,
    file: Path,
    *,
    most: int | None = None,
    fresh: bool = False,
    step: Step = lambda _done, _total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Replay the tickets of the last `days` and return the figures. `most`: only so many, the newest. `fresh`: do not go
    on with a report that was begun. Raises NotAllowed and TryLater when the desk lets us read no further; what was read
    until then is kept in the file."""
    now = app.clock()
    head = _head(app, desk, days)
    with _report(file, head, fresh=fresh) as (report, note), aside(app) as then:
        since = datetime.fromisoformat(report.head["since"])
        ids = listed(app, desk, since, now, most, sleep)
        note({"total": len(ids)})
        todo = [one for one in ids if one not in report.rows and one not in report.unread]
        done = len(ids) - len(todo)
        for id_ in todo:
            note(_line(then, desk, id_, sleep))
            done += 1
            step(done, len(ids))
        note({"finished": now.isoformat()})
    return read(app, file)


def read(app: App, file: Path) -> dict[str, Any]:
    """Return the figures of a report as far as it has come. Raises ConfigError when there is none."""
    report = _read(file)
    if report is None:
        raise ConfigError(f"{file}: there is no report. `backstop backtest DESK` writes one.")
    rows = list(report.rows.values())
    done = len(rows) + len(report.unread)
    return {
        **{k: report.head[k] for k in ("desk", "days", "since", "rules_version", "model")},
        "file": str(file),
        "complete": report.total is not None and done >= report.total,
        "total": report.total,
        "unreadable": [{"ticket": id_, "why": why} for id_, why in sorted(report.unread.items())],
        **figures(rows, app.clock()),
    }


def rows_of(file: Path) -> list[Replayed]:
    """Return the tickets of a report, newest first; [] when there is none."""
    report = _read(file)
    found = report.rows.values() if report else ()
    return sorted(found, key=lambda row: row.at, reverse=True)


def _head(app: App, desk: str, days: int) -> dict[str, Any]:
    return {
        "form": FORM,
        "desk": desk,
        "days": days,
        "since": (app.clock() - timedelta(days=days)).isoformat(),
        "rules_version": acting(app).rules[desk].version,
        "model": getattr(app.classifier, "model", ""),
    }


def listed(
    app: App, desk: str, since: datetime, now: datetime, most: int | None, sleep: Callable[[float], None]
) -> list[str]:
    """Return the ids of the tickets that began since then, oldest first. Only the desk's lists are read."""
    cursor = ""
    found: dict[str, datetime] = {}
    while True:
        ask = partial(app.desks[desk].changed_since, cursor, since, now)
        page = patiently(ask, sleep, first=not cursor)
        for one in page.changed_tickets:
            if one.status in OUT_OF_SIGHT:
                found.pop(one.ticket_id, None)
            elif one.created_at >= since and scoping.inside(app, desk, one, None):
                found[one.ticket_id] = one.created_at
        if not page.more or page.cursor == cursor:
            break
        cursor = page.cursor
    ordered = sorted(found, key=lambda id_: (found[id_], id_))
    return ordered[-most:] if most else ordered


def _line(app: App, desk: str, id_: str, sleep: Callable[[float], None]) -> dict[str, Any]:
    """Return one ticket's line. Raises NotAllowed when the credential may not read, TryLater when the desk lets us
    wait too long."""
    try:
        ticket = patiently(lambda: app.desks[desk].fetch(id_), sleep)
        return {"ticket": patiently(lambda: replay(app, ticket), sleep).as_json()}
    except NotAllowed as err:
        raise NotAllowed(
            f"{err}. The backtest only reads: give its key the right to see tickets", status=err.status
        ) from err
    except TryLater as err:
        raise TryLater(
            f"{err}. What was read is kept: run the same command again, it goes on there", wait=err.wait
        ) from err
    except (Gone, Moved, Refused) as err:
        return {"unread": id_, "why": str(err)}


@contextmanager
def aside(app: App) -> Iterator[App]:
    """The program in mode `act` over an empty store of its own: nothing it decides or counts is kept."""
    with tempfile.TemporaryDirectory(prefix="backstop-") as folder:
        engine = db.connect(f"sqlite:///{folder}/none.db")
        try:
            db.create_all(engine)
            yield replace(acting(app), engine=engine)
        finally:
            engine.dispose()


# --- the file -------------------------------------------------------------------------------


@contextmanager
def _report(
    file: Path, head: dict[str, Any], *, fresh: bool
) -> Iterator[tuple[Report, Callable[[dict[str, Any]], None]]]:
    """The report to go on with, and how a line is added to it. A new one where the rules are others by now."""
    known = None if fresh else _read(file)
    same = known is not None and all(known.head.get(name) == head[name] for name in head if name != "since")
    report = known if known is not None and same and not known.finished else Report(head)
    try:
        if report is not known:
            _begin(file, head)
        with file.open("a", encoding="utf-8") as out:

            def note(line: dict[str, Any]) -> None:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                out.flush()

            yield report, note
    except OSError as err:
        raise ConfigError(
            f"{file}: the report cannot be written: {err.strerror}. Name another place with --out"
        ) from err


def _begin(file: Path, head: dict[str, Any]) -> None:
    """A new file, for its owner's eyes: it holds what customers would have been told."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(json.dumps(head) + "\n")


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The file's whole lines; the last one may have been cut off."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeError) as err:
        raise ConfigError(
            f"{file}: is no report that can be read. Remove it, or name another with --out"
        ) from err
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _read(file: Path) -> Report | None:
    lines = _lines(file)
    head = next(lines, None)
    if head is None or head.get("form") != FORM:
        return None
    report = Report(head)
    for line in lines:
        if "ticket" in line:
            row = Replayed.from_json(line["ticket"])
            report.rows[row.ticket_id] = row
        elif "unread" in line:
            report.unread[str(line["unread"])] = str(line.get("why", ""))
        elif "total" in line:
            report.total = int(line["total"])
        elif "finished" in line:
            report.finished = True
    return report
