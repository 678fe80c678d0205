"""The first steps: which help desk, how we get in, and which part of the account is served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from core.admin import connect as connecting
from core.admin.init import Answers, faults
from core.admin.setup.context import Form, Setup, Wrong, one
from core.admin.setup.kept import State
from core.app import App
from core.errors import BackstopError, ConfigError, VendorError, said_of
from core.ledger.tokens import StoredTokens
from core.model import Finding
from core.ports import AccountLists

KINDS = {"brands": "Brands", "mailboxes": "Mailboxes", "groups": "Groups", "forms": "Forms"}
FLAG = re.compile(r"^--([a-z-]+)")
FAIL = "fail"


# --- which help desk ------------------------------------------------------------------------


def desk(setup: Setup, form: Form) -> dict[str, Any]:
    """Return the vendor, the desk's name, and where it will reach us."""
    vendor, name = one(form, "vendor"), one(form, "name", "support").lower()
    if vendor not in setup.kit.vendors:
        raise Wrong("Choose your help desk.")
    address = one(form, "public_url").rstrip("/")
    wrong = faults(Answers(vendor=vendor, base_url="", public_url=address, name=name))
    if wrong:
        raise Wrong("\n".join(FLAG.sub(_label, line) for line in wrong))
    return {"vendor": vendor, "name": name, "public_url": address}


def _label(found: re.Match[str]) -> str:
    return {"public-url": "The public address", "base-url": "The address", "name": "The name"}.get(
        found[1], found[1]
    )


# --- how we get in --------------------------------------------------------------------------


def connect(setup: Setup, form: Form) -> dict[str, Any]:
    """The address and the credential, tried at once; what was kept counts where a secret's field is left empty."""
    state = setup.state
    own, known = setup.kit.settings(state.of("desk")["vendor"]), state.of("connect")
    given: dict[str, Any] = {key: one(form, key) or known.get(key, "") for key in own.ASKED}
    given["base_url"] = one(form, "base_url").rstrip("/") or str(own.model_fields["base_url"].default)
    given["browser"] = bool(one(form, "browser"))
    missing = [label for key, label in own.ASKED.items() if not given[key] and "optional" not in label]
    wrong = [f"{label} is missing." for label in missing]
    if not given["base_url"]:
        wrong.append("The address is missing: write it as https://your-company.example")
    elif faults(Answers(vendor=own.__name__, base_url=given["base_url"], public_url="")):
        wrong.append("This is not a server address: write it as https://host, without a path")
    if wrong:
        raise Wrong("\n".join(wrong))
    return given


def test(setup: Setup) -> None:
    """Try the connection, and keep what came of it for the page."""
    state, who, trouble = setup.state, "", ""
    found, places = list[Finding](), dict[str, Any]()
    try:
        with setup.program(state, store=True) as app:
            if found := _tried(app, setup.desk, state):
                me = app.desks[setup.desk].whoami()
                who = me.name or me.email or me.id
                places = _lists(setup, app)
    except (BackstopError, ConfigError) as err:
        trouble = said_of(err)
    kept = [{"code": f.code, "level": f.level, "what": f.what, "remedy": f.remedy} for f in found]
    setup.kept.change(lambda s: s.with_found(who=who, trouble=trouble, findings=kept, lists=places))


def _tried(app: App, desk: str, state: State) -> list[Finding]:
    """Return what doctor sees of the account with the credential, the worst first; [] while nobody has allowed a
    connection that is made in the browser."""
    if state.of("connect").get("browser") and StoredTokens(app.engine, app.clock).load(desk) is None:
        return []
    return sorted(app.desks[desk].check([]), key=lambda one: one.level != FAIL)


def callback(setup: Setup) -> str:
    """Where the vendor's page sends the browser back to: an admin names it in the OAuth client."""
    return f"{setup.address}/callback"


def allow(setup: Setup) -> str:
    """Return the vendor's page on which the connection is allowed."""
    with setup.program(store=True) as app:
        setup.asked = connecting.begin(app, setup.desk, callback(setup))
        return setup.asked.url


def allowed(setup: Setup, given: Mapping[str, str]) -> None:
    """The answer that came back from there. Raises ConfigError, VendorError."""
    if setup.asked is None:
        raise Wrong("This connection was not started here: start it again from the page.")
    with setup.program(store=True) as app:
        connecting.finish(app, setup.desk, setup.asked, given)
    setup.asked = None
    test(setup)


# --- which part -----------------------------------------------------------------------------


def _lists(setup: Setup, app: App) -> dict[str, Any]:
    """Return the account's own places by kind, and its queues. What cannot be read is said, and can be typed."""
    own = setup.kit.settings(setup.state.of("desk")["vendor"])
    found: dict[str, Any] = {"queues": [], "places": {}, "unread": {}}
    account = cast(AccountLists, app.desks[setup.desk])
    for kind in filter(own.PLACES.__contains__, KINDS):
        names = _read(account, kind, found["unread"])
        found["places"][kind] = names
        found["queues"] += names if kind in own.QUEUES else []
    found["queues"] = sorted(set(found["queues"]), key=str.casefold)
    return found


def _read(account: AccountLists, kind: str, unread: dict[str, str]) -> list[str]:
    try:
        listed = account.listed(kind)
    except VendorError as err:
        unread[kind] = said_of(err)
        return []
    names = {next((name for name in names if name), id_) for id_, names in listed.items()}
    return sorted(names, key=str.casefold)


def part(setup: Setup, form: Form) -> dict[str, Any]:
    """Return the general queue, and the places that are served; none of a kind: all of them."""
    known = setup.state.found.get("lists", {})
    places: Mapping[str, list[str]] = known.get("places", {})
    only = {kind: [n for n in form.get(kind, []) if n in set(names)] for kind, names in places.items()}
    queue = among(one(form, "general_queue"), known.get("queues", []), "The general queue")
    if not queue:
        raise Wrong("Choose the general queue.")
    return {"general_queue": queue, "only": {kind: names for kind, names in only.items() if names}}


def among(typed: str, queues: list[str], label: str) -> str:
    """Return a queue as the desk spells it. Raises Wrong for one that is not there, with the nearest."""
    if not typed or not queues:
        return typed
    spelt = {name.casefold(): name for name in queues}
    if typed.casefold() in spelt:
        return spelt[typed.casefold()]
    near = [name for name in queues if typed.casefold() in name.casefold()][:5]
    hint = f"; there are {', '.join(near)}" if near else ""
    raise Wrong(f'{label}: the desk has no "{typed}"{hint}. Pick one of its own.')
