"""Deskly passes the contract."""

from typing import ClassVar

import nps_connect_deskly
from nps_connect.testing import ConnectorContract
from nps_connect_deskly.simulated import SECRET, TOKEN, SimulatedDeskly


class TestDeskly(ConnectorContract):
    plugin = nps_connect_deskly
    settings: ClassVar = {"token": TOKEN, "webhook_secrets": [SECRET]}
    vendor = SimulatedDeskly
