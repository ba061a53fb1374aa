"""A correct plugin passes the whole contract."""

from testing import acme
from testing.acme.simulated import SECRET, TOKEN, SimulatedAcme

from nps_connect.testing import ConnectorContract

SETTINGS = {"token": TOKEN, "webhook_secret": SECRET}


class TestAcme(ConnectorContract):
    plugin = acme
    settings = SETTINGS
    vendor = SimulatedAcme
