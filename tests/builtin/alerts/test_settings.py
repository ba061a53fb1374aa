"""Settings and check of the alerts channel."""

import tomllib

import pytest
from pydantic import ValidationError

from nps_connect.builtin import alerts
from nps_connect.builtin.alerts import nps_check
from nps_connect.builtin.alerts.settings import AlertsSettings
from nps_connect.plugins import Plugins

TOKEN = "T0K3N-sentinel"


def test_nps_connector():
    info = alerts.nps_connector()

    assert info.name == "alerts"
    [action] = info.actions
    assert action.action == "send_alert"
    assert not info.channel


def test_the_plugin_registers_its_hooks():
    plugins = Plugins()

    plugins.register(alerts, "alerts")

    assert plugins.hooks_of("alerts") == ("nps_connector", "nps_send_alerts", "nps_check")


def test_the_example_is_valid():
    example = alerts.nps_connector().example
    table = tomllib.loads(example.table)["connections"]["team"]
    [route] = tomllib.loads(example.routes)["routes"]

    assert table["urls"] == [{"env": "ALERT_URL"}]
    assert AlertsSettings.model_validate(table | {"urls": [example.environment["ALERT_URL"]]})
    assert route == {"on": "detractor", "do": "send_alert", "via": "team"}


def test_at_least_one_address_is_required():
    with pytest.raises(ValidationError, match="at least 1 item"):
        AlertsSettings.model_validate({"plugin": "alerts", "urls": []})


@pytest.mark.parametrize("url", ["", "   ", TOKEN, f"://{TOKEN}", f"slack:// {TOKEN}", f"slack:{TOKEN}"])
def test_an_invalid_address_is_refused_without_repeating_it(url):
    with pytest.raises(ValidationError, match="Apprise address") as caught:
        AlertsSettings.model_validate({"plugin": "alerts", "urls": [url]})

    assert TOKEN not in str(caught.value)


def test_addresses_are_hidden_in_the_repr():
    settings = AlertsSettings.model_validate({"plugin": "alerts", "urls": [f"slack://{TOKEN}"]})

    assert TOKEN not in repr(settings)


def test_nps_check(team):
    findings = nps_check(connection=team("json://alerts.example.com/x", f"nosuchservice://{TOKEN}"))

    assert [finding.severity for finding in findings] == ["ok", "error"]
    assert findings[0].text == "urls.1 is an address of JSON (not tried)"
    assert "urls.2" in findings[1].text
    assert TOKEN not in repr(findings)
