"""`run`, `serve` and `worker` as real processes: start, requests, graceful shutdown."""

import contextlib
import json
import logging
import os
import signal
import socket
import sqlite3
import time

import httpx
import pytest
from click.exceptions import Exit
from support.command_process import free_port, read_ready_line
from support.config_mistakes import place_of
from support.postgres import SERVER_URL_VARIABLE, create_database, postgres_server
from support.postgres_faults import stopped_server

from nps_connect.cli._support.database_wait import wait_for_database
from nps_connect.cli._support.logging_setup import RedactingFormatter
from nps_connect.errors import ConfigError
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.redaction import Redactor


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_serves_requests_and_shuts_down_gracefully(start, number):
    port = free_port()
    process = start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{port}")
    ready = read_ready_line(process)
    assert ready["url"] == f"http://127.0.0.1:{port}"
    assert ready["mode"] == "shadow"
    with httpx.Client(base_url=ready["url"], trust_env=False) as client:
        assert client.get("/readyz").json() == {"ready": True, "problems": []}
        assert client.get("/s/not-a-token").status_code == 404
        assert client.post("/hooks/nobody", content=b"{}").status_code == 404
    stop_time = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "not-a-token" not in err
    assert "Traceback" not in err
    assert time.monotonic() - stop_time < 10


def test_second_process_on_the_same_database_is_refused(start, configured_cli):
    read_ready_line(start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}"))
    second = start("run", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}")
    _, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert "another process is already using nps-connect.db; stop it first" in err
    assert configured_cli("report").out == "no responses\n"


