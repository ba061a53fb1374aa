"""The sandbox as it comes with the installed plugins."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.plugins import Plugins
from nps_connect.sandbox.faults import FaultPlan
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.vendor_loader import LoadedVendors, load_vendors


def connection_names(plugins: Plugins) -> dict[str, str]:
    """The name of each plugin's connection in its example configuration, by plugin."""
    return {name: info.example.connection for name, info in plugins.infos.items()}


def build_sandbox(
    connections: Mapping[str, str], *, port: int = 0, smtp_port: int = 0, faults: FaultPlan | None = None
) -> tuple[Sandbox, LoadedVendors]:
    """A sandbox (not yet started) with the simulated vendor of every plugin that has a connection, and what was loaded.

    Args:
        connections: names of connections by plugin, for the environment that the sandbox gives.
        port: HTTP port, 0 takes a free one.
        smtp_port: likewise.
        faults: what goes wrong on purpose.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """
    loaded = load_vendors()
    for name in [name for name in loaded.vendors if name not in connections]:
        del loaded.vendors[name]
        loaded.problems[name] = "its plugin is not loaded; see: nps-connect plugins list"
    sandbox = Sandbox(loaded.vendors, connections=connections, port=port, smtp_port=smtp_port, faults=faults)
    return sandbox, loaded
