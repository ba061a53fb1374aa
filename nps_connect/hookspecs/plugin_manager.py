"""The pluggy manager of one plugin."""

from __future__ import annotations

from types import ModuleType

import pluggy

from nps_connect import hookspecs
from nps_connect.hookspecs.markers import PROJECT

_HOOKSPEC_OPTIONS: dict[tuple[object, str], pluggy.HookspecOpts | None] = {}
"""By module and name."""


class CorePluginManager(pluggy.PluginManager):
    """The manager of one plugin, with all hooks of the core."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        for specs in hookspecs.HOOKSPEC_MODULES:
            self.add_hookspecs(specs)

    def parse_hookspec_opts(self, module_or_class: ModuleType | type, name: str) -> pluggy.HookspecOpts | None:
        """Return the options of a hook of the core; None if this is not the name of one."""
        # What pluggy finds out by reflection, most of the time of a start, is the same for every plugin.
        key = module_or_class, name
        if key not in _HOOKSPEC_OPTIONS:
            _HOOKSPEC_OPTIONS[key] = super().parse_hookspec_opts(module_or_class, name)
        return _HOOKSPEC_OPTIONS[key]
