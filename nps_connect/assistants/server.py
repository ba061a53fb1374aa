"""The MCP server: the tools of an assistant over standard input and output. It opens no port."""

from __future__ import annotations

import logging
from typing import Any

import anyio
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

import nps_connect
from nps_connect.records.api_results import ApiProblem
from nps_connect.services.api_keys.key_cache import KeyCache
from nps_connect.services.assistants.tools import TOOLS, ToolRefused, call_tool
from nps_connect.services.assistants.untrusted import NOTICE
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

INSTRUCTIONS = (
    "Reads the Net Promoter Score surveys of a company. Tools whose name begins with plan_ change nothing: a person "
    f"approves each plan in a terminal. {NOTICE}"
)
UNEXPECTED = "the call failed; the log of the server on standard error says more"


def build_server(ctx: Context, token: str) -> Server[Any]:
    """Return the server.

    Args:
        ctx: the application context.
        token: the API key, checked anew at every call.
    """
    keys, limiter = KeyCache(ctx), anyio.CapacityLimiter(1)

    async def list_tools(_ctx: Any, _params: PaginatedRequestParams | None) -> ListToolsResult:  # noqa: ANN401
        return ListToolsResult(tools=[_describe_tool(name) for name in TOOLS])

    async def handle_call(_ctx: Any, params: CallToolRequestParams) -> CallToolResult:  # noqa: ANN401  # of the SDK
        text, is_error = await anyio.to_thread.run_sync(
            _call, ctx, keys, token, params.name, params.arguments or {}, limiter=limiter
        )
        return CallToolResult(content=[TextContent(text=text)], is_error=is_error)

    return Server(
        "nps_connect",
        version=nps_connect.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=handle_call,
    )


async def serve_stdio(ctx: Context, token: str) -> None:
    """Serve one assistant over standard input and output, until it closes them."""
    server = build_server(ctx, token)
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def check_key(ctx: Context, token: str) -> None:
    """Refuse an API key that is unknown or expired.

    Raises:
        ApiProblem: it is.
    """
    keys = KeyCache(ctx)
    keys.refresh()
    keys.authenticate(token)


def _call(ctx: Context, keys: KeyCache, token: str, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """Return the text of a result, and whether it is an error."""
    try:
        if keys.is_stale(token):
            keys.refresh()
        caller = keys.authenticate(token)
        if keys.has_unrecorded_use(token):
            keys.record_use(token)
        return call_tool(ctx, caller, name, arguments), False
    except ApiProblem:
        return "the API key of this server is not valid any more", True
    except ToolRefused as refusal:
        return str(refusal), True
    except Exception as error:  # noqa: BLE001  # its text may name a person
        log.error("assistant_tool_failed tool=%s error=%s", name if name in TOOLS else "?", type(error).__name__)
        return UNEXPECTED, True


def _describe_tool(name: str) -> Tool:
    tool = TOOLS[name]
    return Tool(
        name=name,
        description=tool.description,
        input_schema=tool.request.model_json_schema(),
        annotations=ToolAnnotations(
            read_only_hint=not tool.is_plan, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )
