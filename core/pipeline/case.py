"""What a decision is made from: the ticket with its new messages, and what the ledger knows of its past."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger.rows import DecisionRow, TicketRow
from core.ledger.states import DecisionState
from core.model import Message, Prediction, Ticket, created_key


@dataclass(frozen=True)
class Case:
    """What a decision is made from."""

    ticket: Ticket
    messages: tuple[Message, ...]
    words: str
    prediction: Prediction


def address_of(ticket: Ticket) -> str:
    """Whom a public message reaches: the customer's address, or the customer where there is none."""
    return ticket.customer.email or f"{ticket.desk}:{ticket.customer.id}"


@dataclass(frozen=True)
class Past:
    """What the ledger knew of a ticket when it was looked at: its row, and its decisions, oldest first."""

    ticket: TicketRow | None
    decisions: tuple[DecisionRow, ...] = ()

    @property
    def handled(self) -> str:
        """The newest message that was dealt with."""
        return self.ticket.handled_message_id if self.ticket is not None else ""

    @property
    def begun(self) -> bool:
        """Whether the ticket has had its first decision."""
        return any(one.key == created_key(one.desk, one.ticket_id) for one in self.decisions)

    @property
    def pending(self) -> DecisionRow | None:
        """The oldest decision that is not carried out yet."""
        return next((one for one in self.decisions if one.state == DecisionState.DECIDED), None)

    def about(self, message_id: str) -> int:
        """How many decisions this message has had: one, or more when it was set aside before."""
        return sum(one.message_id == message_id for one in self.decisions)
