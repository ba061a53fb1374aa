"""Fixtures: a sound configuration on the installed plugins, with a snapshot of its accounts."""

from __future__ import annotations

import copy
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest

from nps_connect.app.validation import validate
from nps_connect.plugins import Plugins
from nps_connect.proof.prove import ProofReport, prove
from nps_connect.proof.twin import ProvedConfiguration, open_twin
from nps_connect.records.snapshots import AccountSnapshot
from nps_connect.services.operations.account_snapshots import take_snapshot
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText

START = datetime(2026, 11, 17, 8, tzinfo=UTC)
"""A Tuesday morning."""

SOUND = """
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
languages = ["fr"]
timezone = "Europe/Paris"
signing_keys = ["a-signing-key-for-tests"]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"

[connections.crm]
plugin = "hubspot"
access_token = "pat-configured-token"
webhook_secrets = ["configured-secret"]
events = "webhook"

[connections.helpdesk]
plugin = "zendesk"
subdomain = "example"
access_token = "configured-token"
webhook_secret = "configured-secret"
events = "webhook"
group = "Customer care"

[connections.mail]
plugin = "email"
smtp_url = "smtp://localhost:25"
sender = "Exemple SA <care@example.com>"
reply_to = "care@example.com"

[connections.team]
plugin = "alerts"
urls = ["json://alerts.example.com/nps"]

[connections.google]
plugin = "google_reviews"
place_id = "ChIJN1t_tDeuEmsRUsoyG83frY4"

[surveys.after-purchase]
channel = "mail"

[[triggers]]
on = "deal.won"
from = "crm"
survey = "after-purchase"
delay = "3d"
where = "amount >= 100"

[[routes]]
on = "any"
do = "write_score"
via = "crm"

[[routes]]
on = "detractor"
do = "open_ticket"
via = "helpdesk"

[[routes]]
on = "detractor"
do = "send_alert"
via = "team"

[[routes]]
on = "promoter"
do = "invite_review"
via = "google"

[[routes]]
on = ["passive", "detractor"]
do = "invite_review"
via = "google"
lead = "help"
delay = "1d"

[[expect]]
on = "deal.won"
from = "crm"
fields = { amount = 250 }
survey = "after-purchase"
score = 3
actions = [
    "write_score via crm", "open_ticket via helpdesk", "send_alert via team", "invite_review via google",
]

[[expect]]
on = "deal.won"
from = "crm"
fields = { amount = 20 }
survey = "none"
"""

SECRETS = ("access_token", "webhook_secret", "smtp_url")
SECRET_LISTS = ("webhook_secrets", "urls")


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return Plugins.load()


class Site:
    """A configuration and the snapshots of its accounts, as an operator would edit them.

    Attributes:
        config: the configuration as parsed from TOML.
        snapshots: the snapshots as parsed from JSON, by connection.
    """

    def __init__(self, plugins: Plugins, snapshots: dict[str, Any]) -> None:
        self.config: dict[str, Any] = tomllib.loads(SOUND)
        self.snapshots = copy.deepcopy(snapshots)
        self._plugins = plugins

    @property
    def trigger(self) -> dict[str, Any]:
        """The first trigger."""
        trigger: dict[str, Any] = self.config["triggers"][0]
        return trigger

    def route(self, action: str) -> dict[str, Any]:
        """Return the first route to an action."""
        return next(route for route in self.config["routes"] if route["do"] == action)

    def remove_routes(self, action: str) -> None:
        """Remove all routes to an action, and the expectations, which name them."""
        self.config["routes"] = [route for route in self.config["routes"] if route["do"] != action]
        self.config.pop("expect", None)

    def configuration(self) -> ProvedConfiguration:
        """Return the validated configuration.

        Raises:
            ConfigErrors: it has mistakes that every command names.
        """
        settings = Settings.model_validate(copy.deepcopy(self.config))
        for table in settings.connections.values():
            table.update({key: ReferencedText(table[key], "test") for key in SECRETS if key in table})
            table.update(
                {key: [ReferencedText(text, "test") for text in table[key]] for key in SECRET_LISTS if key in table}
            )
        connections = validate(settings, self._plugins)
        snapshots = {name: AccountSnapshot.model_validate(content) for name, content in self.snapshots.items()}
        return ProvedConfiguration(settings, self._plugins, connections, snapshots)

    def prove(self, seed: int = 1) -> ProofReport:
        """Prove the configuration."""
        return prove(self.configuration(), now=START, seed=seed)


@pytest.fixture(scope="session")
def account_snapshots(plugins, tmp_path_factory) -> dict[str, Any]:
    """Snapshots of simulated accounts that are set up."""
    configuration = Site(plugins, {}).configuration()
    with open_twin(configuration, tmp_path_factory.mktemp("twin"), now=START, seed=1) as twin:
        ctx = twin.application.ctx
        return {name: take_snapshot(ctx, name).model_dump(mode="json") for name in ("crm", "helpdesk")}


@pytest.fixture
def site(plugins, account_snapshots) -> Site:
    """A sound configuration with snapshots of its accounts."""
    return Site(plugins, account_snapshots)
