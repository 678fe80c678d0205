"""Which part of an account a desk entry serves, and whether a ticket lies in it. Pure.

A ticket bears, for each kind of place, every name by which the vendor knows the place: its id, its name, its address. So a
scope may use any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Protocol

Places = Mapping[str, frozenset[str]]
"""Kind of place → all names of the one that a ticket lies in, in small letters."""
Scope = Mapping[str, frozenset[str]]
"""Kind of place → the names of those that are served, in small letters. Empty: the whole account."""

GROUPS = "groups"
OUTSIDE = "it lies outside the part of the account that this desk serves"
CAME_IN = "it came into the part of the account that this desk serves"
UNMATCHED = timedelta(days=1)  # after which a scope that no ticket fits is an alarm


class Placed(Protocol):
    """A ticket, whole or as a line of a list."""

    @property
    def places(self) -> Places:
        """Where it lies in its account."""


def folded(names: Iterable[str]) -> frozenset[str]:
    """Names as they are compared: without regard to case or blanks around them."""
    return frozenset(str(one).strip().casefold() for one in names) - {""}


def in_scope(ticket: Placed, only: Scope, moved_to: str = "") -> bool:
    """Return whether a ticket lies in each kind of place that `only` names. `moved_to`: the queue that we gave it to
    ourselves, which takes it out of no scope."""
    ours = folded([moved_to])
    return all(
        (names | ours if kind == GROUPS else names) & ticket.places.get(kind, frozenset())
        for kind, names in only.items()
    )


def overlap(one: Scope, other: Scope) -> bool:
    """Return whether a ticket could lie in both: they differ for sure only where both name the same kind and share no
    name."""
    return not any(kind in other and not (names & other[kind]) for kind, names in one.items())


def said(only: Scope) -> str:
    """Return the scope in words."""
    return "; ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in only.items())
