"""The pluggy markers: plugins use `hookimpl`, only this package uses `hookspec`."""

from __future__ import annotations

import pluggy

PROJECT = "nps_connect"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
