"""What the e-mail channel declares."""

import tomllib

from nps_connect.builtin import email
from nps_connect.plugins import Plugins


def test_nps_connector():
    info = email.nps_connector()

    assert info.name == "email"
    assert info.base_url is None
    assert {action.action for action in info.actions} == {
        "send_survey",
        "send_reminder",
        "invite_review",
        "send_fallback",
        "send_alert",
        "send_case_reminder",
        "send_digest",
    }
    assert all(action.batch_size == 1 for action in info.actions)


def test_the_plugin_registers_its_hooks():
    plugins = Plugins()

    plugins.register(email, "email")

    assert plugins.hooks_of("email") == (
        "nps_connector",
        "nps_read_bounces",
        "nps_fetch_bounces",
        "nps_send_messages",
        "nps_send_alerts",
        "nps_check",
    )


def test_the_example_is_valid():
    example = email.nps_connector().example
    table = tomllib.loads(example.table)["connections"][example.connection]

    assert table["smtp_url"] == {"env": "SMTP_URL"}
    settings = email.nps_connector().settings.model_validate(table | {"smtp_url": example.environment["SMTP_URL"]})
    assert settings.relay.encryption == "starttls"
