"""The world of the notification tests: scripted channels, one desk, a clock moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert, select

from core.errors import Refused, TryLater, UnknownOutcome, VendorError
from core.escalation import advanced, due, ladder_for, next_due, notices_for
from core.hours import Hours
from core.ledger import db
from core.ledger.schema import history, notices, tickets
from core.model import Claim, Mode, Notification, OutboundMessage, Priority, Receipt, Rules, Rung
from core.notifications.rota import Rotas
from core.notifications.routing import Routes
from core.ports import MANY_READERS, ONE_PERSON, Abilities
from core.reports.attachments import enclosed
from core.settings import Escalation

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
M = timedelta(minutes=1)
LADDER = (Rung(30 * M, "team"), Rung(120 * M, "manager"))


PLAIN = Abilities("rich", 2000)


@dataclass
class FakeChannel:
    """Accept every message, unless `says` scripts another result."""

    name: str
    recipients: tuple[str, ...] = ()
    can: Abilities = PLAIN
    says: list[Exception | str] = field(default_factory=list)
    down: Exception | None = None
    sent: list[OutboundMessage] = field(default_factory=list)
    before: Any = None  # called while a message is on its way

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    def __post_init__(self) -> None:
        form = {"sms": "short", "email": "mail"}.get(self.kind, "rich")
        limits = {"sms": ONE_PERSON, "email": ONE_PERSON, "slack": MANY_READERS, "teams": MANY_READERS}
        self.can = replace(self.can, format=form, limits=limits.get(self.kind, ()))

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        self.sent.append(outbound)
        if self.before:
            self.before(outbound)
        if self.down:
            raise self.down
        said = self.says.pop(0) if self.says else ""
        if isinstance(said, Exception):
            raise said
        return Receipt(id=f"{self.name}-{len(self.sent)}", state=said or "accepted")

    def check(self) -> list:
        return []


@dataclass
class FakeDesk:
    """Return the claims of tickets, and count the reads."""

    claims: dict[str, Claim] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    down: VendorError | None = None

    def unclaimed(self, ids: list[str]) -> dict[str, Claim]:
        self.asked.append(list(ids))
        if self.down:
            raise self.down
        return {id_: self.claims.get(id_, Claim(id_)) for id_ in ids}


class World:
    """The parts of a running program that notices need."""

    def __init__(self, path: Path, url: str = "", **routes: Any) -> None:
        self.engine = db.connect(url or f"sqlite:///{path}/ledger.db")
        db.create_all(self.engine)
        self.desk = FakeDesk()
        self.desks = {"support": self.desk}
        self.sms = FakeChannel(
            "sms:oncall", ("+15550100",), can=Abilities("short", 320, customer_words=False)
        )
        self.slack = FakeChannel("slack:urgent", can=replace(PLAIN, threads=True))
        self.boss = FakeChannel("email:manager", ("boss@acme.example",))
        self.queue = FakeChannel("desk")
        self.pager = FakeChannel("webhook:pager", can=Abilities("rich", 2000, closes=True))
        self.channels = {c.name: c for c in (self.sms, self.slack, self.boss, self.queue, self.pager)}
        self.settings = SimpleNamespace(public_url="https://backstop.acme.example", escalation=Escalation())
        self.rules = {"support": Rules(0.85, 0.6, {}, frozenset(), "General", mode=Mode.ACT)}
        self.hours = Hours.make("Europe/Berlin")
        self.counters = None
        self.attachments = enclosed
        self.now = T0
        named = {
            "by_priority": {
                Priority.URGENT: ("sms:oncall", "slack:urgent"),
                Priority.HIGH: ("slack:urgent",),
                Priority.NORMAL: ("slack:urgent",),
            },
            "audiences": {"manager": ("email:manager",)},
            "rotas": Rotas(),
        }
        self.routes = Routes(self.channels, **(named | routes))

    def clock(self) -> datetime:
        return self.now

    def hours_of(self, desk: str) -> Hours:
        return self.hours

    def escalate(self, ticket_id: str = "4711", priority: str = "urgent", **more: Any) -> None:
        """A ticket begins to wait for a human, as the program would store it."""
        promise_at = self.now + (30 * M if priority == "urgent" else 240 * M)
        ladder = ladder_for(
            LADDER,
            waiting_since=self.now,
            promise_at=promise_at,
            priority=Priority(priority),
            hours=self.hours,
        )
        row = {
            "desk": "support",
            "ticket_id": ticket_id,
            "state": "escalated",
            "priority": priority,
            "subject": "My card was charged",
            "customer_name": "Mara",
            "url": f"https://desk.example/{ticket_id}",
            "waiting_since": self.now,
            "escalated_at": self.now,
            "promise_at": promise_at,
            "ladder": ladder,
            "rung": 0,
            "next_due_at": next_due(ladder, 0),
            **more,
        }
        with self.engine.begin() as conn:
            conn.execute(insert(tickets).values(**row))

    def tick(self, minutes: float = 0) -> int:
        """Move the clock and do what the sweep does: due rungs become notices, notices are sent."""
        from core.notifications.delivery import enqueue, pump

        self.now += minutes * M
        with self.engine.begin() as conn:
            for row in (
                conn.execute(select(tickets).where(tickets.c.next_due_at <= self.now)).mappings().all()
            ):
                enqueue(conn, notices_for(row, due(row, self.now)), routes=self.routes, now=self.now)
                rung, following = advanced(row, self.now)
                mine = (tickets.c.desk == row["desk"]) & (tickets.c.ticket_id == row["ticket_id"])
                conn.execute(tickets.update().where(mine).values(rung=rung, next_due_at=following))
        return pump(self, self.now)

    def tell(self, *told: Notification) -> int:
        from core.notifications.delivery import enqueue, pump

        with self.engine.begin() as conn:
            enqueue(conn, told, routes=self.routes, now=self.now)
        return pump(self, self.now)

    def rows(self, **where: str) -> list[Any]:
        query = select(notices).order_by(notices.c.created_at, notices.c.key)
        for name, value in where.items():
            query = query.where(notices.c[name] == value)
        with db.reading(self.engine) as conn:
            return list(conn.execute(query))

    def states(self) -> dict[str, str]:
        return {row.channel: row.state for row in self.rows()}

    def story(self) -> list[tuple[str, str]]:
        with db.reading(self.engine) as conn:
            return [(row.what, row.detail) for row in conn.execute(select(history).order_by(history.c.id))]

    def ticket(self, ticket_id: str = "4711") -> Any:
        with db.reading(self.engine) as conn:
            return conn.execute(select(tickets).where(tickets.c.ticket_id == ticket_id)).one()


def notice(
    number: int = 1, priority: Priority = Priority.URGENT, template: str = "escalated", **facts: Any
) -> Notification:
    id_ = str(4700 + number)
    return Notification(
        f"support:{id_}:t0:0", "team", priority, template, {"subject": "S", **facts}, "support", id_
    )


REFUSED = Refused("HTTP 404: no_service", status=404)
BUSY = TryLater("no answer")
LOST = UnknownOutcome("fell silent")
