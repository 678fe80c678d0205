"""Zendesk's parts, for the rest of the program."""

from connectors.kit.vendor import Vendor
from connectors.zendesk.connector import Zendesk, make_session
from connectors.zendesk.events import probe
from connectors.zendesk.install import connect, provision
from connectors.zendesk.settings import Settings

VENDOR = Vendor(
    settings=Settings,
    desk=Zendesk,
    supports=Zendesk.supports,
    session=make_session,
    install=provision,
    probe=probe,
    connect=connect,
)
