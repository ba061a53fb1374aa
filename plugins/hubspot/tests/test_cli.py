"""The commands plan, apply and check, over HTTP against the sandbox's portal."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from nps_connect.cli import main
from nps_connect.sandbox.faults import FaultPlan, parse_faults
from nps_connect.sandbox.vendor_server import VendorServer
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.property_definitions import build_definition
from nps_connect_hubspot.simulated.vendor import SECRET, TOKEN

CONFIGURATION = """\
[core]
public_url = "https://nps.example.com"
database_url = "sqlite:///nps-connect.db"
company = "Exemple SA"
languages = ["en"]
timezone = "Europe/Paris"
signing_keys = [{{ env = "NPS_SIGNING_KEY" }}]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"
mode = "shadow"

[connections.crm]
plugin = "hubspot"
access_token = {{ env = "HUBSPOT_TOKEN" }}
webhook_secrets = [{{ env = "HUBSPOT_WEBHOOK_SECRET" }}]
portal_timezone = "Europe/Paris"
calls_per_ten_seconds = 190
base_url = "{base_url}"
{more}
[connections.mail]
plugin = "email"
smtp_url = {{ env = "SMTP_URL" }}
sender = "Exemple SA <care@example.com>"
reply_to = "care@example.com"

[surveys.after-purchase]
channel = "mail"

