"""`connect` joins a plugin and its simulated vendor: fixed clock, no waiting, no network."""

import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
from pydantic import ValidationError
from testing import acme
from testing.acme.simulated import SECRET, TOKEN, SimulatedAcme

from nps_connect import AuthFailed, ConnectionSettings, ContactKey
from nps_connect.testing import LEA, PEOPLE, START, FixedClock, InMemoryTokenStore, VendorTransport, connect

SETTINGS = {"token": TOKEN, "webhook_secret": SECRET}


def find_lea(connection):
    return acme.nps_find_contacts(connection, [ContactKey(kind="email", value=LEA.email)])


def test_hooks_reach_the_simulated_vendor():
    vendor = SimulatedAcme(FixedClock())
    vendor.populate(PEOPLE)
    connection = connect(acme, SETTINGS, vendor, name="crm-eu")
    [match] = find_lea(connection)
    assert [(contact.connection, contact.email) for contact in match.contacts] == [("crm-eu", LEA.email)]


def test_the_connection_has_the_vendors_clock_and_never_waits():
    clock = FixedClock()
    connection = connect(acme, SETTINGS, SimulatedAcme(clock))
    connection.sleep(90)
    assert connection.clock() == START + timedelta(seconds=90)
    assert clock.slept == [90]
    clock.forward(timedelta(days=1))
    assert connection.clock() == START + timedelta(days=1, seconds=90)


def test_another_clock_can_be_given():
    connection = connect(acme, SETTINGS, SimulatedAcme(FixedClock()), clock=lambda: START)
    connection.sleep(90)
    assert connection.clock() == START


def test_wrong_secrets_are_refused_by_the_vendor():
    connection = connect(acme, {**SETTINGS, "token": "another-token"}, SimulatedAcme(FixedClock()))
    with pytest.raises(AuthFailed):
        find_lea(connection)


def test_settings_are_validated():
    with pytest.raises(ValidationError):
        connect(acme, {"token": TOKEN}, SimulatedAcme(FixedClock()))


def test_a_plugin_with_http_needs_a_vendor_or_a_transport():
    with pytest.raises(ValueError, match="'acme' uses HTTP: pass a simulated vendor or a transport"):
        connect(acme, SETTINGS)


def test_a_plugin_without_http_has_no_client(make_broken_plugin):
    class SettingsWithoutHttp(ConnectionSettings):
        pass

    connection = connect(make_broken_plugin(info={"base_url": None, "settings": SettingsWithoutHttp}), {})
    assert connection.client is None
    with pytest.raises(RuntimeError, match="has no HTTP client"):
        _ = connection.http


def test_a_transport_can_replace_the_vendor():
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"people": []}))
    [match] = find_lea(connect(acme, SETTINGS, transport=transport))
    assert match.contacts == ()


def test_the_vendor_sees_paths_without_the_mount_prefix():
    vendor = SimulatedAcme(FixedClock())
    transport = VendorTransport(vendor, "/sandbox/acme/")
    with httpx.Client(transport=transport, base_url="http://127.0.0.1:1/sandbox/acme") as client:
        response = client.get("/me", params={"a": "b"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.json() == {"name": "The account"}
    [request] = transport.requests
    assert (request.method, request.path, request.query) == ("GET", "/me", {"a": "b"})
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_tokens_are_kept_for_the_test():
    tokens = InMemoryTokenStore({"refresh": "one"})
    with tokens.exclusive("refresh"):
        tokens.write("refresh", "two")
    assert (tokens.read("refresh"), tokens.read("access")) == ("two", None)


def test_connections_of_tests_have_tokens():
    connection = connect(acme, SETTINGS, SimulatedAcme(FixedClock()), tokens={"refresh": "one"})
    assert connection.tokens.read("refresh") == "one"


def test_the_pytest_plugin_is_light():
    heavy = ("httpx", "pydantic", "sqlmodel", "fastapi", "tenacity")
    code = (
        "import sys, pytest; before = set(sys.modules); import nps_connect.testing.plugin; "
        f"print([name for name in {heavy!r} if name in set(sys.modules) - before])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
