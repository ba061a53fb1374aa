"""`nps-connect connections login` without OAuth support; the OAuth flow is tested with the plugins."""

import pytest

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli.connections.login import parse_code


def test_login_requires_a_plugin_with_oauth(configured_cli):
    assert configured_cli("db", "create").code == 0
    result = configured_cli("connections", "login", "mail")
    assert result.code == 1
    assert "does not support OAuth login" in result.err


@pytest.mark.parametrize(
    "text", ["abc-1", "  abc-1\n", "https://nps.example.com/back?code=abc-1", "http://127.0.0.1/?state=1&code=abc-1#x"]
)
def test_parse_code_accepts_codes_and_urls(text):
    assert parse_code(text) == "abc-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://nps.example.com/back?error=access_denied", "access_denied"),
        ("https://nps.example.com/back", "no reason given"),
    ],
)
def test_parse_code_rejects_urls_without_a_code(text, message):
    with pytest.raises(CommandError, match=message):
        parse_code(text)
