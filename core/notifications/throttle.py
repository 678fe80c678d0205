"""How much one person is told singly; what is more goes into a digest. Pure.

The figures for a person are those GoAlert has settled on for SMS (`engine/message/ratelimit.go`); a mailbox with a
hundred mails of ours is read no more than a phone with a hundred messages. Places that many people look at (a chat
channel) stand more; pagers are machines and stand anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

M, H = timedelta(minutes=1), timedelta(hours=1)

A_PERSON = ((5, 15 * M), (11, H), (21, 3 * H))
LIMITS: dict[str, tuple[tuple[int, timedelta], ...]] = {
    "sms": A_PERSON,
    "email": A_PERSON,
    "slack": ((40, 5 * M),),
    "teams": ((40, 5 * M),),
}
"""Kind of channel → at most so many messages within so long, to one address."""

LOOK_BACK = 3 * H
GATHER = M  # a digest waits so long for company
BETWEEN = 15 * M  # and comes at most so often


def too_many(kind: str, sent: Sequence[datetime], now: datetime) -> bool:
    """Whether one more message to this address would be too many; `sent`: when it was told lately."""
    return any(sum(at > now - span for at in sent) >= most for most, span in LIMITS.get(kind, ()))


def digest_at(digests: Sequence[datetime], now: datetime) -> datetime:
    """When the next digest to this address goes out: soon, but not one after the other."""
    return max([now + GATHER, *(at + BETWEEN for at in digests)])
