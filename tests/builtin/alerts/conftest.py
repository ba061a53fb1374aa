from __future__ import annotations

import pytest

from nps_connect import Alert, Contact, Response, json_reply
from nps_connect.builtin import alerts
from nps_connect.builtin.alerts.simulated import SimulatedAlerts
from nps_connect.sandbox.vendor_server import VendorServer
from nps_connect.testing import START, FixedClock, connect


@pytest.fixture
def alert():
    """Builds an alert; keyword arguments replace parts of it."""

    def build(**parts) -> Alert:
        return Alert(
            **{
                "idempotency_key": "send_alert:7:1",
                "contact": Contact(connection="crm", id="7", email="marie@example.com"),
                "response": Response(
                    id="r7",
                    revision=1,
                    survey="after-purchase",
                    touchpoint="purchase",
                    score=2,
                    language="fr",
                    answered_at=START,
                ),
                "title": "Détracteur : 2 sur 10",
                "body": "Appeler Marie Durand aujourd'hui.",
                "link": "https://crm.example.com/contacts/7",
            }
            | parts
        )

    return build


@pytest.fixture
def vendor():
    return SimulatedAlerts(FixedClock())


@pytest.fixture
def host(vendor):
    """The simulated alert service, behind real HTTP."""
    server = VendorServer({"alerts": vendor}, lambda request: json_reply(404, {"path": request.path}))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def team():
    """Builds a connection of the channel to some addresses."""

    def build(*urls: str, **settings):
        return connect(alerts, {"urls": urls} | settings, name="team")

    return build


@pytest.fixture
def address(vendor, host):
    """ALERT_URL of the simulated service."""
    return vendor.environment(f"{host.url}/alerts", "team")["ALERT_URL"]
