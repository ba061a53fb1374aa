"""docs/assistants.md and the real server: started as the page says, driven by the client of the SDK, and by raw frames."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import threading
from pathlib import Path

import pytest
from support.command_process import PROGRAM

from nps_connect.services.approvals.approvals import PLAN_LIFETIME
from nps_connect.services.assistants.tools import TOOLS
from nps_connect.services.assistants.untrusted import MAX_TEXT_LENGTH

mcp = pytest.importorskip("mcp")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "assistants.md").read_text(encoding="utf-8")
SEQUENCES = ROOT / "tests" / "services" / "assistants" / "attack_sequences.jsonl"


@pytest.fixture
def server(configured_cli):
    """Start parameters of a server with the configuration and the key of the page."""
    config = configured_cli.folder / "nps-connect.toml"
    config.write_text(config.read_text() + "\n" + re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])
    assert configured_cli("db", "create").code == 0
    command = re.search(r"^\$ nps-connect (api-keys add .+)$", PAGE, re.MULTILINE)[1]
    key = configured_cli(*shlex.split(command)).out.strip()
    environ = {**os.environ, "NPS_CONNECT_API_KEY": key, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email"}
    return mcp.StdioServerParameters(
        command=PROGRAM[0], args=[*PROGRAM[1:], "mcp"], env=environ, cwd=configured_cli.folder
    )


def test_the_client_of_the_sdk_lists_and_calls_the_tools(server, configured_cli):
    async def use() -> tuple[list[str], dict, dict, bool]:
        async with mcp.Client(server) as client:
            tools = (await client.list_tools()).tools
            assert all(tool.input_schema["type"] == "object" for tool in tools)
            results = await asyncio.gather(client.call_tool("nps", {}), client.call_tool("plan_pause", {}))
            refused = await client.call_tool("status", {"verbose": True})
            return [tool.name for tool in tools], *(json.loads(r.content[0].text) for r in results), refused.is_error

    names, nps, plan, is_refused = asyncio.run(use())
    assert (names, nps["responses"], plan["state"], is_refused) == (list(TOOLS), 0, "open", True)
    assert plan["plan"] in configured_cli(*["approvals", "list"]).out
    assert json.loads(configured_cli("api-keys", "list", "--json").out)["items"][0]["last_used_at"]
    assert configured_cli("approvals", "show", plan["plan"]).code == 0
    assert configured_cli("approvals", "reject", plan["plan"]).code == 0


def read_frames():
    """Return the raw frames of the sequences of an independent attacker."""
    frames = []
    for line in SEQUENCES.read_text(encoding="ascii").splitlines():
        for arguments in (call["arguments"] for call in json.loads(line)["calls"] if call["tool"] == "@raw"):
            frame = arguments.get("frame")
            if "hex" in arguments:
                frames.append(bytes.fromhex(arguments["hex"]))
            elif isinstance(frame, dict):  # an id of a megabyte
                text, times = frame["$repeat"]
                frames.append(json.dumps({"jsonrpc": "2.0", "id": text * times, "method": "tools/list"}).encode())
            else:
                frames.append(frame.encode("utf-8", "replace"))
    return frames


def test_frames_that_are_no_calls_neither_end_the_server_nor_act(server, configured_cli):
    frames = read_frames()
    opening = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    requests = [
        {"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": opening},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    last = {"jsonrpc": "2.0", "id": "last", "method": "tools/list", "params": {}}
    lines = [*(json.dumps(request).encode() for request in requests), *frames, json.dumps(last).encode()]
    process = subprocess.Popen(
        [server.command, *server.args],
        cwd=server.cwd,
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    written = b"\n".join(lines) + b"\n"
    writer = threading.Thread(target=lambda: (process.stdin.write(written), process.stdin.flush()))
    writer.start()
    output, answer = b"", {}
    while answer.get("id") != "last":
        line = process.stdout.readline()
        assert line, process.stderr.read()
        output, answer = output + line, json.loads(line)
    writer.join()
    _, errors = process.communicate(timeout=30)
    assert [tool["name"] for tool in answer["result"]["tools"]] == list(TOOLS)
    assert b"Traceback" not in output + errors
    assert len(frames) == 24
    plans = json.loads(configured_cli("approvals", "list", "--json").out)["items"]
    assert {plan["state"] for plan in plans} <= {"open"}


def test_the_page_names_every_tool_and_the_limits():
    named = set(re.findall(r"`(\w+)`", "".join(line for line in PAGE.splitlines() if line.startswith("| `"))))
    assert set(TOOLS) <= named
    assert f"{MAX_TEXT_LENGTH:,} characters" in PAGE
    assert f"{PLAN_LIFETIME.seconds // 60} minutes" in PAGE
    commands = re.findall(
        r"^\$ nps-connect (\S+ \S+)", PAGE, re.MULTILINE
    )  # `approve` needs a terminal: test_approvals
    assert commands == ["api-keys add", *(f"approvals {name}" for name in ("list", "show", "approve", "reject"))]
