"""Plugins and a valid configuration; each test introduces one mistake."""

from functools import partial
from types import ModuleType

import pytest
from pydantic import SecretStr
from support.config_mistakes import caught_mistakes

from nps_connect import (
    ActionInfo,
    ConnectionSettings,
    ConnectorInfo,
    EventKind,
    ExampleConfiguration,
    ReviewPolicy,
    hookimpl,
)
from nps_connect.app.validation import load_checked
from nps_connect.errors import PluginError
from nps_connect.hookspecs.declarations import HOOK_BY_ACTION, HOOKS_BY_CAPABILITY
from nps_connect.plugins import Plugins
from nps_connect.settings.load_settings import load_settings

ENVIRON = {"SECRET": "s" * 20}

VALID_CONFIG = """\
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
signing_keys = [{ env = "SECRET" }]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"

[connections.crm]
plugin = "people"
token = { env = "SECRET" }
events = "poll"

[connections.mail]
plugin = "post"

[connections.places]
plugin = "stars"

[surveys.after-purchase]
channel = "mail"

[[triggers]]
on = "deal.won"
from = "crm"
survey = "after-purchase"
where = "amount >= 100"

[[routes]]
on = "any"
do = "write_score"
via = "crm"

[[routes]]
on = "promoter"
do = "invite_review"
via = "places"

[[routes]]
on = ["passive", "detractor"]
do = "invite_review"
via = "places"
lead = "help"
"""


class PeopleSettings(ConnectionSettings):
    token: SecretStr
    portal: int = 1
    pipelines: tuple[str, ...] = ()


def ask_everyone(_settings):
    return ReviewPolicy(rule="ask-everyone", reason="everybody must be asked", source="the platform's rules")


CONNECTOR_INFOS = [
    ConnectorInfo(
        name="people",
        title="People",
        settings=PeopleSettings,
        actions=(ActionInfo(action="write_score", batch_size=100),),
        events=(
            EventKind(name="deal.won", description="A deal is won.", fields={"amount": "number"}),
            EventKind(name="deal.lost", description="A deal is lost.", open_fields=True),
        ),
        polling=True,
        example=ExampleConfiguration(connection="crm", table="[connections.crm]"),
    ),
    ConnectorInfo(
        name="post",
        title="Post",
        settings=ConnectionSettings,
        channel=True,
        actions=(ActionInfo(action="send_survey"),),
        example=ExampleConfiguration(connection="mail", table="[connections.mail]"),
    ),
    ConnectorInfo(
        name="stars",
        title="Stars",
        settings=ConnectionSettings,
        review_policy=ask_everyone,
        example=ExampleConfiguration(connection="places", table="[connections.places]"),
    ),
]


def plugin_module(info):
    @hookimpl
    def nps_connector():
        return info

    module = ModuleType(info.name)
    module.nps_connector = nps_connector
    hooks = {HOOK_BY_ACTION[action.action] for action in info.actions if info.review_policy is None}
    hooks |= {"nps_review_destination"} if info.review_policy is not None else set()
    hooks |= {hook for name, needed in HOOKS_BY_CAPABILITY.items() if getattr(info, name) for hook in needed}
    for hook in hooks:
        setattr(module, hook, hookimpl(lambda: None))
    return module


class ConfigFixture:
    def __init__(self, folder):
        self.path = folder / "nps-connect.toml"
        self.plugins = Plugins()
        for info in CONNECTOR_INFOS:
            self.plugins.register(plugin_module(info), info.name)
        self.plugins.broken["charts"] = PluginError("charts", "cannot be imported: ImportError: no charts")
        self.path.write_text(VALID_CONFIG)

    def replace(self, old, new):
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    def validate(self, **environ):
        load = partial(load_settings, self.path, {**ENVIRON, **environ})
        return load_checked(load, lambda: self.plugins)[2]

    def mistakes(self, *, with_lines=False, **environ):
        return caught_mistakes(lambda: self.validate(**environ), self.path, with_lines=with_lines)


@pytest.fixture
def configuration(tmp_path):
    return ConfigFixture(tmp_path)
