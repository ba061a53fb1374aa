"""`run`, `serve` and `worker` as real processes: up, answering, and down in good order."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from nps_connect.cli._support.logging_setup import RedactingFormatter
from nps_connect.redaction import Redactor

PROGRAM = [sys.executable, "-c", "from nps_connect.cli import main; main()"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(configured):
    """Start a command in the configured folder; it is killed at the end if it still runs."""
    started = []
    configured("db", "upgrade")

    def run(*arguments, **environ):
        environ = {**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email", **environ}
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=configured.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def up(process):
    """What the process says when it is up: one line of JSON."""
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_answers_and_ends_in_good_order(start, number):
    port = free_port()
    process = start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{port}")
    told = up(process)
    assert told["url"] == f"http://127.0.0.1:{port}"
    assert told["mode"] == "shadow"
    with httpx.Client(base_url=told["url"], trust_env=False) as client:
        assert client.get("/readyz").json() == {"ready": True, "problems": []}
        assert client.get("/s/not-a-token").status_code == 404
        assert client.post("/hooks/nobody", content=b"{}").status_code == 404
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "not-a-token" not in err
    assert "Traceback" not in err
    assert time.monotonic() - begun < 10


def test_a_second_process_on_the_same_file_is_refused(start, configured):
    up(start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}"))
    second = start("run", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}")
    _, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert "another process is already using nps-connect.db; stop it first" in err
    assert configured("report").out == "no responses\n"


def test_a_taken_port_is_answered_with_the_way_out(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("run", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{port}")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert (
        f"Error: nps-connect.toml: core.listen: cannot listen on 127.0.0.1:{port}: Address already in use; stop what listens there"
        in err
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_sqlite_is_for_one_process(configured, command):
    configured("db", "upgrade")
    result = configured(command)
    assert result.code == 2
    assert result.err == (
        f"Error: nps-connect.toml: core.database_url: {command} needs PostgreSQL: on SQLite one process is both web and worker; "
        "run: nps-connect run\n"
    )


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_serve_and_worker_share_postgresql(start, database_url):
    environ = {
        "NPS_CONNECT_CORE__DATABASE_URL": database_url,
        "NPS_CONNECT_CORE__LISTEN": f"127.0.0.1:{free_port()}",
    }
    server, *workers = start("serve", "--json", **environ), *(start("worker", "--json", **environ) for _ in range(2))
    with httpx.Client(base_url=up(server)["url"], trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
    assert [up(worker)["url"] for worker in workers] == [None, None]
    for process in (server, *workers):
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")


def test_the_log_hides_secrets_in_tracebacks_too():
    def fail():
        raise RuntimeError("refused very-secret-value of jane@example.com")

    formatter = RedactingFormatter(Redactor(["very-secret-value"]))
    with pytest.raises(RuntimeError) as caught:
        fail()
    known = (caught.type, caught.value, caught.tb)
    text = formatter.format(logging.LogRecord("nps_connect", logging.ERROR, "", 0, "%s", ("very-secret-value",), known))
    assert "very-secret-value" not in text
    assert "jane@example.com" not in text
    assert "Traceback" in text
