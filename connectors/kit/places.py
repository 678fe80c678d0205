"""Where a ticket is in its account (brand, group, mailbox, form), by id and name; looked up only where `only` needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from connectors.kit.findings import fail, ok
from core.errors import VendorError
from core.model import Finding
from core.scope import Places, Scope, folded

Named = Callable[[str], Mapping[str, Iterable[str]]]
"""Kind of place → id → its names and addresses in the account. Raises VendorError."""
Ids = Mapping[str, Iterable[object]]
"""Kind of place → what a ticket itself says of where it lies."""
Placing = Callable[[Ids], Places]
"""What a ticket says → all names of its places."""
LISTED = ("brands", "mailboxes", "groups", "forms")  # kinds that an account lists; channels it does not


def places_of(ids: Ids, only: Scope, named: Named) -> Places:
    """Return all names of a ticket's places, of the kinds that `only` names.

    Names are looked up only where `only` uses some that are no ids: a ticket shows ids.
    """
    found = {}
    for kind in only:
        told = folded(str(one) for one in ids.get(kind, ()) if one not in (None, ""))
        names = named(kind) if _by_name(kind, only) else {}
        found[kind] = told | folded(name for one in told for name in names.get(one, ()))
    return found


def _by_name(kind: str, only: Scope) -> bool:
    return kind in LISTED and not all(one.isdigit() for one in only[kind])


def findings(code: str, only: Scope, named: Named) -> Iterator[Finding]:
    """Whether each place that `only` names is in the account; if not, which are."""
    for kind in [one for one in LISTED if one in only]:
        try:
            there = named(kind)
        except VendorError as err:
            words = f"only.{kind}: the account's {kind} cannot be read ({err}), so it is not known which tickets belong to this desk"
            yield fail(code, words, "let our user read them, or name them by id")
            continue
        names = {one: folded([one, *more]) for one, more in there.items()}
        missing = only[kind] - {name for more in names.values() for name in more}
        known = ", ".join(sorted(next(iter(more), one) for one, more in there.items())) or "none"
        for one in sorted(missing):
            yield fail(
                code, f'only.{kind}: there is no "{one}"; there are: {known}', "correct the name in the file"
            )
        if not missing:
            yield ok(code, f"only.{kind}: {', '.join(sorted(only[kind]))} is in the account")
