"""From a notice to destinations: channels, people and addresses, and the fallbacks when one fails. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core import safety
from core.escalation import TEAM
from core.model import Finding, Notification, Priority, Rung
from core.notifications.rota import Person, Reader, Rotas
from core.notifications.rota import make as make_rotas
from core.ports import Channel
from core.rungs import check_rungs

ALARM = "alarm"  # the audience of our own troubles
SAFETY = safety.AUDIENCE
DESK = "desk"  # the channel that can speak only of a ticket


@dataclass(frozen=True)
class Place:
    """One message's destination. `address` is a number or mailbox, or whom to mention; "" is the channel's one place."""

    channel: str
    address: str = ""
    person: str = ""
    email: str = ""


@dataclass(frozen=True)
class Routes:
    """Decide who is notified, and by which channel."""

    channels: Mapping[str, Channel]
    by_priority: Mapping[Priority, tuple[str, ...]] = field(default_factory=dict)
    audiences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alarm: tuple[str, ...] = ()
    safety: tuple[str, ...] = ()
    rotas: Rotas = field(default_factory=Rotas)

    def refs(self, audience: str, priority: Priority) -> tuple[str, ...]:
        """Return the channels of an audience; () for an unknown name."""
        if audience == TEAM:
            return self.by_priority.get(priority) or self._nearest(priority)
        if audience == ALARM:
            return self.alarm or self.by_priority.get(Priority.URGENT) or self._nearest(Priority.URGENT)
        if audience == SAFETY:
            return self.safety or self.refs(TEAM, priority)
        named = self.audiences.get(audience)
        return (
            named
            if named is not None
            else tuple(r for r in self.channels if audience in {r, r.partition(":")[2]})
        )

    def people(self, audience: str, now: datetime) -> tuple[Person, ...]:
        """Return who is on duty for an audience: by its own rota, or by one that it names among its channels."""
        named = (audience, *(ref for ref in self.audiences.get(audience, ()) if ref in self.rotas.rotas))
        return tuple(dict.fromkeys(person for name in named for person in self.rotas.on_duty(name, now)))

    def places(self, notice: Notification, now: datetime) -> tuple[Place, ...]:
        """Return the destinations of a notice; the fallbacks when its audience has none."""
        found = tuple(self._places(notice.audience, notice.priority, bool(notice.ticket_id), now))
        return found or self.fallback(notice.audience, notice.priority, (), bool(notice.ticket_id), now)

    def fallback(
        self,
        audience: str,
        priority: Priority,
        tried: Collection[str],
        ticket: bool,
        now: datetime,
        *,
        person: str = "",
        wide: bool = True,
    ) -> tuple[Place, ...]:
        """Return the next channel named that was not tried yet: of the audience and the person; `wide`: of everybody
        else, too."""
        people = self.people(audience, now)
        chain = [*self.refs(audience, priority)]
        chain += [
            ref for one in people if one.name == person or (wide and not person) for ref in one.channels
        ]
        if wide and priority is Priority.LOW:
            chain += self.refs(TEAM, Priority.NORMAL)  # a notice that can wait pages no one, whatever fails
        elif wide:
            chain += [*self.refs(TEAM, Priority.URGENT), *self.alarm]
            chain += [ref for refs in (*self.by_priority.values(), *self.audiences.values()) for ref in refs]
        chain += [DESK] if ticket and wide else []
        for ref in dict.fromkeys(chain):
            if ref in self.channels and ref not in tried and (ticket or ref != DESK):
                return self._at(ref, [one for one in people if one.name == person] if person else people)
        return ()

    def _places(self, audience: str, priority: Priority, ticket: bool, now: datetime) -> Iterator[Place]:
        people = self.people(audience, now)
        refs = [
            ref for ref in self.refs(audience, priority) if ref in self.channels and (ticket or ref != DESK)
        ]
        personal = [ref for ref in refs if self.channels[ref].recipients]
        for ref in refs:
            if ref not in personal or not people:
                yield from self._at(ref, people)
        duty = any(ref in self.rotas.rotas for ref in self.audiences.get(audience, ()))
        for person in people if personal or duty or not refs else ():  # a rota alone: by their own channels
            yield from self._for(person, personal)

    def _for(self, person: Person, personal: Sequence[str]) -> tuple[Place, ...]:
        """Return one person: by the first channel of the person's own order, else by all that were named."""
        own = [ref for ref in person.channels if ref in self.channels]
        if own:
            return self._at(own[0], (person,))
        return tuple(place for ref in personal for place in self._at(ref, (person,)))

    def _at(self, ref: str, people: Sequence[Person]) -> tuple[Place, ...]:
        """Return a channel's places: each person where people have addresses there, its own recipients otherwise."""
        channel = self.channels[ref]
        known = [(person, person.addresses.get(channel.kind, "")) for person in people]
        if not channel.recipients:
            names = ", ".join(person.name for person in people)
            return (Place(ref, ",".join(address for _, address in known if address), names),)
        reachable = tuple(
            Place(ref, address, person.name, person.email) for person, address in known if address
        )
        return reachable or tuple(
            Place(ref, to, email=to if channel.kind == "email" else "") for to in channel.recipients
        )

    def _nearest(self, priority: Priority) -> tuple[str, ...]:
        """A priority without channels uses those of the next more urgent one; low, and what has none, the desk's queue."""
        if priority is not Priority.LOW:
            for other in reversed(list(Priority)[: priority.rank]):
                if self.by_priority.get(other):
                    return self.by_priority[other]
        return (DESK,) if DESK in self.channels else ()

    def check(self, ladders: Mapping[str, Sequence[Rung]], now: datetime) -> list[Finding]:
        """Return what start-up and `doctor` report: names without a destination, people without an address, gaps in the rota."""
        findings = [
            Finding("RT01", "fail", f"escalation.{key}: {words}")
            for key, rungs in ladders.items()
            for words in check_rungs(rungs)
        ]
        named = {f"escalation.channels.{p}": refs for p, refs in self.by_priority.items()} | {
            f"audiences.{name}": refs for name, refs in self.audiences.items()
        }
        named |= {"escalation.alarm": self.alarm, "safety.channels": self.safety}
        for where, refs in named.items():
            unknown = [ref for ref in refs if ref not in self.channels and ref not in self.rotas.rotas]
            findings += [
                Finding("RT02", "fail", f'{where}: there is no channel "{r}"', _add(r)) for r in unknown
            ]
        for audience in dict.fromkeys(rung.notify for rungs in ladders.values() for rung in rungs):
            if not self.refs(audience, Priority.NORMAL) and audience not in self.rotas.rotas:
                remedy = f'add [audiences] {audience} = ["email:{audience}"], or a channel of that name'
                findings.append(Finding("RT03", "fail", f'ladder: there is no audience "{audience}"', remedy))
        return [*findings, *self._check_people(), *self.rotas.check(now)]

    def _check_people(self) -> Iterator[Finding]:
        for audience, rota in self.rotas.rotas.items():
            wants = {ref for p in Priority for ref in self.refs(audience, p) if ref in self.channels}
            kinds = {self.channels[ref].kind for ref in wants if self.channels[ref].recipients}
            for person in rota.people:
                lost = [ref for ref in person.channels if ref not in self.channels]
                yield from (
                    Finding("RT04", "fail", f'people.{person.name}: there is no channel "{r}"', _add(r))
                    for r in lost
                )
                for kind in sorted(kinds - set(person.addresses)) if not person.channels else ():
                    what = f"people.{person.name}: on duty for {audience}, but has no address for {kind}"
                    yield Finding("RT05", "fail", what, f'add {kind} = "…" to [people.{person.name}]')


def _add(ref: str) -> str:
    return f"add [channels.{ref.replace(':', '.')}], or correct the name"


def make(settings: Any, channels: Mapping[str, Channel], read: Reader | None = None) -> Routes:
    """From the settings; `read` fetches a duty calendar. Raises ConfigError."""
    escalation = settings.escalation
    return Routes(
        channels=channels,
        by_priority={Priority(p): tuple(refs) for p, refs in escalation.channels.items()},
        audiences={name: tuple(refs) for name, refs in settings.audiences.items()},
        alarm=tuple(escalation.alarm),
        safety=tuple(settings.safety.channels),
        rotas=make_rotas(settings.rota, settings.people, settings.hours.timezone, read),
    )


def of(app: Any) -> Routes:
    """Return the running program's routes, made once."""
    routes: Routes | None = getattr(app, "routes", None)
    if routes is None:
        routes = app.routes = make(app.settings, app.channels)
    return routes
