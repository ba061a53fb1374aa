"""Plugins are loaded one by one; a broken one is reported and skipped."""

import pytest

from nps_connect.errors import PluginError
from nps_connect.plugins import Plugins

GROUP = "nps_connect.test"


def load(**options):
    return Plugins.load(group=GROUP, environ=options.pop("environ", {}), **options)


def test_an_installed_plugin_is_loaded_with_its_version(installed):
    installed("acme-plugin", "1.2.3", acme="acme_module")
    plugins = load()
    assert plugins.infos["acme"].title == "Acme"
    assert plugins.versions == {"acme": "1.2.3"}
    assert plugins.broken == {}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_package_that_is_not_there", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("pass", "lacks nps_connector"),
    ],
)
def test_a_broken_plugin_does_not_affect_the_others(installed, source, reason):
    installed("broken-plugin", "1", broken="broken_module", source=source)
    installed("acme-plugin", "1", acme="acme_module")
    installed("zebra-plugin", "1", zebra="zebra_module")
    plugins = load()
    assert sorted(plugins.infos) == ["acme", "zebra"]
    assert list(plugins.broken) == ["broken"]
    assert str(plugins.broken["broken"]).startswith("plugin 'broken': ")
    assert reason in str(plugins.broken["broken"])


def test_calling_a_broken_plugin_raises_the_reason(installed):
    installed("broken-plugin", "1", broken="broken_module", source="raise RuntimeError('no licence')")
    plugins = load()
    with pytest.raises(PluginError, match="no licence"):
        plugins.call("broken", "nps_check", connection=None)


def test_of_two_distributions_with_one_name_neither_is_loaded(installed):
    installed("acme-plugin", "1", acme="acme_module")
    installed("other-plugin", "1", acme="other_module")
    plugins = load()
    assert plugins.infos == {}
    text = str(plugins.broken["acme"])
    assert "acme_module of acme-plugin" in text
    assert "other_module of other-plugin" in text


def test_the_entry_point_must_have_the_name_of_the_plugin(installed):
    installed("acme-plugin", "1", acme="acme_module", source="from other_module import *")
    installed("other-plugin", "1", other="other_module")
    plugins = load()
    assert "named 'other', but its entry point 'acme'" in str(plugins.broken["acme"])
    assert list(plugins.infos) == ["other"]


def test_only_the_requested_plugins_are_imported(installed):
    installed("acme-plugin", "1", acme="acme_module")
    installed("broken-plugin", "1", broken="broken_module", source="raise RuntimeError")
    assert list(load(only=["acme"]).infos) == ["acme"]
    assert load(only=["acme"]).broken == {}


@pytest.mark.parametrize(
    ("value", "names"), [("acme", ["acme"]), (" zebra , acme ", ["acme", "zebra"]), ("", []), (" , ", [])]
)
def test_the_environment_can_select_plugins(installed, value, names):
    installed("acme-plugin", "1", acme="acme_module")
    installed("zebra-plugin", "1", zebra="zebra_module")
    assert sorted(load(environ={"NPS_CONNECT_LOAD_PLUGINS": value}).infos) == names


def test_an_explicit_selection_takes_precedence_over_the_environment(installed):
    installed("acme-plugin", "1", acme="acme_module")
    installed("zebra-plugin", "1", zebra="zebra_module")
    plugins = load(only=["zebra"], environ={"NPS_CONNECT_LOAD_PLUGINS": "acme"})
    assert list(plugins.infos) == ["zebra"]


def test_a_selected_plugin_that_is_not_installed_is_reported(installed):
    installed("acme-plugin", "1", acme="acme_module")
    plugins = load(only=["acne"])
    assert "is not installed; installed: acme" in str(plugins.broken["acne"])


def test_registering_a_name_twice_names_both_origins(plugin):
    plugins = Plugins()
    plugins.register(plugin(), "acme", origin="acme of one")
    with pytest.raises(PluginError, match="acme of one and acme of two"):
        plugins.register(plugin(), "acme", origin="acme of two")
    assert list(plugins.infos) == ["acme"]


def test_two_plugin_managers_are_independent(plugin):
    first, second = Plugins(), Plugins()
    first.register(plugin(), "acme")
    assert second.infos == {}
    assert not second.has("acme", "nps_connector")


def test_hooks_can_be_defined_in_submodules(plugin):
    tickets = plugin("@hookimpl\ndef nps_open_tickets(connection, drafts): return []\n", name="acme.tickets")
    module = plugin()
    module.nps_open_tickets = tickets.nps_open_tickets
    plugins = Plugins()
    plugins.register(module, "acme")
    assert plugins.hooks_of("acme") == ("nps_connector", "nps_open_tickets")


def test_an_object_can_be_a_plugin(plugin):
    class Acme:
        nps_connector = staticmethod(plugin().nps_connector)

    plugins = Plugins()
    plugins.register(Acme(), "acme")
    assert plugins.hooks_of("acme") == ("nps_connector",)


def test_an_unknown_plugin_has_no_hooks():
    assert Plugins().hooks_of("nobody") == ()
    assert not Plugins().has("nobody", "nps_check")
