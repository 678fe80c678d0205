"""What all suites share: the store as a parameter, one fitted classifier, a heap that the garbage collector gets through.

What asks the ledger is asked on SQLite and on Postgres.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

# Two threads of the linear algebra wait for each other more than they work: a fit takes 2.3 s of the processors' time with
# them and 0.9 s without. Said before numpy is loaded, and to every process that a test starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import structlog
from dbos import DBOS
from jinja2 import Environment
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy import Engine, event
from werkzeug.routing.rules import Rule

from core.config import checks
from core.hours import Hours
from core.ledger import db
from core.telemetry.counters import Counters
from tests import fitted
from tests.real_postgres import real_postgres
from tests.stores import COPIED, KINDS, Stores, hasten

TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
SHORT = {"connectors", "core", "fuzz"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real server on a socket of its own, one for the whole session; its URL."""
    with real_postgres() as url:
        hasten(url)
        yield url


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Makes databases for tests; starts Postgres when the first of its kind is wanted."""
    made = Stores(tmp_path_factory.mktemp("stores"), lambda: request.getfixturevalue("postgres"))
    yield made
    made.spares.close()


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: each in turn."""
    return str(request.param)


@pytest.fixture
def store_url(store_kind: str, stores: Stores, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    with stores.fresh(store_kind, tmp_path) as url:
        yield url


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """The ledger in it."""
    engine = db.connect(store_url)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def writers_stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the threads that store metrics: they end with their process, but here would log into later tests."""
    woken: set[Counters] = set()
    wake = Counters._wake

    def noted(counters: Counters) -> None:
        wake(counters)
        woken.add(counters)

    monkeypatch.setattr(Counters, "_wake", noted)
    yield
    for counters in woken:
        if counters._pid == os.getpid():
            counters._stop.set()


@pytest.fixture(scope="module", autouse=True)
def freed_memory_goes_back() -> Iterator[None]:
    """What a file's tests freed goes back to the system, where the C library can do so: it would keep 60 MB a process."""
    yield
    if TRIM is not None:
        TRIM(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take seconds come last, those that take a minute before: no process of pytest-xdist is left with a long one."""
    items.sort(key=lambda item: not SHORT.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    """Imports and collected tests stay to the end: the collector need not look at them again, and so comes round often
    enough to give back what each test leaves in circles; less often than it would by itself, which took a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


@pytest.fixture(scope="session")
def classifier_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where fitted classifiers are kept: one folder for all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "classifier"
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture(scope="session", autouse=True)
def fitted_once(classifier_cache: Path) -> Iterator[None]:
    """The same examples are fitted once, whichever folder a test configures."""
    with fitted.once(classifier_cache):
        yield


@pytest.fixture(scope="session", autouse=True)
def files_need_not_survive_a_power_cut() -> Iterator[None]:
    """As `hasten` for Postgres: SQLite need not wait for the disk. Processes of their own wait for it as they always do."""
    quick = tuple(one.replace("synchronous=FULL", "synchronous=OFF") for one in db.PRAGMAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "PRAGMAS", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def engines_tables_are_in_the_template() -> Iterator[None]:
    """The engine does not look for its tables in the copy of a template: each start would open three connections for it."""
    migrate = DBOS.migrate

    def unless_copied(url: str, **more: Any) -> None:
        if url not in COPIED:
            migrate(url, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DBOS, "migrate", unless_copied)
        yield


@pytest.fixture(scope="session", autouse=True)
def tracebacks_are_plain() -> Iterator[None]:
    """A logged exception is a traceback as Python prints it: one with colours, frames and variables takes 40 ms and more."""
    with pytest.MonkeyPatch.context() as patch:
        printer = structlog.get_config()["processors"][-1]
        patch.setattr(printer, "exception_formatter", structlog.dev.plain_traceback)
        yield


@pytest.fixture(scope="session", autouse=True)
def routes_compiled_once() -> Iterator[None]:
    """The same route of another app is not compiled again: each test's fake and receiver have 70, at 2 ms each."""
    compile_one, known = Rule._compile_builder, {}

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_one(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in known:
            known[key] = compile_one(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    """The same template is not compiled again for another environment of the same kind: a page of the console takes 20 to
    60 ms, and each test has an application of its own."""
    compile_one, known = Environment.compile, {}

    def once(env: Environment, source: Any, name: Any = None, filename: Any = None, *more: Any) -> Any:
        if not isinstance(source, str):
            return compile_one(env, source, name, filename, *more)
        # Flask's is a method of the application
        escaped = getattr(env.autoescape, "__func__", env.autoescape)
        syntax = (env.trim_blocks, env.lstrip_blocks, env.finalize, escaped, *env.extensions)
        names = tuple((one, place.__name__) for one, place in (*env.filters.items(), *env.tests.items()))
        key = (type(env), syntax, names, source, name, filename, *more)
        if key not in known:
            known[key] = compile_one(env, source, name, filename, *more)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def texts_checked_once() -> Iterator[None]:
    """The same texts of an admin are filled in once for every language and name, whichever configuration names them: at each
    start that takes 20 ms. Tests of the check itself call `core.wording.check`."""
    check, known = checks.check, {}

    def once(env: SandboxedEnvironment, replies: Iterable[str], now: datetime, hours: Hours) -> Any:
        folders = [Path(place) for place in env.loader.loaders[0].searchpath]
        files = [one for place in folders for one in sorted(place.glob("*")) if one.suffix == ".txt"]
        if not all(one.is_file() and os.access(one, os.R_OK) for one in files):
            return check(env, replies, now, hours)
        texts = tuple((one.name, one.read_bytes()) for one in files)
        key = (texts, env.globals["signature"], frozenset(replies), now, hours)
        if key not in known:
            known[key] = check(env, replies, now, hours)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "check", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """All engines of one kind share what SQLAlchemy has compiled: each test's engine would compile the same statements."""
    connect, shared = db.connect, {}

    def sharing(url: str) -> Engine:
        engine = connect(url)

        @event.listens_for(engine, "first_connect")
        def share(_connection: object, _record: object) -> None:  # by now the dialect knows its server
            engine.dialect, engine._compiled_cache = shared.setdefault(
                engine.dialect.name, (engine.dialect, engine._compiled_cache)
            )

        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "connect", sharing)
        yield
