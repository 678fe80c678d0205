"""Freshdesk's parts, for the rest of the program."""

from connectors.freshdesk.connector import Freshdesk, make_session
from connectors.freshdesk.events import probe
from connectors.freshdesk.install import provision
from connectors.freshdesk.settings import Settings
from connectors.kit.vendor import Vendor

VENDOR = Vendor(
    settings=Settings,
    desk=Freshdesk,
    supports=Freshdesk.supports,
    session=make_session,
    install=provision,
    probe=probe,
)
