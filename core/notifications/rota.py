"""Who is on duty: a weekly or daily turn with overrides, or a calendar. Pure but for the calendar's text, which is given.

[people.anna]
email = "anna@acme.example"          # also how a click of hers is matched to her account at the desk
sms = "+15550101"                    # one address per kind of channel
channels = ["sms:oncall", "email:manager"]   # her own order: the first is used, the next when it fails

[rota.team]
people = ["anna", "ben"]
turn = "weekly"                      # weekly | daily | all
start = "2026-01-05 09:00"           # a handover, by the office's clock
overrides = [{ from = "2026-12-24", to = "2026-12-27", people = ["ben"] }]
# or: calendar = "https://…/oncall.ics", whose events name a person or have one as attendee
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import BackstopError, ConfigError, said_of
from core.hours import stamp
from core.model import Finding
from core.notifications.duty_calendar import Shift, shifts

log = logging.getLogger(__name__)

TURNS = {"weekly": timedelta(days=7), "daily": timedelta(days=1)}
REFRESH = timedelta(minutes=10)
AHEAD, STEP = timedelta(days=28), timedelta(minutes=30)  # how far and how closely gaps are looked for
CORRECT = (
    "correct it; until then the last reading counts, and the whole rota is notified where it has no shift"
)
Reader = Callable[[str], str]
_Settings = TypeVar("_Settings", bound=BaseModel)


@dataclass(frozen=True)
class Person:
    """A person who can be notified. `addresses` by kind of channel; `channels` in the person's own order."""

    name: str
    email: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict, hash=False)
    channels: tuple[str, ...] = ()


class _PersonSettings(BaseModel):
    """`[people.<name>]`: further keys are addresses by kind of channel."""

    model_config = ConfigDict(extra="allow")

    email: str = ""
    channels: list[str] = Field(default_factory=list)


