"""Statements of the engine that each event needs, made once.

The engine builds its statements anew for every look at a queue, five of them, and again when a workflow ends, which takes
longer than all else that it does for a workflow. Here the same claim is one statement of fixed text: of each ticket
(partition) with nothing under way the oldest workflow, for as many as there is room, in random order so that no ticket
is passed over for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from string import Template
from typing import Any, cast

from dbos._queue import Queue
from dbos._sys_db import SystemDatabase
from sqlalchemy import TextClause, column, table, text

from core.ledger.db import put

Status = dict[str, Any]  # a row of the engine's, as its code takes it

NOW = {
    "sqlite": "strftime('%s', 'now') * 1000",
    "postgresql": "CAST(extract(epoch FROM now()) * 1000 AS bigint)",
}
# $mine: the second condition lets SQLite take the engine's index, which is of these two states. $key: one step through
# the index for each ticket, however many workflows wait for it.
PARTS = {
    "states": "status IN ('ENQUEUED', 'PENDING') AND queue_partition_key IS NOT NULL",
    "mine": """queue_name = :queue AND status = 'ENQUEUED' AND $states
        AND (application_name = :application OR application_name IS NULL)""",
    "key": "SELECT min(queue_partition_key) FROM $table WHERE $mine",
    "oldest": """
        WITH RECURSIVE keys(one) AS (
          $key UNION ALL SELECT ($key AND queue_partition_key > keys.one) FROM keys WHERE keys.one IS NOT NULL
        ), free(one) AS (
          SELECT one FROM keys WHERE one IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM $table
            WHERE queue_name = :queue AND status = 'PENDING' AND $states AND queue_partition_key = keys.one
          ) ORDER BY random() LIMIT :most
        )
        SELECT (
          SELECT workflow_uuid FROM $table
          WHERE $mine AND queue_partition_key = free.one AND application_version = :version
          ORDER BY priority, created_at, workflow_uuid LIMIT 1
        ) FROM free""",
    "claim": """
        UPDATE $table SET status = 'PENDING', owner_xid = :owner, executor_id = :executor,
          application_name = :application, started_at_epoch_ms = $now, updated_at = $now, rate_limited = FALSE,
          recovery_attempts = recovery_attempts + 1
        WHERE status = 'ENQUEUED' AND queue_name = :queue AND workflow_uuid $among
        RETURNING *, (SELECT i.inputs FROM $inputs AS i WHERE i.workflow_uuid = $table.workflow_uuid) AS stored_inputs""",
    "end": """
        UPDATE $table SET status = :status, deduplication_id = NULL, owner_xid = NULL, updated_at = $now,
          completed_at = $now
        WHERE workflow_uuid = :id AND status = 'PENDING' AND (:owner IS NULL OR owner_xid = :owner)""",
}
SQLITE = {
    **PARTS,
    "table": "workflow_status",
    "inputs": "workflow_input",
    "now": NOW["sqlite"],
    "among": "IN ($oldest)",
}
POSTGRES = {
    **PARTS,
    "table": "dbos.workflow_status",
    "inputs": "dbos.workflow_input",
    "now": NOW["postgresql"],
    # several workers claim at once: none waits for a row that another has locked, and each looks for them once
    "among": """= ANY(ARRAY(
        SELECT workflow_uuid FROM $table WHERE status = 'ENQUEUED' AND workflow_uuid IN ($oldest)
        FOR UPDATE SKIP LOCKED))""",
}
RESULTS = table("workflow_output", column("workflow_uuid"), column("output"), column("error"))


def _statement(name: str, parts: Mapping[str, str]) -> TextClause:
    """Return the part of this name as a statement, the parts in it filled in."""
    words = parts[name]
    while "$" in words:
        words = Template(words).substitute(parts)
    return text(words)


def patch(system: SystemDatabase) -> None:
    """Have the engine claim the workflows of our queues, and on SQLite end each, by these statements. To be called when the
    queues are registered."""
    sqlite, methods = system.engine.dialect.name == "sqlite", cast(Any, system)
    claim, claimed = _statement("claim", SQLITE if sqlite else POSTGRES), dict[str, Status]()
    # how a queue is configured changes with a start of the worker only
    methods.get_queue = cache(system.get_queue)
    methods.start_queued_partitioned_workflows = partial(_claimed, system, claim, claimed)
    methods.get_workflow_statuses = partial(_statuses, system.get_workflow_statuses, claimed)
    if sqlite:  # on Postgres the engine's own is one statement, which it keeps
        methods._update_workflow_outcome_in_transaction = partial(_ended, system, _statement("end", SQLITE))


def _claimed(
    system: SystemDatabase,
    claim: TextClause,
    claimed: dict[str, Status],
    queue: Queue,
    executor_id: str,
    app_version: str,
    max_tasks: int,
    *,
    owner_xid: str,
    **_version: object,
) -> list[str]:
    """Claim up to `max_tasks` workflows of a queue for this executor; return their ids. The engine asks for the rows next:
    they are kept in `claimed` until then."""
    wanted = {
        "queue": queue.name,
        "application": system.app_name,
        "version": app_version,
        "executor": executor_id,
        "owner": owner_xid,
        "most": max_tasks,
    }
    with system.engine.begin() as conn:
        found = {row.workflow_uuid: _status(row._asdict()) for row in conn.execute(claim, wanted)}
    claimed.update(found)
    return list(found)


def _status(row: dict[str, Any]) -> Status:
    """Return a row as the engine's own query would."""
    attributes = row["attributes"]
    return {
        **row,
        "inputs": row["stored_inputs"] or row["inputs"],
        "attributes": json.loads(attributes) if isinstance(attributes, str) else attributes,
        "is_debounced": bool(row["is_debounced"]),
        "app_version": row["application_version"],
        "app_id": row["application_id"],
        "shard_key": None,
    }


def _statuses(plain: Callable[[list[str]], Any], claimed: dict[str, Status], ids: list[str]) -> list[Status]:
    """Return the rows of these workflows: those that were claimed just now as they were claimed, others as they are."""
    found = [one for one in (claimed.pop(id_, None) for id_ in ids) if one is not None]
    rows: list[Status] = found if len(found) == len(ids) else plain(ids)
    return rows


def _ended(
    system: SystemDatabase,
    end: TextClause,
    workflow_id: str,
    status: str,
    *,
    output: str | None,
    error: str | None,
    owner_xid: str | None,
) -> bool:
    """Store how a workflow ended; return False when it is not this execution's any more."""
    with system.engine.begin() as conn:
        ended = {"id": workflow_id, "status": status, "owner": owner_xid}
        if not conn.execute(end, ended).rowcount:
            return False
        put(
            conn, RESULTS, ["workflow_uuid"], {"workflow_uuid": workflow_id, "output": output, "error": error}
        )
        return True
