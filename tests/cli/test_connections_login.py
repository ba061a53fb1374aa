"""`nps-connect connections login` where there is nothing to consent to; the real thing is tested with the plugins."""

import pytest

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli.connections.login import parse_code


def test_a_plugin_without_sign_in_by_consent_says_so(configured):
    assert configured("db", "upgrade").code == 0
    result = configured("connections", "login", "mail")
    assert result.code == 1
    assert "knows no sign-in by consent" in result.err


@pytest.mark.parametrize(
    "text", ["abc-1", "  abc-1\n", "https://nps.example.com/back?code=abc-1", "http://127.0.0.1/?state=1&code=abc-1#x"]
)
def test_the_code_is_found_in_what_was_pasted(text):
    assert parse_code(text) == "abc-1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://nps.example.com/back?error=access_denied", "access_denied"),
        ("https://nps.example.com/back", "no reason given"),
    ],
)
def test_an_address_without_a_code_is_told(text, told):
    with pytest.raises(CommandError, match=told):
        parse_code(text)
