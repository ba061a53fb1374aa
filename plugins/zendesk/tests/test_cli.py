"""The command line and a real account: sign-in by consent, tokens encrypted in the ledger, set-up from empty to complete."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from nps_connect.cli import main
from nps_connect.ledger import pauses
from nps_connect.ledger.ledger import Ledger
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import AUTHORIZATION_CODE, CLIENT_ID, CLIENT_SECRET

CONFIGURATION = """\
[core]
public_url = "https://nps.example.com"
company = "Exemple SA"
signing_keys = [{{ env = "KEY" }}]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"

[connections.helpdesk]
plugin = "zendesk"
base_url = "{base_url}"
client_id = "{client_id}"
client_secret = {{ env = "SECRET" }}
{grant}

[[routes]]
on = "detractor"
do = "open_ticket"
via = "helpdesk"
"""
BY_CONSENT = 'grant = "authorization_code"\nredirect_uri = "https://nps.example.com/back"'


@pytest.fixture
def desk():
    return Simulated()


@pytest.fixture
def cli(desk, tmp_path):
    """The command line in front of an empty ledger and the simulated account; the keyword is the way to sign in."""
    with Sandbox({"zendesk": desk}) as sandbox:
        path = tmp_path / "nps-connect.toml"

        def run(*arguments, grant=BY_CONSENT, answer=None):
            path.write_text(
                CONFIGURATION.format(base_url=sandbox.base_url("zendesk"), client_id=CLIENT_ID, grant=grant)
            )
            environ = {
                "NPS_CONNECT_CONFIG": str(path),
                "NPS_CONNECT_LOAD_PLUGINS": "zendesk",
                "NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{tmp_path / 'nps.db'}",
                "KEY": "a-signing-key-for-tests",
                "SECRET": CLIENT_SECRET,
                "NO_COLOR": "1",
            }
            return CliRunner(env=environ).invoke(main, list(arguments), input=answer)

        assert run("db", "upgrade").exit_code == 0
        run.database = tmp_path / "nps.db"
        yield run


def test_the_code_is_asked_for_after_the_address(cli):
    result = cli("connections", "login", "helpdesk", answer=f"{AUTHORIZATION_CODE}\n")
    assert result.exit_code == 0, result.output
    assert "/oauth/authorizations/new?response_type=code&client_id=nps_connect" in result.stdout
    assert "helpdesk is authorized." in result.stdout
    assert cli("connections", "check", "helpdesk").exit_code == 0


def test_tokens_are_kept_encrypted_and_never_printed(cli, desk):
    result = cli("connections", "login", "helpdesk", "--code", AUTHORIZATION_CODE)
    [token] = [name for name in desk.tokens.access if name.startswith("sandbox-access")]
    with sqlite3.connect(cli.database) as database:
        [(value,)] = database.execute("SELECT value FROM tokens WHERE connection = 'helpdesk'").fetchall()
    assert token.encode() not in value
    assert token not in result.output
    assert CLIENT_SECRET not in result.output


def test_the_whole_address_will_do(cli):
    address = f"https://nps.example.com/back?state=x&code={AUTHORIZATION_CODE}"
    assert cli("connections", "login", "helpdesk", "--code", address).exit_code == 0


def test_a_refused_consent_is_told(cli):
    address = "https://nps.example.com/back?error=access_denied"
    result = cli("connections", "login", "helpdesk", "--code", address)
    assert result.exit_code == 1
    assert "access_denied" in result.stderr


def test_a_wrong_code_is_told(cli):
    result = cli("connections", "login", "helpdesk", "--code", "wrong")
    assert result.exit_code == 1
    assert "does not take the code" in result.stderr


def test_what_a_dead_grant_had_stopped_goes_on(cli, desk):
    cli("connections", "login", "helpdesk", "--code", AUTHORIZATION_CODE)
    desk.tokens.access.clear()
    told = cli("connections", "check", "helpdesk")
    assert told.exit_code == 1
    assert "reconnect" in told.stdout
    assert "connections login helpdesk" in told.stdout
    ledger = Ledger(f"sqlite:///{cli.database}")
    with ledger.write() as session:
        scope = pauses.connection_scope("helpdesk")
        pauses.pause(session, scope, cause="auth", reason="reconnect", now=datetime(2026, 3, 2, tzinfo=UTC))
    desk.tokens.codes.add("another-code")
    assert "Resumed" in cli("connections", "login", "helpdesk", "--code", "another-code").stdout
    with ledger.read() as session:
        assert pauses.load_pauses(session) == {}
    ledger.close()


def test_a_client_that_signs_in_for_itself_needs_no_consent(cli):
    result = cli("connections", "login", "helpdesk", grant="")
    assert result.exit_code == 1
    assert "needs no OAuth login" in result.stderr


class TestSetUp:
    @pytest.fixture
    def desk(self):
        return Simulated(set_up=False)

    def test_from_empty_to_complete_to_nothing_left(self, cli, desk):
        by_itself = ""
        planned = cli("connections", "plan", "helpdesk", grant=by_itself)
        assert "nps_score" in planned.stdout
        assert desk.account.resources.get("user_fields", []) == []
        applied = cli("connections", "apply", "helpdesk", "--yes", grant=by_itself)
        assert applied.exit_code == 0, applied.output
        assert {field["key"] for field in desk.account.resources["user_fields"]} >= {"nps_score", "nps_category"}
        again = cli("connections", "plan", "helpdesk", grant=by_itself)
        assert "helpdesk is up to date" in again.stdout
        assert cli("connections", "apply", "helpdesk", "--yes", grant=by_itself).exit_code == 0
