"""What follows from the declaration and the hooks of a plugin together."""

import pytest

from nps_connect import API_VERSION
from nps_connect.app.actions import ACTIONS
from nps_connect.errors import PluginError
from nps_connect.hookspecs.declarations import HOOK_BY_ACTION, Deprecation, api_problem, used_deprecations
from nps_connect.plugins import Plugins

HEAD = """
from nps_connect import ActionInfo, ConnectionSettings, ConnectorInfo, hookimpl

@hookimpl
def nps_connector():
    return ConnectorInfo(name="acme", title="Acme", settings=ConnectionSettings, {more})
"""


@pytest.fixture
def register(plugin):
    """Register a plugin with more declarations and hooks."""

    def act(more="", lines=""):
        plugins = Plugins()
        plugins.register(plugin(lines, head=HEAD.replace("{more}", more)), "acme")
        return plugins

    return act


def test_actions_and_their_hooks_are_the_same_everywhere():
    assert {action: spec.hook for action, spec in ACTIONS.items()} == HOOK_BY_ACTION


def test_an_action_without_its_hook_does_not_load(register):
    with pytest.raises(
        PluginError, match="'open_ticket', but lacks the hook nps_open_tickets; add the hook, or remove"
    ):
        register("actions=(ActionInfo(action='open_ticket'),)")


def test_capabilities_follow_from_hooks(register):
    verify = "@hookimpl\ndef nps_verify_webhook(request): ...\n"
    parse = "@hookimpl\ndef nps_parse_events(request): return []\n"
    poll = "@hookimpl\ndef nps_poll_events(cursor): ...\n"
    info = register(lines=verify + parse + poll).infos["acme"]
    assert (info.webhooks, info.polling, info.channel) == (True, True, False)
    assert not register("webhooks=True", verify).infos["acme"].webhooks


@pytest.mark.parametrize(
    ("action", "hook", "missing"),
    [
        ("write_score", "nps_write_scores(updates)", "lacks nps_find_contacts: scores are written only for"),
        ("open_ticket", "nps_open_tickets(drafts)", "lacks nps_update_tickets: a changed score, a late comment"),
    ],
)
def test_a_hook_that_belongs_to_another_is_named_with_the_consequence(register, action, hook, missing):
    plugins = register(f"actions=(ActionInfo(action={action!r}),)", f"@hookimpl\ndef {hook}: return []")
    [remark] = plugins.remarks["acme"]
    assert missing in remark


@pytest.mark.parametrize("api", [">=1,<2", f"=={API_VERSION}", "<=1.5", ">0.9"])
def test_a_plugin_for_this_version_of_the_api_runs(api):
    assert api_problem(api) is None


@pytest.mark.parametrize(
    ("api", "fix"),
    [
        (">=1.1,<2", "update nps_connect"),
        (">=2", "update nps_connect"),
        ("<1", "update the plugin"),
        ("==0.9", "plugin"),
    ],
)
def test_a_plugin_for_another_version_does_not_load(register, api, fix):
    with pytest.raises(PluginError, match=rf"supports the plugin API .* has {API_VERSION}; .*{fix}"):
        register(f"api={api!r}")


def test_a_plugin_for_a_newer_version_is_not_told_that_its_hook_is_misspelt(register):
    with pytest.raises(PluginError, match="update nps_connect"):
        register("api='>=2'", "@hookimpl\ndef nps_new_hook(connection): ...")


def test_an_optional_hook_of_another_version_is_ignored(register):
    plugins = register(lines="@hookimpl(optionalhook=True)\ndef nps_new_hook(connection, novelty): ...")
    assert plugins.hooks_of("acme") == ("nps_connector",)


def test_an_optional_hook_that_exists_is_a_hook(register):
    plugins = register(lines="@hookimpl(optionalhook=True)\ndef nps_check(connection): return []")
    assert plugins.call("acme", "nps_check", connection=None) == []


@pytest.mark.parametrize(
    ("deprecation", "start"),
    [
        (Deprecation("nps_check", None, "2.0", "use nps_inspect"), "nps_check is removed in version 2.0"),
        (Deprecation("nps_check", "connection", "2.0", "use account"), "the argument 'connection' of nps_check is"),
        (Deprecation("nps_check", "account", "2.0", "use nothing"), None),
        (Deprecation("nps_snapshot", None, "2.0", "use nothing"), None),
    ],
)
def test_what_is_deprecated_and_used_is_named(plugin, deprecation, start):
    module = plugin("@hookimpl\ndef nps_check(connection): return []")
    sentences = used_deprecations(module, [deprecation])
    assert [start is not None and sentence.startswith(start) for sentence in sentences] == [True] * (start is not None)


def test_a_deprecated_hook_warns_and_still_works(plugin, monkeypatch):
    deprecation = Deprecation("nps_check", None, "2.0", "use nps_inspect")
    monkeypatch.setattr("nps_connect.hookspecs.declarations.DEPRECATIONS", (deprecation,))
    plugins = Plugins()
    with pytest.warns(DeprecationWarning, match="plugin 'acme': nps_check is removed in version 2.0.*use nps_inspect"):
        plugins.register(plugin("@hookimpl\ndef nps_check(connection): return []"), "acme")
    assert plugins.remarks["acme"] == ["nps_check is removed in version 2.0 of the plugin API; use nps_inspect"]
    assert plugins.call("acme", "nps_check", connection=None) == []
