"""Which spellings of an address reach the same mailbox. Pure."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import idna

_SAME_PROVIDER = {
    "googlemail.com": "gmail.com",
    "protonmail.com": "proton.me",
    "pm.me": "proton.me",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
}
_IGNORED = {"gmail.com": ".", "proton.me": ".-_"}  # characters that the provider ignores
"""https://support.google.com/mail/answer/7436150, https://proton.me/support/addresses-and-aliases"""


def mailbox_of(address: str) -> str:
    """Return one name for all spellings of an address that reach the same mailbox: case, a tag behind "+", a dot at the
    end of the domain, an international domain in either form, and what Gmail and Proton do not look at."""
    name, _, domain = unicodedata.normalize("NFKC", address).strip().strip("<>").lower().rpartition("@")
    domain = domain.rstrip(".")
    if not domain.isascii() or "xn--" in domain:
        with suppress(idna.IDNAError):  # otherwise no mail could reach the domain, and any name will do
            domain = idna.encode(domain, uts46=True).decode()
    domain = _SAME_PROVIDER.get(domain, domain)
    plain = name.strip('"').partition("+")[0] or name
    for sign in _IGNORED.get(domain, ""):
        plain = plain.replace(sign, "")
    return f"{plain}@{domain}" if name else domain
