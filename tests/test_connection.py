"""Settings that every connection has."""

import pytest
from pydantic import ValidationError

from nps_connect import ConnectionSettings, is_loopback


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v3", "http://127.0.0.1:8041/acme", "http://localhost:8041", "http://[::1]:8041"]
)
def test_base_url_is_https_or_http_to_this_machine(url):
    assert str(ConnectionSettings(plugin="acme", base_url=url).base_url).startswith(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://api.example.com", "must be https, or http to this machine"),
        ("http://127.0.0.1.example.com", "must be https, or http to this machine"),
        ("http://192.0.2.1", "must be https, or http to this machine"),
        ("https://user@api.example.com", "must hold no user name and no password"),
        ("https://user:s3cret@api.example.com", "must hold no user name and no password"),
        ("http://:s3cret@localhost", "must hold no user name and no password"),
    ],
)
def test_other_base_urls_are_refused_without_being_repeated(url, problem):
    with pytest.raises(ValidationError, match=problem) as refused:
        ConnectionSettings(plugin="acme", base_url=url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_these_hosts_are_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example.com", "192.0.2.1", "::2"])
def test_these_hosts_are_not_this_machine(host):
    assert not is_loopback(host)
