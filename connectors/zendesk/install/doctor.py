"""What `doctor` sees with the run-time credential. The codes are explained in the README."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.kit import ai, places
from connectors.kit.findings import Look, fail, ok, visit, warn
from connectors.kit.values import Row, rows
from connectors.zendesk import auth
from connectors.zendesk.api import Api, text
from connectors.zendesk.directory import Directory
from connectors.zendesk.events import TEST_SECRET
from connectors.zendesk.reading import STAFF
from connectors.zendesk.settings import Settings
from core.errors import NotAllowed, VendorError
from core.model import Finding

Seen = Look[Settings, Api, Directory]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """Return one finding for each check; only the first when the credential is refused."""
    look = Seen(settings, api, directory, list(dict.fromkeys(one for one in queues if one)))
    before = [*_credential(settings), *_secret(settings)]
    refused = fail("ZD02", "the credential is refused", "see the desk's page, Connect")
    silent = fail("ZD03", "Zendesk does not answer", "is base_url right, and Zendesk up?")
    return visit(look, before, refused, silent, CHECKS)


def _credential(settings: Settings) -> list[Finding]:
    if settings.api_token.get_secret_value():
        return [
            warn(
                "ZD04",
                f"an API token is used: none can be made since 27 October 2026 and all stop on {auth.API_TOKENS_END:%d %B %Y}",
                "make an OAuth client and set client_id and client_secret instead",
            )
        ]
    if not settings.client_id or not settings.client_secret.get_secret_value():
        return [fail("ZD05", "client_id or client_secret is missing", "see the desk's page, Connect")]
    return []


def _secret(settings: Settings) -> list[Finding]:
    if TEST_SECRET in settings.secrets():
        return [
            fail("ZD06", "webhook_secret is Zendesk's public test secret", "take the webhook's own secret")
        ]
    if not settings.secrets():
        return [
            fail(
                "ZD06", "no webhook secret is known", "run install: it makes the webhook and keeps its secret"
            )
        ]
    return []


def _rights(look: Seen) -> list[Finding]:
    me = look.directory.me()
    found = [ok("ZD01", f"we are {text(me.get('name'))} ({text(me.get('role'))}, id {text(me.get('id'))})")]
    if me.get("only_private_comments"):
        found.append(
            fail("ZD10", "our user may write private comments only", "give it a role with public comments")
        )
    if me.get("ticket_restriction"):
        words = f"our user sees only some tickets ({me['ticket_restriction']})"
        found.append(fail("ZD11", words, "give it access to all tickets"))
    if me.get("role") != "admin":
        words = "our user is no admin: the incremental export, by which lost webhooks are found, is for admins only"
        found.append(fail("ZD12", words, "make the dedicated user an admin"))
    if not me.get("default_group_id"):
        words = "our user is in no group: it cannot solve what it answers"
        found.append(fail("ZD13", words, "add it to a group in Admin Center > People > Groups"))
    if me.get("suspended") or me.get("active") is False:
        found.append(fail("ZD14", "our user is suspended or inactive", "reactivate it"))
    return found


def _queues(look: Seen) -> list[Finding]:
    found = []
    for queue in look.queues:
        try:
            look.directory.group_id(queue)
        except VendorError as err:
            found.append(fail("ZD20", str(err), "correct the name in the configuration, or make the group"))
    return found or [ok("ZD20", "all queues are groups at Zendesk")]


def _places(look: Seen) -> Iterable[Finding]:
    return places.findings("ZD23", look.settings.only.scope(), look.directory.named)


def _ai_agents(look: Seen) -> Iterable[Finding]:
    return ai.findings("ZD24", look.settings.ais(), lambda one: _account(look, one))


def _account(look: Seen, wanted: str) -> ai.Account | None:
    """`last_login_at` says when somebody signed in (developer.zendesk.com/api-reference/ticketing/users/users)."""
    found = look.api.users([int(wanted)]) if wanted.isdigit() else look.api.users_with(wanted)
    user = next(
        (one for one in found if wanted in {text(one.get("id")), text(one.get("email")).casefold()}), None
    )
    if user is None:
        return None
    not_ai = "our own user" if text(user.get("id")) == look.directory.me_id else ""
    if user.get("role") not in STAFF:
        not_ai = "a customer's account"
    return ai.Account(text(user.get("name")), not_ai, ai.signed_in(user.get("last_login_at")))


def _fields(look: Seen) -> list[Finding]:
    settings = look.settings
    found = []
    ours = {f"{name}_field": field_id for name, field_id in settings.fields().items()}
    ours |= {"last_handled_field": settings.value("last_handled_field")}
    for key, field_id in ours.items():
        if not field_id:
            continue
        field = look.api.field(field_id)
        if not field or field.get("active") is False:
            words = f"{key} = {field_id}: there is no such active ticket field"
            found.append(fail("ZD21", words, "run install, or remove the key"))
            continue
        drop_down = field_id in settings.drop_downs()
        if drop_down != (field.get("type") == "tagger") and key in {"intent_field", "outcome_field"}:
            words = f'{key} = {field_id} is a field of type "{field.get("type")}"'
            found.append(fail("ZD22", words, "name it in text_fields if it is text, else use a drop-down"))
    return found


def _export(look: Seen) -> list[Finding]:
    try:
        look.api.export(start_time=1, per_page=1)
    except NotAllowed as err:
        return [fail("ZD15", f"the incremental export is refused: {err}", "an admin with the scope `read`")]
    except VendorError:
        return []  # ten calls a minute for the whole account: a refused call of ours may be due to somebody else's
    return []


def _handed_out(look: Seen) -> list[Finding]:
    """Return a warning about triggers that assign agents: such an assignment cannot be told from a claim."""
    try:
        triggers = look.api.all("/triggers", "triggers")
    except VendorError:
        return []  # install's own doctor says so
    titles = [str(one.get("title")) for one in triggers if one.get("active") is not False and _hands_out(one)]
    if not titles:
        return []
    words = f"triggers assign tickets to agents automatically ({', '.join(titles)}): each counts as claimed"
    return [warn("ZD31", words, "let them set a group only, where escalations go")]


def _hands_out(trigger: Row) -> bool:
    """Return whether a trigger assigns an agent: `current_user` is who answers, an empty value unassigns."""
    chosen = [text(a.get("value")) for a in rows(trigger.get("actions")) if a.get("field") == "assignee_id"]
    return any(one.isdigit() for one in chosen)


def _suspended(look: Seen) -> list[Finding]:
    """Return a warning about suspended mail: it fires no webhook, is in no list, and is deleted after 14 days."""
    try:
        waiting = rows(
            look.api.get("/suspended_tickets.json", **{"page[size]": 100}).get("suspended_tickets")
        )
    except VendorError:
        return []
    if not waiting:
        return []
    causes = ", ".join(sorted({text(one.get("cause")) for one in waiting} - {""}))
    words = f"{len(waiting)}{'+' if len(waiting) >= 100 else ''} suspended mails wait ({causes}): the team is notified only of those that look genuine"
    return [warn("ZD30", words, "look at Views > Suspended tickets; they are deleted after 14 days")]


CHECKS = (_rights, _queues, _places, _ai_agents, _fields, _export, _suspended, _handed_out)
