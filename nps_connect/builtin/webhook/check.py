"""Reports how a connection's payloads are verified and mapped, and what it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, hookimpl
from nps_connect.builtin.webhook.sender import check_outgoing
from nps_connect.builtin.webhook.settings import WebhookSettings


@hookimpl
def nps_check(connection: Connection[WebhookSettings]) -> Sequence[Finding]:
    """Report signature scheme and kinds of event, and what is sent where. There is no vendor to ask."""
    settings = connection.settings
    if settings.incoming is None:
        return [Finding(severity="ok", text="receives no webhooks"), *check_outgoing(settings)]
    findings = [Finding(severity="ok", text=f"webhooks are verified by {settings.incoming.signature.scheme}")]
    if settings.incoming.signature.scheme == "bearer":
        text = "webhooks carry a secret and no signature: who reads one can send others"
        fix = "let the source sign, if it can, and change incoming.signature.scheme"
        findings = [Finding(id="webhooks-unrestricted", severity="warning", text=text, fix=fix)]
    kinds = dict.fromkeys(kind for mapping in settings.mappings for kind in mapping.kinds)
    return [*findings, Finding(severity="ok", text=f"mapped to: {', '.join(kinds)}"), *check_outgoing(settings)]
