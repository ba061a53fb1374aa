"""A full disk and a damaged database: told once, by every command, and a full disk ends nothing."""

import contextlib
import json
import os
import resource
import subprocess
import time

import httpx
import pytest
from support.command_process import free_port, read_ready_line

DISK_BYTES = 16 * 1024 * 1024
PATIENCE_SECONDS = 60

COMMANDS = (
    ("status",), ("report",), ("resume",), ("db", "check"), ("db", "upgrade"), ("db", "backup", "copy.db"), ("run",),
    ("deliveries", "list"), ("events", "list"), ("responses", "list"), ("suppressions", "list"), ("db", "restored"),
)  # fmt: skip


class SmallDisk:
    """A mounted disk of 16 MB, filled with a file."""

    problem = "the disk of the database is full"

    def __init__(self, path):
        self.path = path

    def fill(self, _process):
        with (self.path / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while True:
                stream.write(bytes(4096))

    def free(self, _process):
        (self.path / "filler").unlink()


class QuotaDisk:
    """A disk on which a process cannot write: by a file size limit of 0, without root."""

    problem = "the disk of the database is full or failing"

    def __init__(self, path):
        self.path = path

    def fill(self, process):
        _, self.hard_limit = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, self.hard_limit))

    def free(self, process):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (self.hard_limit, self.hard_limit))


@pytest.fixture
def disk(tmp_path):
    """A disk that can be full: a small one where this process may mount it."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path)]
    if os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0:
        yield SmallDisk(path)
        subprocess.run(["umount", "--lazy", str(path)], check=True)
    else:
        yield QuotaDisk(path)


def wait_for_readiness(url, status):
    """Wait until `/readyz` has a status; returns its problems."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=url, trust_env=False) as client:
        while (response := client.get("/readyz")).status_code != status:
            assert time.monotonic() < deadline, response.text
            time.sleep(0.1)
        return response.json()["problems"]


def test_a_full_disk_is_told_once_and_ends_nothing(start, configured_cli, disk):
    database = {"NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{disk.path / 'ledger.db'}"}
    configured_cli("db", "create", **database)
    process = start("run", "--json", NPS_CONNECT_CORE__LISTEN=f"127.0.0.1:{free_port()}", **database)
    url = read_ready_line(process)["url"]
    assert configured_cli("status", **database).code == 0
    disk.fill(process)
    assert wait_for_readiness(url, 503) == [disk.problem]
    if isinstance(disk, SmallDisk):  # a limit is that of one process
        status = configured_cli("status", **database)
        assert status.code == 1
        assert f"✗ {disk.problem} [storage-failing]\n    Fix: free disk space; nothing is lost" in status.out
        report = json.loads(configured_cli("status", "--json", **database).out)
        assert report["storage_problem"].startswith(disk.problem)
        assert configured_cli("db", "check", **database).out.startswith(disk.problem)
    disk.free(process)
    assert wait_for_readiness(url, 200) == []
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [line.split(maxsplit=4)[4].partition(";")[0] for line in err.splitlines()] == [
        f'database_unusable reason="{disk.problem}" finding=storage-failing',
        f'database_usable_again after="{disk.problem}"',
    ]


def test_a_disk_that_is_full_before_anything_starts_is_named_by_every_command(configured_cli, disk):
    if not isinstance(disk, SmallDisk):
        pytest.skip("mounting a disk needs root")
    database = {"NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{disk.path / 'ledger.db'}"}
    configured_cli("db", "create", **database)
    disk.fill(None)
    for command in COMMANDS:
        result = configured_cli(*command, **database)
        text = result.out + result.err
        assert text.count("the disk of the database is full") == 1, (command, text)
        assert "damaged" not in text
        assert result.code == (1 if command in (("db", "check"), ("status",)) else 2), (command, text)
    page = " ".join(
        configured_cli(
            "doctor", "--offline", SMTP_URL="smtp://127.0.0.1:1", ALERT_URL="json://127.0.0.1:1", **database
        ).out.split()
    )
    assert "✗ database: the disk of the database is full [storage-failing]" in page
    assert "Fix: free disk space; nothing is lost" in page


def damage(path, kind):
    content = path.read_bytes()
    if kind == "not a database":
        path.write_bytes(b"no database at all " * 1000)
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


@pytest.mark.parametrize("kind", ["malformed", "not a database", "truncated"])
def test_every_command_that_meets_a_damaged_database_names_the_restore_command(configured_cli, kind):
    configured_cli("db", "create")
    damage(configured_cli.folder / "nps-connect.db", kind)
    for command in COMMANDS:
        result = configured_cli(*command)
        text = result.out + result.err
        assert "nps-connect db restore FILE (see docs/backup.md)" in text, (command, text)
        assert "the database is damaged" in text, (command, text)
        assert "Traceback" not in text
        assert "unexpected error" not in text
        assert result.code == (1 if command in (("db", "check"), ("status",)) else 2), (command, text)


def test_a_damaged_database_is_replaced_by_a_backup(configured_cli):
    configured_cli("db", "create")
    assert configured_cli("db", "backup", "monday.db").code == 0
    damage(configured_cli.folder / "nps-connect.db", "malformed")
    assert configured_cli("db", "restore", "monday.db", "--yes").code == 0
    assert configured_cli("db", "check").code == 0
