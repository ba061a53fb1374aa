"""A plugin that is right in every respect passes the whole contract."""

from contract_kit import acme
from contract_kit.acme.simulated import SECRET, TOKEN, SimulatedAcme

from nps_connect.testing import ConnectorContract

SETTINGS = {"token": TOKEN, "webhook_secret": SECRET}


class TestAcme(ConnectorContract):
    plugin = acme
    settings = SETTINGS
    vendor = SimulatedAcme
