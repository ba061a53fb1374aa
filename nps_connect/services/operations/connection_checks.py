"""Check a connection: what its plugin finds at the vendor, and what the ledger knows of it. Mended ones go on."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from nps_connect.errors import AuthFailed, DeliveryError, NotAllowed, PluginError
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context
from nps_connect.services.deliveries.circuit_breaker import resume_after_check
from nps_connect.services.operations.connection_findings import ledger_findings
from nps_connect.services.reviews.policy import policy_findings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionCheck:
    """What a check of one connection found.

    Attributes:
        connection: its name.
        findings: the plugin's first, then the ledger's.
        resumed: scopes that a 401 or 403 had stopped and that go on now.
    """

    connection: str
    findings: tuple[Finding, ...]
    resumed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return all(finding.severity != "error" for finding in self.findings)


def check_connection(ctx: Context, connection: str) -> ConnectionCheck:
    """Ask the plugin, look into the ledger, and let go on what the vendor's refusals had stopped if all is well there.

    Args:
        ctx: the joined parts.
        connection: one of `ctx.connections`.
    """
    found = _run_plugin_check(ctx, connection)
    resumed = resume_after_check(ctx, connection) if all(finding.severity != "error" for finding in found) else []
    found += [
        Finding(severity="ok", text=f"{scope} goes on: it was stopped by a refusal, and the check passes now")
        for scope in resumed
    ]
    found += policy_findings(ctx, connection)
    return ConnectionCheck(connection, (*found, *ledger_findings(ctx, connection)), tuple(resumed))


def _run_plugin_check(ctx: Context, connection: str) -> list[Finding]:
    """What the plugin finds; whatever it raises is a finding too."""
    plugin = ctx.plugin_name(connection)
    if not ctx.has(connection, "nps_check"):
        return [Finding(severity="ok", text=f"plugin {plugin} has no check of its own")]
    try:
        return list(ctx.plugins.call(plugin, "nps_check", connection=ctx.connections[connection]))
    except DeliveryError as error:
        return [Finding(severity="error", text=ctx.redact(error.message), fix=_suggest_fix(error, connection))]
    except PluginError as error:
        return [Finding(severity="error", text=ctx.redact(str(error)), fix="update the plugin, or report it")]
    except Exception as error:  # a plugin may raise anything; it is contained and named
        log.exception("check failed connection=%s", connection)
        text = f"the check of plugin {plugin} broke off ({type(error).__name__})"
        return [Finding(severity="error", text=text, fix="report it to the plugin's author; the log has more")]


def _suggest_fix(error: DeliveryError, connection: str) -> str:
    if isinstance(error, AuthFailed):
        return f"renew the credentials of connections.{connection}, then check again"
    if isinstance(error, NotAllowed):
        return f"grant {error.scope or 'what is missing'} at the vendor, then check again"
    return "see that the vendor can be reached from here, then check again"
