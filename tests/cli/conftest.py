from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from nps_connect.cli import main


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """The command line in an empty folder, with the built-in plugins only: `cli("config", "check")`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, plugins="alerts,email", **environ):
        environ = {"NPS_CONNECT_LOAD_PLUGINS": plugins, "NPS_CONNECT_CONFIG": None, "NO_COLOR": "1", **environ}
        result = CliRunner(env=environ).invoke(main, list(arguments))
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    run.folder = tmp_path
    return run


@pytest.fixture
def configured(cli):
    """The command line in a folder with a configuration."""
    assert cli("init").code == 0
    return cli
