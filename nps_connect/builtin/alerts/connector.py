"""Describes the alerts channel."""

from __future__ import annotations

from nps_connect import ActionInfo, ConnectorInfo, ExampleConfiguration, hookimpl
from nps_connect.builtin.alerts.settings import AlertsSettings

EXAMPLE = ExampleConfiguration(
    connection="team",
    table="""\
[connections.team]
plugin = "alerts"
urls = [{ env = "ALERT_URL" }]                  # any Apprise address, such as mailto://... or jsons://...
""",
    routes="""\
[[routes]]
on = "detractor"
do = "send_alert"
via = "team"
""",
    environment={"ALERT_URL": "json://alerts.example.com/nps"},
)


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the channel."""
    return ConnectorInfo(
        name="alerts",
        title="Alerts",
        settings=AlertsSettings,
        actions=(ActionInfo(action="send_alert"),),
        example=EXAMPLE,
    )
