"""Fixtures for small plugin modules and installed distributions."""

import sys
import types

import pytest

PLUGIN_HEADER = """
from nps_connect import ConnectionSettings, ConnectorInfo, ExampleConfiguration, Receipt, Rejected, RetryLater, hookimpl

class Settings(ConnectionSettings):
    pass

EXAMPLE = ExampleConfiguration(connection="crm", table="")

@hookimpl
def nps_connector():
    return ConnectorInfo(name={name!r}, title="Acme", settings=Settings, example=EXAMPLE)
"""


@pytest.fixture
def plugin():
    """Create a plugin module from a header (settings and `nps_connector`) and the given lines."""

    def make(lines="", name="acme", head=PLUGIN_HEADER):
        module = types.ModuleType(name)
        exec(head.format(name=name) + lines, module.__dict__)
        return module

    return make


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install distributions on the path: `installed("acme-plugin", "1.2", acme="acme_module")`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = set(sys.modules)

    def install(distribution, version, group="nps_connect.test", source=PLUGIN_HEADER, **points):
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{name} = {module}" for name, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
        for name, module in points.items():
            (tmp_path / f"{module}.py").write_text(source.format(name=name))

    yield install
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
