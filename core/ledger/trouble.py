"""Errors of the store in our own words: a driver's message may quote passwords and customers."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

OPEN = "cannot be opened: its folder must be there, and this user must be allowed to write in it"
WRITE = "cannot be written: let this user write the file and its folder"
DAMAGED = "is damaged, or no database at all: restore the last backup, or name another file"
FULL = "cannot be written: the disk is full or failing; make room"
BUSY = "is locked by another program: stop what else has it open, then try again"
REACH = "cannot be reached: is the server running, and are host and port right?"
ENTER = "does not let this user in: check the user and the password, and who may connect there"
ABSENT = "is not on that server: create the database there, or correct its name"
RIGHTS = "does not allow this user what Backstop needs: grant it the rights on the database and its schema"
STANDBY = "is read-only (a standby?): name the server that takes writes"
CROWDED = "has no connection left: raise the server's max_connections, or run fewer processes"
TABLES = (
    "lacks tables of this version: start `backstop serve` (or a worker) of this version once, it migrates"
)

BY_STATE = {  # PostgreSQL's SQLSTATE, by its beginning (manual, appendix A)
    "28": ENTER,
    "3D": ABSENT,
    "42501": RIGHTS,
    "25006": STANDBY,
    "53300": CROWDED,
    "531": FULL,
    "58030": FULL,
    "08": REACH,
    "57P": REACH,
    "42P01": TABLES,
    "42703": TABLES,
    "55P03": BUSY,
}
BY_WORDS = [  # SQLite's messages, and libpq's while there is no connection yet (these have no SQLSTATE)
    ("unable to open", OPEN),
    ("readonly|read-only|attempt to write", WRITE),
    ("not a database|malformed|encrypted", DAMAGED),
    ("disk is full|disk i/o|no space left", FULL),
    ("is locked", BUSY),
    ("no such (table|column)", TABLES),
    ("database .* does not exist", ABSENT),
    ("password|authentication|role .* does not exist|pg_hba", ENTER),
    ("too many|connection slots", CROWDED),
    ("connect|timeout|timed out|resolve|translate|unreachable|refused|server closed|starting up", REACH),
]


def of_the_store(err: BaseException) -> bool:
    """Return whether an error is a failure of the store."""
    return isinstance(err, SQLAlchemyError | sqlite3.Error)


def words(err: BaseException) -> str:
    """Return what is wrong and the remedy, to follow the store's name in a sentence."""
    cause = err.orig if isinstance(err, DBAPIError) and err.orig is not None else err
    state = str(getattr(cause, "sqlstate", "") or "")
    for beginning, what in BY_STATE.items():
        if state and state.startswith(beginning):
            return what
    said = str(cause)
    for pattern, what in BY_WORDS:
        if re.search(pattern, said, re.IGNORECASE):
            return what
    return f"failed ({type(cause).__name__}): its server's own log says why"
