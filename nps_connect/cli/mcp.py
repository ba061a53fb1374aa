"""``nps-connect mcp``."""

from __future__ import annotations

import os
from importlib.util import find_spec

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.errors import ConfigError

KEY_VARIABLE = "NPS_CONNECT_API_KEY"


@command
def mcp(options: Options, as_json: bool) -> None:  # noqa: ARG001  # only errors are printed
    """Serve an AI assistant over standard input and output (Model Context Protocol). Opens no port.

    The assistant reads figures, responses and cases by pseudonyms, and makes plans that a person approves: see
    approvals. Needs the extra nps-connect[mcp], assistants.enabled = true and an API key in NPS_CONNECT_API_KEY.
    """
    if find_spec("mcp") is None:
        raise CommandError(
            "the MCP SDK is not installed; install it: pip install 'nps-connect[mcp]'",
            fix="pip install 'nps-connect[mcp]'",
        )
    if not options.load_settings(needs_secrets=False).assistants.enabled:
        raise ConfigError("the MCP server is off", key="assistants.enabled", fix="set it to true")
    token = os.environ.get(KEY_VARIABLE)
    if not token:
        raise CommandError(
            f"put an API key into {KEY_VARIABLE}: nps-connect api-keys add", fix="nps-connect api-keys add"
        )
    import anyio

    from nps_connect.assistants.server import check_key, serve_stdio
    from nps_connect.records.api_results import ApiProblem

    with options.open_application() as application:
        try:
            check_key(application.ctx, token)
        except ApiProblem:
            message = f"the API key in {KEY_VARIABLE} is unknown or has expired; see: nps-connect api-keys list"
            raise CommandError(message) from None
        anyio.run(serve_stdio, application.ctx, token)
