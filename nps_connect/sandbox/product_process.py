"""The product as a separate process in its own directory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from nps_connect.app.application import create_database, open_application
from nps_connect.plugins import LOAD_PLUGINS_VARIABLE
from nps_connect.services.context import Context
from nps_connect.services.operations.connection_setup import apply_all_setups
from nps_connect.settings.config_files import format_variable
from nps_connect.settings.load_settings import environment_path, load_settings
from nps_connect.settings.sources import ENV_PREFIX

COMMAND = (sys.executable, "-c", "from nps_connect.cli import main; main(prog_name='nps-connect')")
SECRET_FILE_MODE = 0o600
_ERROR_LINE = re.compile(r"\b(ERROR|CRITICAL)\b|^Traceback|^Exception in")
READY_TIMEOUT_SECONDS = 30.0
COMMAND_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
POLL_INTERVAL_SECONDS = 0.05


class DemoFailed(RuntimeError):
    """The product does not do what the demo needs; the message contains its output."""


class ProductProcess:
    """The product in a directory: its configuration, its secrets, its process.

    Everything that the configuration needs from the environment is written to the environment file next to it, so that
    a person can use the same directory from a shell.

    Args:
        folder: an existing directory.
        text: the configuration.
        variables: content of the environment file.
        environ: environment of this process.
    """

    def __init__(self, folder: Path, text: str, variables: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self.config = folder / "nps-connect.toml"
        self.log = folder / "run.log"
        self.environ = {
            name: value
            for name, value in environ.items()
            if name == LOAD_PLUGINS_VARIABLE or not (name.startswith(ENV_PREFIX) or name in variables)
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.config.write_text(text, encoding="utf-8")
        secrets = environment_path(self.config)
        secrets.touch(mode=SECRET_FILE_MODE)
        lines = [format_variable(name, value) for name, value in variables.items()]
        secrets.write_text("".join(lines), encoding="utf-8")

    def run_command(self, *arguments: str) -> str:
        """Run one command and return its output.

        Raises:
            DemoFailed: it failed.
        """
        completed = subprocess.run(  # noqa: S603  # our own program
            [*COMMAND, "--config", str(self.config), *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if completed.returncode:
            raise DemoFailed(f"nps-connect {' '.join(arguments)} failed: {completed.stderr.strip()}")
        return completed.stdout

    def run_json(self, *arguments: str) -> Any:  # noqa: ANN401  # JSON
        """Run one command with ``--json`` and return its data.

        Raises:
            DemoFailed: it failed.
        """
        return json.loads(self.run_command(*arguments, "--json"))

    def create_database(self) -> str:
        """Create the database, like ``db create --if-missing``, and return its address.

        Raises:
            ConfigError: a mistake in the configuration.
        """
        settings = load_settings(self.config, self.environ)
        create_database(settings)
        return settings.core.database_url.get_secret_value()

    def set_up_vendors(self) -> None:
        """Apply the account setup of every plugin that has one.

        Raises:
            NpsConnectError: a mistake in the configuration, or a vendor that refuses.
        """
        with self.open_context() as ctx:
            apply_all_setups(ctx)

    @contextmanager
    def open_context(self) -> Iterator[Context]:
        """Open the product's application in this process too.

        Raises:
            ConfigError: a mistake in the configuration.
        """
        application = open_application(self.config, self.environ)
        try:
            yield application.ctx
        finally:
            application.close()

    def start(self) -> None:
        """Start the product."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [*COMMAND, "--config", str(self.config), "run"], env=self.environ, stdout=log, stderr=log
            )

    def wait_until_ready(self, url: str) -> None:
        """Wait until the started product is ready.

        Args:
            url: its address, without a trailing slash.

        Raises:
            DemoFailed: it ended, or is not ready in time.
        """
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        with httpx.Client(trust_env=False) as client:
            while not _is_ready(client, f"{url}/readyz"):
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise DemoFailed(f"nps-connect run did not become ready; its log ends with: {self._log_tail()}")
                time.sleep(POLL_INTERVAL_SECONDS)

    def error_lines(self) -> list[str]:
        """Return the lines of the product's log that report an error, without tracebacks' details."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if _ERROR_LINE.search(line)]

    def stop(self) -> int | None:
        """Stop the product; returns its exit code, or None if it was not running or had to be killed."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.terminate()
        try:
            return process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.HTTPError:
        return False
