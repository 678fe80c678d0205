"""What Zendesk's API cannot do, as numbered clicks with the values to paste. Pure."""

from __future__ import annotations

from connectors.kit.provision import Step, by_hand


def connect(desk: str, scope: str) -> Step:
    """Return the OAuth client, by which all else is done."""
    return by_hand(
        "oauth_client",
        f"Backstop ({desk})",
        "Zendesk takes no other credential from new installations, and only a person can make it",
        "Make a user of its own for Backstop, an admin and a member of every group that it is to solve tickets in, and sign in as it: "
        "what Backstop writes appears under the name of the user who makes the client",
        "Admin Center > Apps and integrations > APIs > OAuth clients > Add OAuth client",
        f"Name: Backstop ({desk}); client kind: confidential; unique identifier: backstop_{desk}; scopes: {scope}",
        "Save, and copy the secret, which is shown once",
        f"BACKSTOP_DESKS__{desk.upper()}__CLIENT_ID=backstop_{desk}",
        f"BACKSTOP_DESKS__{desk.upper()}__CLIENT_SECRET=<the secret>",
    )


def own_reply(title: str) -> Step:
    """Return the clicks that switch off Zendesk's own acknowledgment."""
    return by_hand(
        "trigger",
        title,
        "this trigger of your account also mails every new customer, who would then get two acknowledgments",
        f'Admin Center > Objects and rules > Business rules > Triggers > "{title}" > Deactivate',
        "or keep the trigger and set acknowledge = false in backstop.toml: then only Zendesk's mail goes out, and it promises no time",
    )


def denied(kind: str, name: str, why: str, words: str) -> Step:
    """Return an object that we may not make."""
    refused = f"{why}; Zendesk refused it: {words}"
    return by_hand(kind, name, refused, "sign in as an admin, or make the client as one", "run install again")
