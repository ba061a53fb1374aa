"""Every hook, by phase of the walk. `ALL` is what the loader registers."""

from __future__ import annotations

from nps_connect.hookspecs import deciding, delivering, intake, loading, operating, reviewing
from nps_connect.hookspecs.markers import PROJECT, hookimpl, hookspec

ALL = (loading, intake, deciding, delivering, reviewing, operating)

__all__ = ["ALL", "PROJECT", "hookimpl", "hookspec"]
