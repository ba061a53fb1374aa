"""Plugins that pluggy would accept silently are rejected with name and reason."""

import pytest

from nps_connect.errors import PluginError
from nps_connect.plugins import Plugins

REFUSED = {
    "misspelt": (
        "@hookimpl\ndef nps_open_ticket(connection, drafts): ...",
        "not a hook; did you mean nps_open_tickets",
    ),
    "nothing like a hook": ("@hookimpl\ndef frobnicate(connection): ...", "frobnicate is not a hook"),
    "misspelt and unmarked": ("def nps_open_tickes(connection, drafts): ...", "did you mean nps_open_tickets"),
    "unmarked": ("def nps_open_tickets(connection, drafts): ...", "is not marked with @hookimpl"),
    "unknown argument": (
        "@hookimpl\ndef nps_open_tickets(connection, tickets): ...",
        "takes 'tickets', which the hook does not have; it has: connection, drafts",
    ),
    "default": ("@hookimpl\ndef nps_open_tickets(connection, drafts=()): ...", "has a default for 'drafts'"),
    "async": ("@hookimpl\nasync def nps_open_tickets(connection, drafts): ...", "nps_open_tickets is async"),
    "async generator": ("@hookimpl\nasync def nps_check(connection): yield 1", "nps_check is async"),
    "generator": ("@hookimpl\ndef nps_check(connection): yield 1", "is a generator; hooks return a list"),
    "keyword collector": ("@hookimpl\ndef nps_check(**everything): ...", "takes \\*\\*everything"),
    "positional collector": ("@hookimpl\ndef nps_check(*connection): ...", "takes \\*connection"),
    "keyword only": ("@hookimpl\ndef nps_check(*, connection): ...", "restricts how 'connection' is passed"),
    "positional only": ("@hookimpl\ndef nps_check(connection, /): ...", "restricts how 'connection' is passed"),
    "another name": ("@hookimpl(specname='nps_check')\ndef nps_connector_check(connection): ...", "is not a hook"),
    "a second name": ("@hookimpl(specname='nps_check')\ndef nps_plan_setup(connection): ...", "has a specname"),
    "wrapper": ("@hookimpl(wrapper=True)\ndef nps_check(connection): return (yield)", "is a wrapper"),
    "old wrapper": ("@hookimpl(hookwrapper=True)\ndef nps_check(connection): yield", "is a wrapper"),
}


@pytest.mark.parametrize(("lines", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_hook_is_rejected(plugin, lines, reason):
    plugins = Plugins()
    with pytest.raises(PluginError, match=reason) as refused:
        plugins.register(plugin(lines), "acme")
    assert refused.value.plugin == "acme"
    assert plugins.infos == {}
    assert plugins.hooks_of("acme") == ()


CONNECTORS = {
    "raises": ("raise RuntimeError('no licence')", "nps_connector raised RuntimeError: no licence"),
    "answers nothing": ("return None", "nps_connector answered nothing, expected ConnectorInfo"),
    "answers something else": ("return {}", "nps_connector answered a dict, expected ConnectorInfo"),
    "has a foreign settings model": (
        "return ConnectorInfo(name='acme', title='A', settings=dict, example=EXAMPLE)",
        "settings model dict is not a ConnectionSettings",
    ),
}


@pytest.mark.parametrize(("body", "reason"), CONNECTORS.values(), ids=CONNECTORS)
def test_an_invalid_connector_is_rejected(plugin, body, reason):
    plugins = Plugins()
    with pytest.raises(PluginError, match=reason):
        plugins.register(plugin(f"@hookimpl\ndef nps_connector(): {body}"), "acme")
    assert not plugins.has("acme", "nps_connector")


def test_a_rejected_plugin_can_be_registered_after_a_fix(plugin):
    plugins = Plugins()
    with pytest.raises(PluginError):
        plugins.register(plugin(name="other"), "acme")
    plugins.register(plugin(), "acme")
    assert list(plugins.infos) == ["acme"]


def test_a_hook_may_take_fewer_arguments(plugin):
    plugins = Plugins()
    plugins.register(plugin("@hookimpl\ndef nps_veto_survey(contact): return None"), "acme")
    assert plugins.call("acme", "nps_veto_survey", event=1, contact=2, survey=3) is None


def test_functions_that_are_not_hooks_are_ignored(plugin):
    plugins = Plugins()
    plugins.register(plugin("async def refresh(token='x'): ...\nnps_limit = 3"), "acme")
    assert plugins.hooks_of("acme") == ("nps_connector",)
