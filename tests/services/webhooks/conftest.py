"""An application with a connection that receives webhooks."""

from __future__ import annotations

from typing import get_args

import pytest
from support.application import ApplicationHarness
from support.recovery_scenarios import RECOVERY_CONFIG, EventfulHelpdesk
from support.webhook_receiver import FakeReceiver

from nps_connect import WebhookType

ALL_TYPES = list(get_args(WebhookType))


@pytest.fixture
def build(ledger, clock):
    """Build an application; `types` are those that the connection `warehouse` receives."""

    def build_application(types=ALL_TYPES, *, all_decisions=False, **change):
        receiver, desk = FakeReceiver(), EventfulHelpdesk()
        table = {"plugin": "hooks", "types": types, "all_decisions": all_decisions}
        connections = {**RECOVERY_CONFIG["connections"], "warehouse": table}
        change = {**RECOVERY_CONFIG, "connections": connections, **change}
        application = ApplicationHarness(ledger, clock, change, desk=desk, hooks=receiver)
        application.desk, application.receiver = desk, receiver
        return application

    return build_application
