"""``nps-connect config schema``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
def schema(options: Options, as_json: bool) -> None:  # noqa: ARG001  # always JSON, of the plugins alone
    """Print the JSON Schema of the configuration, with the keys of every installed plugin.

    Editors complete and check keys with it; needs no configuration. What tables name of each other, such as surveys and
    connections, only "config check" knows.
    """
    from nps_connect.app.config_schema import build_config_schema
    from nps_connect.plugins import Plugins

    print_json(build_config_schema(Plugins.load()))
