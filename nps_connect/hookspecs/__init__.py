"""Every hook, by phase of the walk. `ALL` is what the loader registers."""

from __future__ import annotations

from nps_connect.hookspecs import deciding, delivering, intake, loading, observing, operating, reviewing
from nps_connect.hookspecs.markers import PROJECT, hookimpl, hookspec

ALL = (loading, intake, deciding, delivering, reviewing, operating, observing)

__all__ = ["ALL", "PROJECT", "hookimpl", "hookspec"]
