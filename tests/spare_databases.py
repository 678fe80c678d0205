"""Postgres databases that are used again: to copy a template and to drop the copy takes the server 0.4 s of its time, to put
one back into its first state 0.02 s.

Each use has a name of its own, so whoever still has the address of the use before reaches nothing.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

# Run once in a template: what its tables hold is kept in a schema of its own, and a function puts it back. A table is
# written again only if it changed: then it has another number of rows, or a row of a later transaction.
SEAL = """
CREATE SCHEMA spare;
CREATE TABLE spare.tables AS
  SELECT oid::regclass AS name, 'spare.t' || oid AS copy, 0::bigint AS rows, 0::bigint AS newest
  FROM pg_class WHERE relkind = 'r' AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'dbos'));
CREATE TABLE spare.sequences AS
  SELECT format('%I.%I', schemaname, sequencename)::regclass AS name, coalesce(last_value, start_value) AS value,
    last_value IS NOT NULL AS used FROM pg_sequences;
CREATE FUNCTION spare.state(wanted regclass, OUT rows bigint, OUT newest bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM %s', wanted) INTO rows, newest;
END $$;
CREATE FUNCTION spare.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record; now record;
BEGIN
  SET LOCAL session_replication_role = replica;  -- neither triggers nor foreign keys are asked
  FOR one IN SELECT * FROM spare.tables LOOP
    SELECT * INTO now FROM spare.state(one.name);
    CONTINUE WHEN now.rows = one.rows AND now.newest = one.newest;
    EXECUTE format('DELETE FROM %s', one.name);
    CONTINUE WHEN one.rows = 0;
    EXECUTE format('INSERT INTO %s SELECT * FROM %s', one.name, one.copy);
    UPDATE spare.tables SET newest = (SELECT s.newest FROM spare.state(one.name) s) WHERE name = one.name;
  END LOOP;
  PERFORM setval(name, value, used) FROM spare.sequences;
END $$;
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT * FROM spare.tables LOOP
    EXECUTE format('CREATE TABLE %s AS TABLE %s', one.copy, one.name);
    UPDATE spare.tables SET (rows, newest) = (SELECT * FROM spare.state(one.name)) WHERE name = one.name;
  END LOOP;
END $$;
"""
SHAPE = """
SELECT count(*), sum(oid::bigint), sum(hashtext(relname)), sum(hashtext(relnamespace::text || relkind::text)), sum(relnatts),
  (SELECT sum(hashtext(attname || atttypid::text || attnotnull::text)) FROM pg_attribute), (SELECT count(*) FROM pg_constraint)
FROM pg_class WHERE relpersistence <> 't'
"""
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)


def named(server: str, name: str) -> str:
    """The URL of one database of a server."""
    return server.replace("/postgres?", f"/{name}?")


@dataclass
class Spares:
    """The databases of one server; `server` returns its URL, at first need."""

    server: Callable[[], str]
    _free: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _shapes: dict[str, Any] = field(default_factory=dict)
    _admin: psycopg.Connection | None = None

    @property
    def admin(self) -> psycopg.Connection:
        """One connection for what is done to whole databases."""
        if self._admin is None:
            self._admin = psycopg.connect(self.server(), autocommit=True)
        return self._admin

    def close(self) -> None:
        """Let the server go."""
        if self._admin is not None:
            self._admin.close()

    def create(self, name: str, template: str = "template0") -> None:
        """Make a database: a copy of the files takes half the time of the default, which writes every page to the log."""
        self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')

    def drop(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        self.admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def seal(self, template: str) -> None:
        """Make copies of a filled template that can be put back into its state."""
        with psycopg.connect(named(self.server(), template), autocommit=True) as connection:
            connection.execute(SEAL)
            self._shapes[template] = connection.execute(SHAPE).fetchone()

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        """The URL of a database in the state of the template, used before or made now; not to be reached afterwards."""
        free = self._free[template]
        name = free.pop() if free else self._made(template)
        try:
            yield named(self.server(), name)
        finally:
            name = self._renamed(name)
            if self._restored(name, template):
                free.append(name)
            else:
                self.drop(name)

    def _made(self, template: str) -> str:
        name = f"t{uuid.uuid4().hex}"
        self.create(name, template)
        return name

    def _renamed(self, name: str) -> str:
        """End the connections to a database, and rename it: nobody comes back to it."""
        new = f"t{uuid.uuid4().hex}"
        for _ in range(500):
            while self.admin.execute(OTHERS, [name]).fetchall():
                time.sleep(0.002)  # the server's own time: a process of it has to end
            try:
                self.admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{new}"')
            except psycopg.errors.ObjectInUse:  # somebody connected again in between
                continue
            return new
        raise AssertionError(f"{name} is always in use")

    def _restored(self, name: str, template: str) -> bool:
        """Whether the tables are as the template's again; not if a test left other tables than it found."""
        with psycopg.connect(named(self.server(), name), autocommit=True) as connection:
            if connection.execute(SHAPE).fetchone() != self._shapes[template]:
                return False
            connection.execute("SELECT spare.restore()")
        return True
