"""The steps of a set-up, in their order: what each shows, what it takes, and what follows from its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from core.admin.setup import account, choices, files, going, reading
from core.admin.setup.context import Form, Setup
from core.admin.setup.kept import Stale, State


def _nothing(_setup: Setup) -> None:
    """Nothing follows."""


def _no_answer(_setup: Setup, _form: Form) -> dict[str, Any]:
    return {"seen": True}


@dataclass(frozen=True)
class Step:
    """One page. `spoils`: the later steps whose answers, and what was found, no longer hold when this one's change."""

    name: str
    title: str
    shown: Callable[[Setup], dict[str, Any]]
    answer: Callable[[Setup, Form], dict[str, Any]] = _no_answer
    after: Callable[[Setup], None] = _nothing
    done: Callable[[State], bool] = lambda _state: True  # besides being answered
    spoils: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def _desk(setup: Setup) -> dict[str, Any]:
    return {"known": {"name": "support"} | dict(setup.state.of("desk")), "vendors": list(setup.kit.vendors)}


def _connect(setup: Setup) -> dict[str, Any]:
    state = setup.state
    vendor = state.of("desk")["vendor"]
    own, known = setup.kit.settings(vendor), state.of("connect")
    secret = [key for key in own.ASKED if "SecretStr" in str(own.model_fields[key].annotation)]
    return {
        "asked": own.ASKED,
        "where": own.WHERE,
        "secret": secret,
        "have": [key for key in secret if known.get(key)],
        "known": {key: value for key, value in known.items() if key not in secret},
        "address": known.get("base_url"),
        "usual": own.model_fields["base_url"].default,  # of a vendor with one address for all accounts
        "browser": setup.kit.vendors[vendor].connect is not None,
        "found": state.found,
        "link": account.allow(setup) if known.get("browser") and not state.found.get("who") else "",
        "callback": account.callback(setup),
    }


def _part(setup: Setup) -> dict[str, Any]:
    state = setup.state
    lists = state.found.get("lists", {})
    return {"known": state.of("part"), "lists": lists, "kinds": account.KINDS, "general": _general(lists)}


def _general(lists: dict[str, Any]) -> str:
    """Return the queue that is most likely for everything: the one named so, else the only one."""
    queues: list[str] = lists.get("queues", [])
    named = [
        q for q in queues if q.casefold() in {"support", "general", "customer support", "inbox", "helpdesk"}
    ]
    return next(iter(named), queues[0] if len(queues) == 1 else "")


def _tickets(setup: Setup) -> dict[str, Any]:
    return {"found": setup.state.found, "job": setup.jobs.get("read"), "most": reading.MOST}


def _intents(setup: Setup) -> dict[str, Any]:
    state = setup.state
    chosen = state.of("intents").get("chosen")
    rows = [
        {**one, "sample": choices.may_answer(one["name"], one["priority"])}
        for one in state.found.get("proposals", [])
    ]
    before = {one["name"]: one for one in chosen or ()}
    queues = state.found.get("lists", {}).get("queues", [])
    return {
        "rows": rows,
        "before": before,
        "answered": chosen is not None,
        "queues": queues,
        "read": state.found.get("read", 0),
    }


def _people(setup: Setup) -> dict[str, Any]:
    known = setup.state.of("people")
    plain = {key: value for key, value in known.items() if key not in choices.SECRET}
    have = [key for key in choices.SECRET if known.get(key)]
    return {"known": plain, "have": have, "tested": setup.state.found.get("tested", [])}


def _hours(setup: Setup) -> dict[str, Any]:
    return {
        "known": choices.hours_known(setup.state),
        "days": choices.DAYS,
        "times": choices.TIMES,
        "zones": sorted(available_timezones()),
    }


def _backtest(setup: Setup) -> dict[str, Any]:
    return {
        "r": setup.state.found.get("backtest"),
        "job": setup.jobs.get("backtest"),
        "read": setup.state.found.get("read", 0),
    }


def _review(setup: Setup) -> dict[str, Any]:
    return {"drafts": files.drafts(setup), "folder": str(setup.config.resolve().parent)}


def _start(setup: Setup) -> dict[str, Any]:
    state = setup.state
    return {
        "written": state.of("review").get("written", []),
        "made": state.found.get("installed", {}),
        "login": going.needs_login(setup),
        "config": str(setup.config),
        "desk": state.of("desk")["name"],
    }


def _start_answer(setup: Setup, form: Form) -> dict[str, Any]:
    if going.needs_login(setup):
        going.login(setup, form)
    return {"url": going.console_url(setup)}


def begin_reading(setup: Setup) -> None:
    """Read the tickets, unless they were read."""
    if "proposals" not in setup.state.found:
        setup.begin("read", partial(reading.read, setup))


def begin_backtest(setup: Setup) -> None:
    """Replay them, unless that was done."""
    if setup.state.found.get("read") and "backtest" not in setup.state.found:
        setup.begin("backtest", partial(reading.backtest, setup))


OF_TICKETS = ("days", "read", "proposals", "languages", "backtest")
STEPS = (
    Step(
        "desk",
        "Help desk",
        _desk,
        account.desk,
        spoils=(
            ("connect", "part", "tickets", "intents"),
            ("who", "trouble", "findings", "lists", *OF_TICKETS),
        ),
    ),
    Step(
        "connect",
        "Connection",
        _connect,
        account.connect,
        account.test,
        lambda state: bool(state.found.get("who")),
        spoils=(("part", "tickets", "intents"), OF_TICKETS),
    ),
    Step("part", "Scope", _part, account.part, begin_reading, spoils=(("tickets",), OF_TICKETS)),
    Step("tickets", "Tickets", _tickets),
    Step("intents", "Intents", _intents, choices.intents, spoils=((), ("backtest",))),
    Step("people", "Notifications", _people, choices.people, spoils=((), ("backtest", "tested"))),
    Step("hours", "Hours", _hours, choices.hours, begin_backtest, spoils=((), ("backtest",))),
    Step("backtest", "Backtest", _backtest),
    Step(
        "review", "Review", _review, lambda setup, form: {"written": going.write(setup, form)}, going.install
    ),
    Step("start", "Start", _start, _start_answer),
)
BY_NAME = {step.name: step for step in STEPS}


def reached(state: State) -> int:
    """Return the number of the first step that is not answered."""
    return next(
        (n for n, one in enumerate(STEPS) if not (one.name in state.answers and one.done(state))),
        len(STEPS) - 1,
    )


def take(setup: Setup, step: Step, form: Form, seen: int) -> None:
    """Store a step's answer and do what follows from it. Raises Wrong, Stale, ConfigError."""
    before = setup.state
    if seen != before.revision:
        raise Stale
    answers = step.answer(setup, form)

    def change(state: State) -> State:
        if dict(state.of(step.name)) != answers:
            state = state.without(*step.spoils)
        return state.with_answers(step.name, answers)

    after = setup.kept.change(change, seen)
    _forget_files(setup, before, after)
    step.after(setup)


def _forget_files(setup: Setup, before: State, after: State) -> None:
    """What was read, where it no longer holds."""
    if "read" in before.found and "read" not in after.found:
        setup.tickets.clear()
        (setup.kept.folder / "read.jsonl").unlink(missing_ok=True)
    if "backtest" not in after.found:
        reading.report_of(setup).unlink(missing_ok=True)
