"""Hook for loading: the plugin's declaration."""

from __future__ import annotations

from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.connectors import ConnectorInfo


@hookspec
def nps_connector() -> ConnectorInfo:  # type: ignore[empty-body]
    """Return the plugin's declaration. Called once, when the plugin is loaded; must do no I/O and not raise."""
