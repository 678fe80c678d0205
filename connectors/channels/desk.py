"""The desk's own queue: a private note on the ticket itself.

For what can wait until somebody works through the queue: the ticket is there already, tagged; the note says why.
It notifies no one actively. Needs no configuration; is called `desk`.

How it fails: as the desk does. A ticket that is gone or cannot be written any more is refused: there is nothing left to
claim. A note whose outcome is unknown is looked for before it is written again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from connectors.channels.posting import Context
from core.errors import Conflict, Gone, Moved, Refused, TryLater, UnknownOutcome, Unsupported
from core.model import AddNote, Finding, OutboundMessage, Receipt, ReceiptState, Ticket, Write
from core.ports import Abilities, HelpDesk

RECENT = timedelta(minutes=15)  # how far back an earlier try of ours may lie


class Settings(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(extra="forbid")


class DeskQueue:
    """The notes of all desks."""

    name = kind = "desk"
    can = Abilities("rich", 4000)
    recipients: tuple[str, ...] = ()

    def __init__(self, _name: str, _settings: Settings, context: Context) -> None:
        self._desks, self._may_write = context.desks, context.may_write

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Write a note on the notice's ticket. Raises TryLater, Refused, UnknownOutcome."""
        desk = self._desks.get(outbound.desk)
        if desk is None or not outbound.ticket_id:
            raise Refused("this notice belongs to no ticket, so there is no queue to put it into")
        if not self._may_write(outbound.desk):
            return Receipt(
                state=ReceiptState.ACCEPTED, detail=f"{outbound.desk} is only observed: no note written"
            )
        try:
            ticket = desk.fetch(outbound.ticket_id)
            notes = desk.writes(ticket, [AddNote("notice", text=outbound.text)], outbound.key)
        except (Gone, Moved, Unsupported) as err:
            raise Refused(f"no note can be left on it: {err}") from err
        receipts = [self._written(desk, ticket, note, outbound.repeat, now) for note in notes]
        return Receipt(id=receipts[-1].id if receipts else "", state=ReceiptState.ACCEPTED)

    def check(self) -> list[Finding]:
        """Return one finding: each desk is checked elsewhere."""
        return [Finding("CH40", "ok", "desk: notes go to the tickets themselves")]

    def _written(self, desk: HelpDesk, ticket: Ticket, note: Write, repeat: bool, now: datetime) -> Receipt:
        found = desk.landed(ticket.id, note, now - RECENT) if repeat else None
        if found is not None:
            return found
        try:
            return desk.send(ticket, note)
        except Conflict as err:
            raise TryLater(str(err), wait=timedelta(seconds=5)) from err
        except (Gone, Moved) as err:
            raise Refused(str(err)) from err
        except UnknownOutcome:
            found = desk.landed(ticket.id, note, now - RECENT)
            if found is None:
                raise
            return found


make = DeskQueue
