"""Alerts over real HTTP on loopback, through Apprise."""

import logging
import socket
import threading

import pytest

from nps_connect import Receipt, RetryLater, json_reply
from nps_connect.builtin.alerts import nps_send_alerts
from nps_connect.sandbox.vendor_server import VendorServer

TOKEN = "T0K3N-sentinel"


def send(connection, alert):
    [outcome] = nps_send_alerts(connection=connection, alerts=[alert])
    return outcome


def unknown_path(address: str) -> str:
    """An address of the same host that answers 404."""
    return address.replace("/alerts/", f"/{TOKEN}/")


def test_nps_send_alerts(vendor, address, team, alert):
    outcome = send(team(address), alert())

    assert outcome == Receipt(id="send_alert:7:1")
    [arrived] = vendor.state()["alerts"]
    assert arrived["title"] == "Détracteur : 2 sur 10"
    assert arrived["message"] == "Appeler Marie Durand aujourd'hui.\n\nhttps://crm.example.com/contacts/7"
    assert vendor.effects().alerts == ("Détracteur : 2 sur 10",)


def test_an_alert_without_a_link_has_its_body_alone(vendor, address, team, alert):
    send(team(address), alert(link=None))

    assert vendor.state()["alerts"][0]["message"] == "Appeler Marie Durand aujourd'hui."


def test_a_link_that_the_body_holds_already_is_not_repeated(vendor, address, team, alert):
    send(team(address), alert(body="Voir https://crm.example.com/contacts/7"))

    assert vendor.state()["alerts"][0]["message"] == "Voir https://crm.example.com/contacts/7"


def test_every_address_gets_the_alert(vendor, address, team, alert):
    send(team(address, f"{address}/night-shift"), alert())

    assert [received["path"] for received in vendor.state()["alerts"]] == ["/team", "/team/night-shift"]


def test_a_batch_has_one_outcome_each(vendor, address, team, alert):
    outcomes = nps_send_alerts(connection=team(address), alerts=[alert(title="first"), alert(title="second")])

    assert [type(outcome) for outcome in outcomes] == [Receipt, Receipt]
    assert vendor.effects().alerts == ("first", "second")


def test_a_refusing_service_is_retried(address, team, alert):
    outcome = send(team(unknown_path(address)), alert())

    assert type(outcome) is RetryLater


def test_an_alert_that_one_of_two_addresses_refused_is_retried_for_both(vendor, address, team, alert):
    outcome = send(team(unknown_path(address), address), alert())

    assert type(outcome) is RetryLater
    assert "1 of 2" in outcome.message
    assert len(vendor.effects().alerts) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("option", ["", "?redirect=yes"])
def test_a_redirect_is_a_failure_and_is_not_followed(vendor, address, team, alert, status, option):
    location = address.replace("json://", "http://")
    redirecting = VendorServer({}, lambda request: json_reply(status, {}, location=location))
    redirecting.start()
    try:
        outcome = send(team(f"{redirecting.url.replace('http://', 'json://')}/team{option}"), alert())
    finally:
        redirecting.stop()

    assert type(outcome) is RetryLater
    assert vendor.state()["alerts"] == []


def test_an_unsupported_address_is_retried(team, alert):
    assert type(send(team("nosuchservice://example.com"), alert())) is RetryLater


def test_an_unreachable_service_is_retried(team, alert):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert type(send(team(f"json://127.0.0.1:{port}/{TOKEN}"), alert())) is RetryLater


@pytest.fixture
def silent_port():
    """A server that accepts every connection and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_silent_service_times_out(silent_port, team, alert):
    done = threading.Event()
    outcomes = []

    def work():
        outcomes.append(send(team(f"json://127.0.0.1:{silent_port}/?rto=3600&retry=5&wait=60", timeout=0.2), alert()))
        done.set()

    threading.Thread(target=work, daemon=True).start()

    assert done.wait(10)
    assert type(outcomes[0]) is RetryLater


@pytest.mark.parametrize(
    ("text_format", "received"), [("text", "<b>5 & 6</b>"), ("html", "&lt;b&gt;5&nbsp;&amp;&nbsp;6&lt;/b&gt;")]
)
def test_customer_text_is_escaped_for_every_service(vendor, address, team, alert, text_format, received):
    send(team(f"{address}?format={text_format}"), alert(body="<b>5 & 6</b>", link=None))

    assert vendor.state()["alerts"][0]["message"] == received


@pytest.mark.parametrize("works", [True, False])
def test_addresses_never_reach_the_log(address, team, alert, caplog, capfd, works):
    url = f"{address}/{TOKEN}" if works else unknown_path(address)
    with caplog.at_level(logging.DEBUG):
        outcome = send(team(url), alert())

    output = caplog.text + "".join(capfd.readouterr()) + f"{outcome!r} {getattr(outcome, 'exchange', '')}"
    assert TOKEN not in output
    assert "127.0.0.1" not in output


@pytest.mark.parametrize("severity", ["info", "warning", "failure"])
def test_services_receive_the_severity(vendor, address, team, alert, severity):
    send(team(address), alert(severity=severity))
    assert vendor.state()["alerts"][0]["type"] == severity
