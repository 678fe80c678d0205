"""A back-up of the ledger while Backstop runs: `python deploy/backup.py DIRECTORY [--keep N]`.

SQLite by its own online copy, checked afterwards; Postgres by pg_dump. The file's name carries the time, so that
the newest is the last. Restoring: docs/operations.md.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import URL, make_url

from core.errors import ConfigError
from core.settings import load


def backup(url: URL, directory: Path, now: datetime) -> Path:
    """One new file; it has its name only when it is whole."""
    sqlite = url.get_backend_name() == "sqlite"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    final = directory / f"backstop-{now:%Y%m%dT%H%M%SZ}.{'db' if sqlite else 'dump'}"
    partial = final.with_suffix(".partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    (_sqlite if sqlite else _postgres)(url, partial)
    partial.replace(final)
    return final


def _sqlite(url: URL, target: Path) -> None:
    source = Path(url.database or "")
    if not source.is_file():
        raise ConfigError(
            f"{source}: there is no such database. Is database_url relative to another directory?"
        )
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
        verdict = new.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise ConfigError(
            f"{target}: the copy is damaged ({verdict}): keep the older back-ups and check the disk"
        )


def _postgres(url: URL, target: Path) -> None:
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    subprocess.run(  # noqa: S603 - no shell; the address comes from the admin's own file
        ["pg_dump", "--format=custom", f"--file={target}", plain],  # noqa: S607 - wherever the admin has it
        check=True,
        env={**os.environ, **secret},  # not on the command line, where others could read it
    )


def thin(directory: Path, keep: int) -> list[Path]:
    """Remove all but the newest; says which."""
    found = sorted(path for path in directory.glob("backstop-*") if path.suffix in {".db", ".dump"})
    old = found[:-keep] if keep else []
    for path in old:
        path.unlink()
    return old


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep", type=click.IntRange(min=0), default=0, help="Keep so many, remove older ones. [default: all]"
)
def main(directory: Path, keep: int) -> None:
    """Write one back-up into DIRECTORY."""
    try:
        made = backup(make_url(load().database_url), directory, datetime.now(UTC))
    except (ConfigError, OSError, sqlite3.Error, subprocess.CalledProcessError) as err:
        click.echo(f"no back-up was made: {err}", err=True)
        sys.exit(1)
    removed = thin(directory, keep)
    click.echo(f"{made} ({made.stat().st_size:,} bytes); {len(removed)} older removed")


if __name__ == "__main__":
    main()
