"""Who wrote a thread, and what was said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from connectors.helpscout.directory import full_name
from connectors.kit.text import words_in
from connectors.kit.values import Row, row, rows, stamp, text, whole
from core.model import Author, Message, by_desk

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
CHATS = frozenset({"chat", "beaconchat"})
PRIVATE = frozenset({"note", "phone", "forwardparent", "forwardchild"})
UNSENT = frozenset({"draft", "review", "underreview"})  # under review: Collision Detection holds it back
AUTOMATIC = frozenset({"workflows", "notification", "orchestration", "support"})
Robot = Callable[[Row], bool]


def in_order(threads: Iterable[Row]) -> list[Row]:
    """Return oldest first, each once; Help Scout lists them newest first."""
    once = {text(one.get("id")): one for one in threads}
    return sorted(once.values(), key=lambda one: (stamp(one.get("createdAt")) or EPOCH, whole(one.get("id"))))


def kind_of(thread: Row) -> str:
    """Return the thread's type in lower case."""
    return text(thread.get("type")).lower()


def is_said(thread: Row) -> bool:
    """Return whether somebody said something in it: no line item, not hidden."""
    return kind_of(thread) != "lineitem" and text(thread.get("state")).lower() != "hidden"


def unsent(thread: Row) -> bool:
    """Return whether it is a draft, held back until its author confirms, or to be sent later."""
    return text(thread.get("state")).lower() in UNSENT or bool(row(thread.get("scheduled")))


def from_customer(thread: Row) -> bool:
    """Return whether a customer wrote it. Of a mail the type says so, of a chat only its author."""
    kind = kind_of(thread)
    by_customer = text(row(thread.get("createdBy")).get("type")).lower() == "customer"
    return is_said(thread) and (kind == "customer" or (kind in CHATS and by_customer))


def writer_of(thread: Row) -> Row:
    """Return who wrote it. A thread's customer may be another one than the conversation's (somebody in copy)."""
    creator = row(thread.get("createdBy"))
    if from_customer(thread) and text(creator.get("type")).lower() != "customer":
        return row(thread.get("customer")) or creator
    return creator or row(thread.get("customer"))


def by_machine(thread: Row, robot: Robot) -> str:
    """Return why one of the company's threads is no person's; "" when it is."""
    if robot(row(thread.get("createdBy"))):
        return "Help Scout's own automation, or another robot"
    if text(row(thread.get("source")).get("type")).lower() in AUTOMATIC:
        return "a workflow or an automatic message of the desk"
    return ""


def author_of(thread: Row, bot: str, robot: Robot) -> tuple[Author, str]:
    """Return who wrote a thread, and why we think that no person did."""
    if from_customer(thread):
        return Author.CUSTOMER, ""
    if text(writer_of(thread).get("id")) == bot:
        return Author.BOT, ""
    why = by_machine(thread, robot)
    return (Author.MACHINE, why) if why else (Author.AGENT, "")


def human_answer(thread: Row, bot: str, robot: Robot) -> bool:
    """Return whether a person of the company said it to the customer."""
    if not is_said(thread) or unsent(thread) or kind_of(thread) in PRIVATE or from_customer(thread):
        return False
    return by_person(thread, bot, robot)


def by_person(thread: Row, bot: str, robot: Robot) -> bool:
    """Return whether a person of the company made it."""
    creator = row(thread.get("createdBy"))
    by_user = text(creator.get("type")).lower() == "user"
    return by_user and text(creator.get("id")) != bot and not by_machine(thread, robot)


def handed_out(threads: Sequence[Row], user_id: str, robot: Robot) -> bool:
    """Return whether a workflow, not a person, gave the conversation to the user who holds it now."""
    holder, last = "", None
    for one in in_order(threads):
        now = text(row(one.get("assignedTo")).get("id"))
        if now == user_id and holder != user_id:
            last = one
        holder = now or holder
    return last is not None and kind_of(last) == "lineitem" and bool(by_machine(last, robot))


def message_of(thread: Row, subject: str, bot: str, robot: Robot) -> Message:
    """Return one thread as a message."""
    html = text(thread.get("body")) or _attached(thread)
    said, writer = words_in(html), writer_of(thread)
    author, why = author_of(thread, bot, robot)
    return Message(
        id=text(thread.get("id")),
        author=author,
        at=stamp(thread.get("createdAt")) or EPOCH,
        text=said,
        html=html,
        public=kind_of(thread) not in PRIVATE and not unsent(thread),
        author_id=text(writer.get("id")),
        author_name=full_name(writer),
        author_email=text(writer.get("email")),
        subject=subject,
        machine=by_desk(why) if author is Author.MACHINE else None,
        draft=unsent(thread) and not from_customer(thread),
    )


def _attached(thread: Row) -> str:
    """Return what stands in for a mail without a text: the names of its files."""
    names = [text(one.get("filename")) for one in rows(row(thread.get("_embedded")).get("attachments"))]
    return f"[attached: {', '.join(names)}]" if names else ""
