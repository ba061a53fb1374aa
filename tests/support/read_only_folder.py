"""A folder that nobody can write to, root included."""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest


@contextlib.contextmanager
def read_only(folder, files):
    """Move files to a folder that nobody can write to: a read-only file system where this process may mount one."""
    target = folder / "read-only"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(target)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    if os.geteuid() == 0 and not is_mounted:
        pytest.skip("root can write to every folder, and this one may mount nothing")
    for file in files:
        (target / file.name).write_bytes(file.read_bytes())
        (target / file.name).chmod(0o400)
    try:
        if is_mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(target)], check=True)
        else:
            target.chmod(0o500)
        yield target
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(target)], check=True)
        else:
            target.chmod(0o700)
