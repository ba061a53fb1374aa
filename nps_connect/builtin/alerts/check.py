"""Checking the addresses, without telling anybody."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, hookimpl
from nps_connect.builtin.alerts.apprise_client import build_service
from nps_connect.builtin.alerts.settings import AlertsSettings


@hookimpl
def nps_check(connection: Connection) -> Sequence[Finding]:
    """Whether Apprise knows each address. Services offer no way to try one without a message."""
    settings: AlertsSettings = connection.settings
    findings = []
    for place, url in enumerate(settings.urls, start=1):
        service = build_service(url, settings.timeout)
        if service is None:
            text = f"urls.{place} is not an address that Apprise understands"
            fix = "compare it with the service's page at https://appriseit.com/services/"
            findings.append(Finding(severity="error", text=text, fix=fix))
        else:
            findings.append(Finding(severity="ok", text=f"urls.{place} reaches {service.service_name}"))
    return findings