def test_port_in_use_suggests_a_fix(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = start("run", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{port}")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert (
        f"Error: environment variable NPS_CONNECT_CORE__LISTEN: core.listen: cannot listen on 127.0.0.1:{port}: Address already in use; stop the process"
        in err
    )


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_a_database_file_that_is_lost_while_running_stops_the_process(start, configured_cli, change):
    process = start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}")
    url = read_ready_line(process)["url"]
    path = configured_cli.folder / "nps-connect.db"
    os.kill(process.pid, signal.SIGSTOP)  # so that the request comes before the process notices it itself
    content = path.read_bytes()
    path.unlink()
    if change == "replaced":
        path.write_bytes(content)
    os.kill(process.pid, signal.SIGCONT)
    with httpx.Client(base_url=url, trust_env=False) as client, contextlib.suppress(httpx.TransportError):
        response = client.get("/readyz")
        assert (response.status_code, response.json()["ready"]) == (503, False)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"nps-connect.db was {change} while in use" in err


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_second_process_is_refused_by_a_link_too(start, configured_cli, link):
    read_ready_line(start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}"))
    path, other = configured_cli.folder / "nps-connect.db", configured_cli.folder / "other.db"
    other.symlink_to(path) if link == "symbolic" else os.link(path, other)
    environ = {"NPS_CONNECT_CORE__DATABASE_URL": "sqlite:///other.db"}
    second = start("run", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}", **environ)
    _, err = second.communicate(timeout=20)
    assert (second.returncode, "another process is already using other.db" in err) == (2, True)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_serve_and_worker_require_postgresql(configured_cli, command):
    configured_cli("db", "create")
    result = configured_cli(command)
    assert result.code == 2
    place = place_of(configured_cli.folder / "nps-connect.toml", "database_url")
    assert result.err == (
        f"Error: {place}: core.database_url: {command} requires PostgreSQL: with SQLite one process is both web server and worker; "
        "run: nps-connect run\n"
    )


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_serve_and_workers_share_a_postgresql_database(start, database_url):
    environ = {
        "NPS_CONNECT_CORE__DATABASE_URL": database_url,
        "NPS_CONNECT_CORE__LISTEN": f"127.0.0.1:{free_port()}",
    }
    server, *workers = start("serve", "--json", **environ), *(start("worker", "--json", **environ) for _ in range(2))
    with httpx.Client(base_url=read_ready_line(server)["url"], trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
    assert [read_ready_line(worker)["url"] for worker in workers] == [None, None]
    for process in (server, *workers):
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")


@pytest.fixture
def own_server():
    """The URL of a ledger on a PostgreSQL server that a test may stop."""
    if SERVER_URL_VARIABLE in os.environ:
        pytest.skip("a server that is not ours is not stopped")
    with postgres_server(durable=False) as maintenance:
        url = create_database(maintenance)
        ledger = Ledger(url)
        create(ledger)
        ledger.close()
        yield url


@pytest.mark.postgres
def test_serve_and_worker_wait_for_a_postgresql_that_starts_later(start, own_server):
    environ = {
        "NPS_CONNECT_CORE__DATABASE_URL": own_server,
        "NPS_CONNECT_CORE__LISTEN": f"127.0.0.1:{free_port()}",
    }
    with stopped_server(own_server):
        processes = [start(command, "--json", **environ) for command in ("serve", "worker")]
        for process in processes:
            assert "database_awaited seconds=60" in process.stderr.readline()
        stopped = start("worker", **environ)
        assert "database_awaited" in stopped.stderr.readline()
        stopped.terminate()
        assert stopped.wait(timeout=20) == 0
    assert [read_ready_line(process)["running"] for process in processes] == ["The web server", "The worker"]
    for process in processes:
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")


def test_the_wait_for_postgresql_ends_after_a_minute_with_a_clear_error(caplog):
    elapsed = []
    ledger = Ledger("postgresql://nps:secret-password@127.0.0.1:1/nps")

    def sleep(seconds):
        elapsed.append(seconds)
        return False

    with pytest.raises(ConfigError, match="the database cannot be reached"), caplog.at_level(logging.WARNING):
        wait_for_database(ledger, sleep=sleep, monotonic=lambda: sum(elapsed))
    ledger.close()
    assert sum(elapsed) == 60
    assert ["database_awaited seconds=60" in record.getMessage() for record in caplog.records] == [True]
    assert "secret-password" not in caplog.text


def test_a_missing_sqlite_file_is_not_waited_for(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        wait_for_database(Ledger(f"sqlite:///{tmp_path / 'lost.db'}"), sleep=lambda _seconds: pytest.fail("waits"))


def test_a_locked_sqlite_file_is_awaited_without_delaying_a_signal(tmp_path, sqlite_template, caplog):
    path = tmp_path / "nps.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger, looks = Ledger(f"sqlite:///{path}"), []

    def sleep(_seconds):
        looks.append(len(caplog.records))
        return len(looks) == 2  # the operator stops the process

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other, caplog.at_level(logging.WARNING):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Exit):
            wait_for_database(ledger, sleep=sleep)
    wait_for_database(ledger, sleep=lambda _seconds: pytest.fail("waits"))
    ledger.close()
    assert looks == [1, 1]  # named at once, and once
    assert "the database is locked by another process" in caplog.text


def test_log_redacts_secrets_in_tracebacks():
    def fail():
        raise RuntimeError("refused very-secret-value of jane@example.com")

    formatter = RedactingFormatter(Redactor(["very-secret-value"]))
    with pytest.raises(RuntimeError) as caught:
        fail()
    exc_info = (caught.type, caught.value, caught.tb)
    text = formatter.format(
        logging.LogRecord("nps_connect", logging.ERROR, "", 0, "%s", ("very-secret-value",), exc_info)
    )
    assert "very-secret-value" not in text
    assert "jane@example.com" not in text
    assert "Traceback" in text


def test_sighup_loads_a_valid_configuration_and_refuses_an_invalid_one(start, configured_cli):
    path, port = configured_cli.folder / "nps-connect.toml", free_port()
    process = start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{port}")
    url = read_ready_line(process)["url"]

    def reload(old, new, logged):
        """Change the file and send the signal; returns the line of the log with this event."""
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        for line in process.stderr:
            if logged in line:
                return line
        raise AssertionError("the process ended")

    with httpx.Client(base_url=url, trust_env=False) as client:
        assert "Exemple SA" in client.get("/s/unknown").text
        place = place_of(path, "cooldown").removeprefix("nps-connect.toml, ")
        refused = reload('"90d"', '"90x"', "configuration_not_reloaded")
        assert "finding=configuration-invalid" in refused
        assert f"nps-connect.toml, {place}: limits.cooldown: not a duration" in refused
        assert [row["config_current"] for row in processes(configured_cli, '"90x"', '"91d"')] == [False]
        reload('company = "Exemple SA"', 'company = "Example Ltd"', "configuration_reloaded")
        assert "Example Ltd" in client.get("/s/unknown").text  # on the same connection
        assert [row["config_current"] for row in processes(configured_cli)] == [True]
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (0, False)


def processes(cli, old=None, new=None):
    """The running processes as `workers list` shows them, after a change of the file."""
    if old is not None:
        path = cli.folder / "nps-connect.toml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return json.loads(cli("workers", "list", "--json").out)["items"]
