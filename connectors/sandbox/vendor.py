"""The sandbox's parts."""

from connectors.kit.vendor import Vendor
from connectors.sandbox.connector import Sandbox, make_session
from connectors.sandbox.events import probe
from connectors.sandbox.install import provision
from connectors.sandbox.settings import Settings

VENDOR = Vendor(
    settings=Settings,
    desk=Sandbox,
    supports=Sandbox.supports,
    session=make_session,
    install=provision,
    probe=probe,
)
