"""The command line and a real account: consent, encrypted tokens in the ledger, setup from empty to complete."""

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
def vendor():
    return Simulated()


@pytest.fixture
def run_cli(vendor, tmp_path):
    """Return a function that runs the command line on an empty ledger; `grant` selects the authentication."""
    with Sandbox({"zendesk": vendor}) as sandbox:
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

        assert run("db", "create").exit_code == 0
        run.database = tmp_path / "nps.db"
        yield run


def test_login_shows_the_address_and_asks_for_the_code(run_cli):
    result = run_cli("connections", "login", "helpdesk", answer=f"{AUTHORIZATION_CODE}\n")
    assert result.exit_code == 0, result.output
    assert "/oauth/authorizations/new?response_type=code&client_id=nps_connect" in result.stdout
    assert "helpdesk is authorized." in result.stdout
    assert run_cli("connections", "check", "helpdesk").exit_code == 0


def test_tokens_are_encrypted_and_never_printed(run_cli, vendor):
    result = run_cli("connections", "login", "helpdesk", "--code", AUTHORIZATION_CODE)
    [token] = [name for name in vendor.tokens.access if name.startswith("sandbox-access")]
    with sqlite3.connect(run_cli.database) as database:
        [(value,)] = database.execute("SELECT value FROM tokens WHERE connection = 'helpdesk'").fetchall()
    assert token.encode() not in value
    assert token not in result.output
    assert CLIENT_SECRET not in result.output


def test_login_accepts_the_whole_redirect_address(run_cli):
    address = f"https://nps.example.com/back?state=x&code={AUTHORIZATION_CODE}"
    assert run_cli("connections", "login", "helpdesk", "--code", address).exit_code == 0


def test_a_refused_consent_is_reported(run_cli):
    address = "https://nps.example.com/back?error=access_denied"
    result = run_cli("connections", "login", "helpdesk", "--code", address)
    assert result.exit_code == 1
    assert "access_denied" in result.stderr


def test_a_wrong_code_is_reported(run_cli):
    result = run_cli("connections", "login", "helpdesk", "--code", "wrong")
    assert result.exit_code == 1
    assert "rejects the code" in result.stderr


def test_a_new_login_resumes_the_paused_connection(run_cli, vendor):
    run_cli("connections", "login", "helpdesk", "--code", AUTHORIZATION_CODE)
    vendor.tokens.access.clear()
    checked = run_cli("connections", "check", "helpdesk")
    assert checked.exit_code == 1
    assert "reconnect" in checked.stdout
    assert "connections login helpdesk" in checked.stdout
    ledger = Ledger(f"sqlite:///{run_cli.database}")
    with ledger.write() as session:
        scope = pauses.connection_scope("helpdesk")
        pauses.pause(session, scope, cause="auth", reason="reconnect", now=datetime(2026, 3, 2, tzinfo=UTC))
    vendor.tokens.codes.add("another-code")
    assert "Resumed" in run_cli("connections", "login", "helpdesk", "--code", "another-code").stdout
    with ledger.read() as session:
        assert pauses.load_pauses(session) == {}
    ledger.close()


def test_login_needs_no_consent_with_client_credentials(run_cli):
    result = run_cli("connections", "login", "helpdesk", grant="")
    assert result.exit_code == 1
    assert "needs no OAuth login" in result.stderr


class TestSetup:
    @pytest.fixture
    def vendor(self):
        return Simulated(set_up=False)

    def test_apply_completes_an_empty_account(self, run_cli, vendor):
        grant = ""
        planned = run_cli("connections", "plan", "helpdesk", grant=grant)
        assert "nps_score" in planned.stdout
        assert vendor.account.resources.get("user_fields", []) == []
        applied = run_cli("connections", "apply", "helpdesk", "--yes", grant=grant)
        assert applied.exit_code == 0, applied.output
        assert {field["key"] for field in vendor.account.resources["user_fields"]} >= {"nps_score", "nps_category"}
        repeated = run_cli("connections", "plan", "helpdesk", grant=grant)
        assert "helpdesk is up to date" in repeated.stdout
        assert run_cli("connections", "apply", "helpdesk", "--yes", grant=grant).exit_code == 0