[[routes]]
on = "any"
do = "write_score"
via = "crm"
"""


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def command(tmp_path, monkeypatch, faults, empty_ledger):
    """Return a function that runs ``command("plan", "crm")`` in a directory with a configuration and a portal server."""
    monkeypatch.chdir(tmp_path)
    vendor = Simulated()
    (tmp_path / "nps-connect.db").write_bytes(empty_ledger)
    host = VendorServer({"hubspot": vendor}, lambda _request: None, port=0, faults=faults)
    host.start()

    def run(*arguments, answer=None, more="", triggers="", token=TOKEN, of=("connections",)):
        text = CONFIGURATION.format(base_url=f"{host.url}/hubspot", more=more) + triggers
        (tmp_path / "nps-connect.toml").write_text(text, encoding="utf-8")
        environ = {
            "NPS_CONNECT_LOAD_PLUGINS": "hubspot,email",
            "NPS_CONNECT_CONFIG": None,
            "NO_COLOR": "1",
            "NPS_SIGNING_KEY": "a-signing-key-for-tests-that-is-long-enough",
            "SMTP_URL": "smtp://127.0.0.1:1",
            "HUBSPOT_TOKEN": token,
            "HUBSPOT_WEBHOOK_SECRET": SECRET,
        }
        result = CliRunner(env=environ).invoke(main, [*of, *arguments], input=answer)
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    run.vendor = vendor
    yield run
    host.stop()


def test_from_an_empty_portal_to_a_complete_one(command):
    planned = command("plan", "crm")
    assert planned.code == 0
    assert planned.out.startswith("+ group:nps  create the property group nps")
    assert "+ property:nps_response_count  " in planned.out
    assert "17 to create, 0 to change, 0 blocked. To apply: nps-connect connections apply crm" in planned.out
    assert "nps_score" not in command.vendor.portal.definitions["contacts"]

    applied = command("apply", "crm", "--yes")
    assert applied.code == 0
    assert applied.out.endswith("Applied 17 changes.\n")
    assert command.vendor.portal.definitions["contacts"]["nps_score"]["groupName"] == "nps"

    assert json.loads(command("plan", "crm", "--json").out) == {"connection": "crm", "changes": []}
    assert command("plan", "crm").out == "crm is up to date.\n"
    assert command("check", "crm").code == 0


def test_apply_is_idempotent_and_a_declined_prompt_changes_nothing(command):
    declined = command("apply", "crm", answer="n\n")
    assert declined.code == 1
    assert "Apply these changes at HubSpot?" in declined.err
    assert "nps_score" not in command.vendor.portal.definitions["contacts"]
    assert command("apply", "crm", answer="y\n").code == 0
    repeated = command("apply", "crm", "--yes", "--json")
    assert (repeated.code, json.loads(repeated.out)) == (0, {"connection": "crm", "done": [], "remaining": []})


def test_subscriptions_of_an_app_are_part_of_the_plan(command):
    command.vendor.portal.scopes.add("private-apps-write")
    command.vendor.portal.target_url = "https://nps.example.com/hooks/crm"
    more = 'events = "webhook"\napp_id = 31337\nportal_id = 4242424\napi_version = "2026-03"\n'
    done = json.loads(command("apply", "crm", "--yes", "--json", more=more).out)["done"]
    assert [change["id"] for change in done if change["id"].startswith("subscription:deal")] == [
        "subscription:deal.propertyChange/dealstage"
    ]
    assert json.loads(command("plan", "crm", "--json", more=more).out)["changes"] == []


TRIGGER = """
[[triggers]]
name = "large deals"
on = "deal.won"
from = "crm"
survey = "after-purchase"
where = 'amuont >= 100 and Amount >= 100 and closed_on > "2026-01-31"'
"""


def test_mistakes_in_filters_are_noted_and_compared_with_the_portal(command):
    polled = {"more": 'events = "poll"\n', "triggers": TRIGGER}
    command("apply", "crm", "--yes", **polled)
    findings = json.loads(command("check", "--json", of=("config",), **polled).out)["findings"]
    text = "\n".join(finding["text"] for finding in findings if "triggers.1.where" in finding["text"])
    assert "'Amount' is not a standard field of deal.won; did you mean 'amount'?" in text
    assert "'amuont' is not a standard field of deal.won; did you mean 'amount'?" in text
    assert "'closed_on' is compared with a date as text" in text
    command.vendor.portal.definitions["deals"]["closed_on"] = build_definition("closed_on", "date", "date")
    checked = command("check", "crm", **polled)
    assert checked.code == 1
    for wrong in ("'amuont', which HubSpot does not have", "'Amount', which", "'closed_on', which is a moment"):
        assert f"trigger 'large deals': the filter names {wrong}" in " ".join(checked.out.split())


def test_a_definition_locked_by_an_admin_is_blocked(command):
    command("apply", "crm", "--yes")
    category = command.vendor.portal.definitions["contacts"]["nps_category"]
    category["options"].pop()
    category["modificationMetadata"]["readOnlyDefinition"] = True
    planned = command("plan", "crm")
    assert planned.out.startswith("! options:nps_category  ")
    assert "1 blocked" in planned.out
    applied = command("apply", "crm", "--yes")
    assert applied.code == 1
    assert len(category["options"]) == 2


def test_a_missing_option_is_a_change(command):
    command("apply", "crm", "--yes")
    command.vendor.portal.definitions["contacts"]["nps_category"]["options"].pop()
    assert command("plan", "crm").out.startswith("~ options:nps_category  ")
    assert command("apply", "crm", "--yes").code == 0


def test_a_failed_apply_names_the_scope_and_can_be_repeated(command):
    command.vendor.portal.scopes.discard("crm.schemas.contacts.write")
    failed = command("apply", "crm", "--yes")
    assert failed.code == 1
    assert "crm.schemas.contacts.write" in failed.err
    assert "earlier changes are kept" in failed.err
    command.vendor.portal.scopes.add("crm.schemas.contacts.write")
    assert command("apply", "crm", "--yes").code == 0


def test_a_wrong_token_is_a_finding_without_the_token(command):
    result = command("check", "crm", "--json", token="pat-na1-wrong-and-secret")
    [checked] = json.loads(result.out)["items"]
    assert result.code == 1
    assert checked["findings"][0]["text"].startswith("HubSpot refuses the access token")
    assert "pat-na1-wrong-and-secret" not in result.out + result.err
    planned = command("plan", "crm", token="pat-na1-wrong-and-secret")
    assert planned.code == 1
    assert "refuses the access token" in planned.err


def test_missing_scopes_are_named(command):
    command("apply", "crm", "--yes")
    command.vendor.portal.scopes.discard("crm.objects.contacts.write")
    result = command("check", "crm")
    assert result.code == 1
    assert "crm.objects.contacts.write" in result.out


def test_an_unavailable_portal_is_a_finding(command, faults):
    faults.rates = parse_faults("503=1")
    result = command("check", "crm", "--json")
    assert result.code == 1
    assert json.loads(result.out)["items"][0]["findings"][0]["severity"] == "error"


def test_connections_snapshot_writes_what_the_portal_has(command, tmp_path):
    result = command("snapshot")
    assert result.code == 0, result.err
    assert "crm: " in result.out
    content = json.loads((tmp_path / "nps-connect.snapshot.json").read_text(encoding="utf-8"))
    assert "closedwon" in content["connections"]["crm"]["fields"]["deal"]["dealstage"]["options"]
    assert TOKEN not in json.dumps(content)


def test_connections_snapshot_fails_where_the_account_cannot_be_read(command, tmp_path):
    result = command("snapshot", "crm", "--json", token="wrong-token")
    assert result.code == 1
    assert "crm" in json.loads(result.out)["failed"]
    assert not (tmp_path / "nps-connect.snapshot.json").exists()
