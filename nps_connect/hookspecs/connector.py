"""Loading: what a plugin is."""

from __future__ import annotations

from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.connectors import ConnectorInfo


@hookspec
def nps_connector() -> ConnectorInfo:  # type: ignore[empty-body]
    """Describe the plugin. Called once, when it is loaded; must do no I/O and raise nothing."""
