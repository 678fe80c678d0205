"""Help Scout's parts, for the rest of the program."""

from connectors.helpscout import sidebar
from connectors.helpscout.connector import HelpScout, make_session
from connectors.helpscout.events import probe
from connectors.helpscout.install import connect, provision
from connectors.helpscout.settings import Settings
from connectors.kit.vendor import Vendor

VENDOR = Vendor(
    settings=Settings,
    desk=HelpScout,
    supports=HelpScout.supports,
    session=make_session,
    install=provision,
    probe=probe,
    switch_on=provision.ensure_hook,
    connect=connect,
    sidebar=sidebar,
)
