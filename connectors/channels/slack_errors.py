"""What Slack's errors mean for us. Source: docs.slack.dev, the errors of each method."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError

from connectors.channels.posting import wait_of
from core.errors import NotAllowed, Refused, TryLater, UnknownOutcome, VendorError

LATER = {"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"}
UNKNOWN = {"internal_error", "fatal_error", "request_timeout"}
CREDENTIAL = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "no_permission",
}
REMEDIES = {
    "channel_not_found": "check `channel`, and invite the bot to it",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "the channel is archived: name another one",
    "missing_scope": "give the bot chat:write, users:read.email, and files:write for the weekly plots",
    "invalid_auth": "check bot_token",
}


def explained(err: SlackApiError) -> VendorError:
    """Return Slack's answer as our error, with the remedy where we know one."""
    data = err.response.data if isinstance(err.response.data, dict) else {}
    code, status = str(data.get("error", err.response.status_code)), int(err.response.status_code or 0)
    words = f"Slack: {code}" + (f": {REMEDIES[code]}" if code in REMEDIES else "")
    if code in LATER or status in {429, 503}:
        return TryLater(words, status=status, wait=wait_of(err.response.headers))
    if code in UNKNOWN or status >= 500:
        return UnknownOutcome(words, status=status)
    return (NotAllowed if code in CREDENTIAL else Refused)(words, status=status)


def why_not(err: Exception) -> str:
    """Return in one line why a call failed."""
    return str(explained(err)) if isinstance(err, SlackApiError) else type(err).__name__


def no_answer(err: OSError) -> VendorError:
    """Return the error of a call without an answer: it never left us, or it may have arrived."""
    reason = getattr(err, "reason", err)
    words = f"no answer from Slack ({type(reason).__name__})"
    never = (
        isinstance(reason, ConnectionRefusedError)
        or "getaddrinfo" in repr(reason)
        or "Errno -" in repr(reason)
    )
    return TryLater(words) if never else UnknownOutcome(words)
