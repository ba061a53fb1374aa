"""Hook specifications, by phase of the pipeline; the plugin loader registers `HOOKSPEC_MODULES`."""

from __future__ import annotations

from nps_connect.hookspecs import comments, connector, decisions, deliveries, intake, operations, reviews
from nps_connect.hookspecs.markers import PROJECT, hookimpl, hookspec

HOOKSPEC_MODULES = (connector, intake, decisions, deliveries, reviews, comments, operations)

__all__ = ["HOOKSPEC_MODULES", "PROJECT", "hookimpl", "hookspec"]
