"""The skeleton's parts."""

from connectors.kit.vendor import Vendor
from tests.skeleton.connector import Skeleton, make_session
from tests.skeleton.events import probe
from tests.skeleton.install import provision
from tests.skeleton.settings import Settings

VENDOR = Vendor(
    settings=Settings,
    desk=Skeleton,
    supports=Skeleton.supports,
    session=make_session,
    install=provision,
    probe=probe,
)
