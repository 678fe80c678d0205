"""What `train` learned, kept in the store: every process over it uses the same model, and a pod that ends loses none."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import tempfile
from pathlib import Path

from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError

from core.errors import said_of
from core.ledger import db
from core.ledger.schema import meta

log = logging.getLogger(__name__)

PREFIX = "learned:"  # in front of a file's name, in `bs_meta`


def keep(engine: Engine, path: Path) -> None:
    """Put this file, and those of single languages beside it, into the store in place of what it keeps by these names."""
    beside = sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))
    old = or_(
        meta.c.name == f"{PREFIX}{path.name}",
        meta.c.name.startswith(f"{PREFIX}{path.stem}-", autoescape=True),
    )
    with engine.begin() as connection:
        connection.execute(delete(meta).where(old))
        for one in (path, *beside):
            db.keep(connection, f"{PREFIX}{one.name}", base64.b64encode(one.read_bytes()).decode())


def fetch(engine: Engine, folder: Path) -> None:
    """Write what the store keeps into the folder where models are looked for. What cannot be fetched is said, no more: then
    the model of this machine serves, or the one fitted to the examples."""
    mine = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(PREFIX, autoescape=True))
    try:
        with db.reading(engine) as connection:
            rows = {name.removeprefix(PREFIX): value for name, value in connection.execute(mine)}
        for name, value in rows.items():
            place = folder / Path(name).name
            _write(place, base64.b64decode(value, validate=True))
            for other in folder.glob(f"{place.stem}-*{place.suffix}"):
                if other.name not in rows:  # of a language that an older training had learned
                    other.unlink(missing_ok=True)
    except (SQLAlchemyError, OSError, binascii.Error, TypeError) as err:
        log.warning("the model that the store keeps was not fetched: %s", said_of(err))


def _write(path: Path, content: bytes) -> None:
    """In one step, and only where it differs."""
    if path.exists() and _digest(path.read_bytes()) == _digest(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".learned-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
