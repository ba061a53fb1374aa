"""Checks the configured addresses without sending anything."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, hookimpl
from nps_connect.builtin.alerts.apprise_client import build_service
from nps_connect.builtin.alerts.settings import AlertsSettings


@hookimpl
def nps_check(connection: Connection[AlertsSettings]) -> Sequence[Finding]:
    """Check that Apprise supports each address. Services offer no way to test one without sending a message."""
    settings = connection.settings
    findings = []
    for position, url in enumerate(settings.urls, start=1):
        service = build_service(url, settings.timeout)
        if service is None:
            text = f"urls.{position} is not an address that Apprise supports"
            fix = "compare it with the service's page at https://appriseit.com/services/"
            findings.append(Finding(id="alert-address", severity="error", text=text, fix=fix))
        else:
            findings.append(
                Finding(severity="ok", text=f"urls.{position} is an address of {service.service_name} (not tried)")
            )
    return findings
