"""Fixtures of the contract kit's own tests: the correct plugin, and plugins that are wrong in one respect."""

import inspect
import itertools
import types

import pytest
from testing import acme
from testing.acme.simulated import SECRET, TOKEN, SimulatedAcme

from nps_connect.testing import ConnectorContract

SETTINGS = {"token": TOKEN, "webhook_secret": SECRET}


@pytest.fixture(autouse=True)
def acme_installed(tmp_path, monkeypatch):
    info = tmp_path / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nps_connect]\nacme = testing.acme\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def make_broken_plugin():
    """Return the correct plugin with some names replaced (None removes a name) and other parts of `ConnectorInfo`."""

    def make(info=None, **names):
        module = types.ModuleType(acme.__name__)
        module.__dict__.update({name: value for name, value in vars(acme).items() if not name.startswith("__")})
        module.__file__, module.__path__ = acme.__file__, acme.__path__
        if info is not None:

            @acme.hookimpl
            def nps_connector():
                return acme.nps_connector().model_copy(update=info)

            module.nps_connector = nps_connector
        for name, value in names.items():
            if value is None:
                delattr(module, name)
            elif name.startswith("nps_") and isinstance(value, types.FunctionType):
                setattr(module, name, acme.hookimpl(value))
            else:
                setattr(module, name, value)
        return module

    return make


@pytest.fixture
def contract():
    """Return a contract test class for a plugin."""

    def make(plugin, **attributes):
        defaults = {"plugin": plugin, "settings": SETTINGS, "vendor": SimulatedAcme}
        return type("Contract", (ConnectorContract,), {**defaults, **attributes})()

    return make


@pytest.fixture
def findings():
    """Run a check over all its parameters (or one of them, by name) and return the texts of its failures."""

    def run(contract, check, only=None):
        function = getattr(contract, check)
        parameters = type(contract).parameters()
        names = [name for name in inspect.signature(function).parameters if name in parameters]
        failures = []
        for values in itertools.product(*(parameters[name] for name in names)):
            if only is not None and only not in map(repr, values):
                continue
            try:
                function(**dict(zip(names, values, strict=True)))
            except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001  # whatever a bad plugin does
                failures.append(f"{type(failure).__name__}: {failure}")
        return failures

    return run