class _Override(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    begin: datetime | date = Field(alias="from")
    end: datetime | date = Field(alias="to")
    people: list[str] = Field(min_length=1)


class _RotaSettings(BaseModel):
    """`[rota.<audience>]`."""

    model_config = ConfigDict(extra="forbid")

    people: list[str] = Field(default_factory=list)
    turn: str = Field("weekly", pattern="^(weekly|daily|all)$")
    start: datetime | date = date(2026, 1, 5)
    overrides: list[_Override] = Field(default_factory=list)
    calendar: str = ""

    @model_validator(mode="after")
    def _somebody(self) -> _RotaSettings:
        if not self.people:
            raise ValueError("names no one: list its people (with a calendar, all who may stand in it)")
        return self


@dataclass
class Rota:
    """The duty of one audience."""

    people: tuple[Person, ...]
    zone: ZoneInfo
    turn: timedelta | None  # None: all at once
    start: datetime  # by the office's clock, without zone
    overrides: tuple[tuple[datetime, datetime, tuple[Person, ...]], ...] = ()
    calendar: str = ""
    read: Reader | None = None
    shifts: tuple[Shift, ...] = ()  # of the calendar, around the time of its last reading
    trouble: str = ""  # why the last reading failed, "" when it did not
    _read_at: datetime | None = None

    def planned(self, at: datetime) -> tuple[Person, ...]:
        """Return who is on duty by plan, as far as the calendar was read; () in a gap."""
        local = at.astimezone(self.zone).replace(tzinfo=None)
        for begin, end, people in self.overrides:
            if begin <= local < end:
                return people
        if self.calendar:
            found = [_who(one, self.people) for one in self.shifts if one.begin <= at < one.end]
            return tuple(dict.fromkeys(person for people in found for person in people))
        if self.turn is None:
            return self.people
        # by the wall clock, so that the handover stays at nine when the clocks change
        return (self.people[(local - self.start) // self.turn % len(self.people)],)

    def refresh(self, now: datetime) -> None:
        """Read the calendar, every ten minutes; while that fails, what was read before stays true (for five weeks)."""
        if not self.calendar or self.read is None:
            return
        if self._read_at is not None and now - self._read_at < REFRESH:
            return
        self._read_at = now
        try:
            self.shifts, self.trouble = shifts(self.read(self.calendar), now, self.zone), ""
        except (BackstopError, OSError) as err:
            self._keep_last(said_of(err))
        except ValueError as err:
            self._keep_last(str(err))

    def _keep_last(self, why: str) -> None:
        self.trouble = why
        log.warning("the duty calendar cannot be read, its last version stays in use: %s", why)


@dataclass(frozen=True)
class Rotas:
    """The rotas by audience."""

    rotas: Mapping[str, Rota] = field(default_factory=dict)

    def on_duty(self, audience: str, now: datetime) -> tuple[Person, ...]:
        """Return who is to be notified: () where the audience has no rota, all its members when no one is on duty."""
        rota = self.rotas.get(audience)
        if rota is None:
            return ()
        rota.refresh(now)
        planned = rota.planned(now)
        if not planned:
            log.error("no one is on duty for %s: all its members are notified", audience)
        return planned or rota.people

    def check(self, now: datetime) -> list[Finding]:
        """Return times of the next four weeks at which no one is on duty."""
        findings = []
        for audience, rota in self.rotas.items():
            rota.refresh(now)
            if rota.trouble:
                what = f"rota.{audience}: the duty calendar is not used as it is now: {rota.trouble}"
                findings.append(Finding("RO02", "fail", what, CORRECT))
            steps = (now + n * STEP for n in range(int(AHEAD / STEP)))
            gap = next((at for at in steps if not rota.planned(at)), None)
            if gap is not None:
                when = stamp(gap, rota.zone)
                remedy = "close the gap in the calendar or the rota; until then all its members are notified"
                findings.append(
                    Finding("RO01", "fail", f"rota.{audience}: nobody is on duty at {when}", remedy)
                )
            else:
                findings.append(Finding("RO00", "ok", f"rota.{audience}: somebody is on duty for four weeks"))
        return findings


def make(
    rota: Mapping[str, Mapping[str, Any]],
    people: Mapping[str, Mapping[str, Any]],
    timezone: str = "UTC",
    read: Reader | None = None,
) -> Rotas:
    """From the tables `[rota]` and `[people]`; raises ConfigError with key and remedy."""
    known = {name: _person(name, raw) for name, raw in people.items()}
    return Rotas({audience: _rota(audience, raw, known, timezone, read) for audience, raw in rota.items()})


def _person(name: str, raw: Mapping[str, Any]) -> Person:
    values = _read(_PersonSettings, raw, f"people.{name}")
    extra = {kind: str(address) for kind, address in (values.model_extra or {}).items()}
    return Person(
        name,
        values.email,
        {"email": values.email, **extra} if values.email else extra,
        tuple(values.channels),
    )


def _rota(
    audience: str, raw: Mapping[str, Any], known: Mapping[str, Person], timezone: str, read: Reader | None
) -> Rota:
    values = _read(_RotaSettings, raw, f"rota.{audience}")

    def named(names: Sequence[str]) -> tuple[Person, ...]:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ConfigError(f"rota.{audience}: {', '.join(unknown)} is unknown: add [people.{unknown[0]}]")
        return tuple(known[name] for name in names)

    overrides = tuple((_local(o.begin), _local(o.end), named(o.people)) for o in values.overrides)
    return Rota(
        named(values.people),
        ZoneInfo(timezone),
        TURNS.get(values.turn),
        _local(values.start),
        overrides,
        values.calendar,
        read,
    )


def _read(model: type[_Settings], raw: Mapping[str, Any], where: str) -> _Settings:
    try:
        return model.model_validate(raw)
    except ValidationError as err:
        lines = [
            f"{'.'.join([where, *map(str, e['loc'])])}: {e['msg'].removeprefix('Value error, ')}"
            for e in err.errors()
        ]
        raise ConfigError("\n".join(lines)) from err


def _local(at: datetime | date) -> datetime:
    if isinstance(at, datetime):
        return at.replace(tzinfo=None)
    return datetime(at.year, at.month, at.day)  # noqa: DTZ001  # the office's wall clock


def _who(shift: Shift, people: Sequence[Person]) -> tuple[Person, ...]:
    """Return the people a shift means: by attendee's address, else by a name in its title."""
    by_address = tuple(person for person in people if person.email and person.email.lower() in shift.invited)
    title = shift.title.casefold()
    return by_address or tuple(
        person
        for person in people
        if person.name.casefold() in title.split() or person.name.casefold() == title
    )
