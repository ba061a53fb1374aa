"""Long-running commands as real processes."""

import json
import os
import socket
import subprocess
import sys

PROGRAM = [sys.executable, "-c", "from nps_connect.cli import main; main()"]


def start_command(folder, *arguments, **environ):
    """Start a command in a configured folder, with the built-in plugins only."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_ready_line(process):
    """Return the JSON line that the process prints when it is up."""
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)
