"""The error tree.

BackstopError
├── BadSignature        a request did not prove itself                       401
├── BadPayload          genuine, but no ticket can be found in it            400
├── Unsupported         this desk cannot express the action
├── BrokenTemplate      a template of an admin cannot be rendered
│   └── EmptyTemplate   nothing is left of it
├── IllegalChange       a row of the ledger may not come into this state
└── VendorError         someone else's server said no, or nothing
    ├── TryLater        time-out before sending, 429, 5xx on a read: later, same call
    │   └── HeldByAI    the desk's own AI has the ticket: after it has handed over
    ├── UnknownOutcome  the write may have happened: look before repeating
    ├── Conflict        the ticket changed under us: read again, decide again
    ├── Gone            the ticket is deleted, spam or archived away
    ├── Moved           the ticket was merged into another one
    └── Refused         any other 4xx: repeating will not help
        └── NotAllowed  401/403: the credential or the role is wrong

ConfigError is no BackstopError, so that nothing retries or swallows it.
"""

from __future__ import annotations

from datetime import timedelta


class ConfigError(Exception):
    """The configuration cannot be used. The message names file, key and remedy."""


class BackstopError(Exception):
    """Base of all errors that a running Backstop handles itself. `code` is stable; `remedy` says what to do, for a message
    that does not say it itself; docs/doctor.md explains both."""

    code = "BS00"
    remedy = "look at the log, and report it if it comes again"


class BadSignature(BackstopError):
    """The request did not prove that it comes from the desk."""

    code = "BS01"
    remedy = (
        "give the help desk the webhook secret that Backstop has: run `backstop install "
        "DESK`, or correct webhook_secret"
    )


class BadPayload(BackstopError):
    """The request is genuine, but no ticket id can be found in it."""

    code = "BS02"
    remedy = "run `backstop install DESK`: the webhook there does not send what Backstop made it send"


class Unsupported(BackstopError):
    """The desk cannot express this action; recorded in the ticket's history."""

    code = "BS03"
    remedy = "do it in the help desk"


class BrokenTemplate(BackstopError):
    """A template cannot be rendered. The message names file and fault."""

    code = "BS04"
    remedy = "correct the template that is named; `backstop doctor` tries all of them"

    def __init__(self, file: str, fault: str) -> None:
        super().__init__(f"template {file}{fault}")
        self.file = file


class EmptyTemplate(BrokenTemplate):
    """Nothing is left of a template when it is filled in."""


class IllegalChange(BackstopError):
    """A row's state does not allow the change that was asked for. Nothing was changed."""

    code = "BS05"
    remedy = "report it with the log: the ledger refused a change that must not happen"


class VendorError(BackstopError):
    """A vendor's server refused or failed. `status` is the HTTP status, 0 when there was none."""

    code = "BS10"
    remedy = "run `backstop doctor DESK`"

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TryLater(VendorError):
    """The call did not happen; it may be repeated after `wait`."""

    code = "BS11"
    remedy = (
        "try again in a minute; if it stays, check base_url, the network and the "
        "vendor's status page, and run `backstop doctor DESK`"
    )

    def __init__(self, message: str, *, status: int = 0, wait: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(message, status=status)
        self.wait = wait


class HeldByAI(TryLater):
    """The desk's own AI is at work on the ticket: nothing can be written before it hands over."""

    code = "BS18"
    remedy = "wait: it is done when the help desk's AI has handed the ticket over"


class UnknownOutcome(VendorError):
    """A write was sent and no clear answer came back. Ask the desk before repeating."""

    code = "BS12"
    remedy = "look at the ticket in the help desk before you try again: the call may have arrived"


class Conflict(VendorError):
    """The ticket changed since it was read. Nothing was written."""

    code = "BS13"
    remedy = "try again: the ticket is read anew"


class Gone(VendorError):
    """The ticket is deleted, scrubbed, or out of reach for good."""

    code = "BS14"
    remedy = "restore it in the help desk if it was deleted by mistake: it is taken up again"


class Moved(VendorError):
    """The ticket was merged; `target` is the surviving ticket's id ("" when unknown)."""

    code = "BS15"
    remedy = "look at the ticket that it was merged into"

    def __init__(self, message: str, *, target: str = "", status: int = 0) -> None:
        super().__init__(message, status=status)
        self.target = target


class Refused(VendorError):
    """A 4xx that will not change by repeating; the message carries the vendor's own words."""

    code = "BS16"
    remedy = "correct what the help desk names, then run `backstop retry`"


class NotAllowed(Refused):
    """401 or 403: the credential, its scope or its role is wrong."""

    code = "BS17"
    remedy = "give the credential or its role the right that is missing; `backstop doctor DESK` names each"


def with_remedy(err: BackstopError) -> str:
    """Return code, message and remedy, in one line for the person who can act on it."""
    return f"{err.code}: {err}: {err.remedy}"


def said_of(err: BaseException) -> str:
    """Return the text of an exception that may be stored or shown: the message of one of our own; of any other its class,
    and the operating system's message where there is one.

    The message of a library's exception repeats its arguments: addresses with keys in them, rows, customers' words.
    """
    if isinstance(err, BackstopError | ConfigError):
        return str(err)
    system = err.strerror if isinstance(err, OSError) and isinstance(err.errno, int) else None
    return f"{type(err).__name__}: {system}" if isinstance(system, str) else type(err).__name__
