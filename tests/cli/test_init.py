"""`nps-connect init` writes a configuration that passes `config check`."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest
from support.sample_mails import dark_logo

from nps_connect import ConnectionSettings, ConnectorInfo, EventKind, ExampleConfiguration
from nps_connect.cli._support.config_template import build_config_template


def test_initial_configuration_is_valid(cli):
    assert cli("init").code == 0
    result = cli("config", "check")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("nps-connect.toml: ok\n")


def test_initial_configuration_with_all_installed_plugins_is_valid(cli):
    assert cli("init", plugins=None).code == 0
    result = cli("config", "check", plugins=None)
    assert (result.code, result.err) == (0, "")


def test_commented_settings_can_be_enabled(cli):
    assert cli("init").code == 0
    path = cli.folder / "nps-connect.toml"
    commented_setting = re.compile(r"^# (?=\[\[|[a-z_]+ = )", re.MULTILINE)
    written = commented_setting.sub("", path.read_text(encoding="utf-8"))
    path.write_text(written, encoding="utf-8")
    (cli.folder / "logo.png").write_bytes(dark_logo())
    result = cli("config", "check", BOUNCES_URL="imaps://user:password@mail.example.com")
    assert (result.code, result.err) == (0, "")
    core, [survey] = tomllib.loads(written)["core"], tomllib.loads(written)["surveys"].values()
    assert {"colour", "logo", "postal_address"} <= set(core)
    assert core["company"] not in core["postal_address"]  # every mail prints the company name above the address
    assert {"signed_by", "reminder_after", "reminders", "follow_ups"} <= set(survey)
    assert {"quiet_hours", "quiet_days"} <= set(tomllib.loads(written)["limits"])
    assert {"per_minute", "bounces_url"} <= set(tomllib.loads(written)["connections"]["mail"])
    assert len(written.splitlines()) < 120


def test_secrets_file_is_private_and_has_a_new_signing_key(cli):
    cli("init")
    secrets = cli.folder / "nps-connect.env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    secrets.chmod(0o644)
    secrets.write_text("")
    assert cli("init", "--force").code == 0
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    first = secrets.read_text()
    cli("--config", "other.toml", "init")
    assert "NPS_SIGNING_KEY=" in first
    assert first != (cli.folder / "other.env").read_text()
    assert first.split("NPS_SIGNING_KEY=")[1][:40] not in (cli.folder / "nps-connect.toml").read_text()


def test_existing_configuration_is_not_overwritten(configured_cli):
    text_before = (configured_cli.folder / "nps-connect.toml").read_text()
    result = configured_cli("init")
    assert result.code == 1
    assert result.err == (
        "Error: nps-connect.toml already exists; choose another file with --config FILE, or overwrite it with --force\n"
    )
    assert (configured_cli.folder / "nps-connect.toml").read_text() == text_before


def test_force_overwrites_the_configuration_and_keeps_secrets(configured_cli):
    (configured_cli.folder / "nps-connect.toml").write_text("")
    secrets = configured_cli.folder / "nps-connect.env"
    key_lines = [line for line in secrets.read_text().splitlines() if line.startswith("NPS_SIGNING_KEY")]
    secrets.write_text(f"{key_lines[0]}\nOWN='mine'\n")
    assert configured_cli("init", "--force").code == 0
    lines = secrets.read_text().splitlines()
    assert lines[:2] == [key_lines[0], "OWN='mine'"]
    assert "SMTP_URL" in {line.partition("=")[0] for line in lines[2:]}
    assert configured_cli("config", "check").code == 0


def test_json_lists_files_and_placeholders(cli):
    output = json.loads(cli("init", "--json").out)
    assert output["config"] == "nps-connect.toml"
    assert output["environment"] == "nps-connect.env"
    assert "email" in output["connections"].values()
    assert "SMTP_URL" in output["placeholders"]
    assert "NPS_SIGNING_KEY" not in output["placeholders"]


def test_broken_plugin_is_reported(cli):
    result = cli("init", plugins="alerts,email,absent")
    assert result.code == 0
    assert "warning: not included: plugin 'absent': is not installed" in result.err


def test_init_requires_a_channel_plugin(cli):
    result = cli("init", plugins="alerts")
    assert (result.code, result.err) == (
        1,
        "Error: none of the plugins can send messages to customers; see: nps-connect plugins list\n",
    )


def test_unwritable_and_unreadable_paths(cli):
    (cli.folder / "folder").mkdir()
    (cli.folder / "file").write_text("")
    written = cli("--config", "folder", "init", "--force")
    assert (written.code, written.err) == (1, "Error: cannot write folder: Is a directory\n")
    read = cli("--config", "file/nps-connect.toml", "init")
    assert (read.code, read.err) == (2, "Error: file/nps-connect.env: cannot be read: Not a directory\n")


def connector_info(name, connection, **attributes):
    return ConnectorInfo(
        name=name,
        title=name,
        settings=ConnectionSettings,
        example=ExampleConfiguration(
            connection=connection,
            table=f'[connections.{connection}]\nplugin = "{name}"\n[connections.{connection}.more]\na = 1',
            triggers=f'[[triggers]]\non = "deal.won"\nsurvey = "after-purchase"\nfrom = "{connection}"',
            routes=f'[[routes]]\non = "any"\ndo = "write_score"\nvia = "{connection}"',
            environment={"TOKEN": name},
        ),
        **attributes,
    )


def test_connection_names_are_unique():
    events = (EventKind(name="deal.won", description="A deal is won."),)
    template = build_config_template(
        [
            connector_info("post", "mail", channel=True),
            connector_info("a_crm", "crm", events=events),
            connector_info("b_crm", "crm"),
        ],
        environment_file="x.env",
    )
    assert template.connections == {"crm": "a_crm", "mail": "post", "b-crm": "b_crm"}
    assert '[connections.b-crm]\nplugin = "b_crm"\n[connections.b-crm.more]' in template.text
    assert 'survey = "after-purchase"\nfrom = "b-crm"' in template.text
    assert 'do = "write_score"\nvia = "b-crm"' in template.text
    assert template.text.count("[connections.crm]") == 1


def test_config_template_requires_a_channel():
    with pytest.raises(ValueError, match="none of the plugins can send messages"):
        build_config_template([connector_info("a_crm", "crm")], environment_file="x.env")


def test_the_old_files_are_kept_when_they_are_replaced(configured_cli):
    path, secrets = configured_cli.folder / "nps-connect.toml", configured_cli.folder / "nps-connect.env"
    path.write_text("# reviewed by hand\n")
    old_secrets = secrets.read_text()
    output = json.loads(configured_cli("init", "--force", "--json").out)
    config_copy, secrets_copy = (configured_cli.folder / name for name in output["copies"])
    assert config_copy.read_text() == "# reviewed by hand\n"
    assert secrets_copy.read_text() == old_secrets
    assert stat.S_IMODE(secrets_copy.stat().st_mode) == 0o600


def test_options_choose_plugins_and_the_company(cli):
    result = cli(
        "init",
        *(
            "--plugin",
            "email",
            "--plugin",
            "alerts",
            "--company",
            'A "quoted" \\ name',
            "--public-url",
            "https://nps.acme.example",
        ),
        *("--language", "en", "--language", "fr", "--timezone", "Europe/Berlin"),
        *("--fallback-email", "care@acme.example", "--privacy-notice-url", "https://acme.example/privacy"),
    )
    assert (result.code, result.err) == (0, "")
    written = tomllib.loads((cli.folder / "nps-connect.toml").read_text(encoding="utf-8"))
    assert list(written["connections"]) == ["mail", "team"]
    assert {key: written["core"][key] for key in ("company", "languages", "timezone", "fallback_email")} == {
        "company": 'A "quoted" \\ name',
        "languages": ["en", "fr"],
        "timezone": "Europe/Berlin",
        "fallback_email": "care@acme.example",
    }
    assert written["connections"]["mail"]["sender"] == "A quoted \\ name <care@acme.example>"
    assert cli("config", "check", plugins="alerts,email,review_link").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--plugin", "emial"),
            "there is no plugin 'emial'; allowed: alerts, email, review_link; did you mean 'email'?",
        ),
        (("--timezone", "Mars/Base"), "not an IANA time zone such as Europe/Paris"),
        (("--language", "french"), "languages does not have the right form; write tags such as fr"),
        (("--public-url", "nps.acme.example"), "public_url is not a web address; write it with https://"),
        (("--fallback-email", "care"), "not an e-mail address such as care@example.com"),
        (("--company", ""), "company is too short"),
        (("--plugin", "review_link"), "none of the plugins can send messages to customers"),
        (("--plugin", "email"), "none of the plugins does anything with responses: add a CRM"),
    ],
)
def test_an_invalid_option_is_refused_before_anything_is_written(cli, arguments, message):
    result = cli("init", *arguments, plugins="alerts,email,review_link")
    assert result.code in (1, 2)
    assert list(cli.folder.iterdir()) == []
    assert message in result.err


@pytest.fixture
def sandbox():
    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.factory import build_sandbox, connection_names

    running, _ = build_sandbox(connection_names(Plugins.load()))
    with running:
        yield running


def test_a_sandbox_configuration_needs_no_answer_and_no_placeholder(cli, sandbox):
    output = json.loads(cli("init", "--sandbox", sandbox.url + "/", "--json", plugins=None).out)
    assert output["placeholders"] == []
    assert set(output["connections"].values()) == {*sandbox.vendors, "email"}
    environment = (cli.folder / "nps-connect.env").read_text()
    for name in ("NPS_CONNECT_CORE__PUBLIC_URL", "NPS_CONNECT_TRIGGERS__1__DELAY", "NPS_CONNECT_ROUTES__1__DELAY"):
        assert f"\n{name}=" in environment
    checked = cli("config", "check", "--json", plugins=None)
    assert checked.code == 0
    assert "example value; set it" not in checked.out


def test_the_next_commands_are_those_of_the_start_page(cli, sandbox):
    page = (Path(__file__).parents[2] / "docs" / "start.md").read_text(encoding="utf-8")
    result = cli("init", "--sandbox", sandbox.url, plugins=None)
    commands = result.out.strip().rpartition("Next: ")[2].split(", ")
    assert commands == ["nps-connect db create", "nps-connect connections apply crm --yes", "nps-connect run"]
    assert all(f"    {command}" in page for command in commands)


def test_a_sandbox_configuration_replaces_real_secrets_only_with_force_and_keeps_a_copy(cli, sandbox):
    assert cli("init", plugins=None).code == 0
    secrets = cli.folder / "nps-connect.env"
    real = secrets.read_text().replace("pat-na1-put-the-service-key-here", "pat-na1-real")
    secrets.write_text(real)
    assert cli("init", "--sandbox", sandbox.url, plugins=None).code == 1
    assert secrets.read_text() == real
    output = json.loads(cli("init", "--sandbox", sandbox.url, "--force", "--json", plugins=None).out)
    assert "pat-na1-real" not in secrets.read_text()
    assert [(cli.folder / name).read_text() for name in output["copies"]][1] == real


@pytest.mark.parametrize("path", ["", "/alerts", "no address"])
def test_a_sandbox_that_does_not_answer_is_named_before_anything_is_written(cli, sandbox, path):
    address = {"": "http://127.0.0.1:9"}.get(path, path if " " in path else sandbox.url + path)
    result = cli("init", "--sandbox", address)
    assert (result.code, result.err) == (
        1,
        f"Error: no sandbox answers at {address}; start one in another terminal with: nps-connect sandbox\n",
    )
    assert list(cli.folder.iterdir()) == []


def test_expectations_are_drafted_and_hold(cli):
    assert cli("init", plugins=None).code == 0
    drafts = tomllib.loads((cli.folder / "nps-connect.toml").read_text(encoding="utf-8"))["expect"]
    won = {"on": "deal.won", "from": "crm"}
    assert {**won, "fields": {"amount": 100}, "survey": "after-purchase"} in drafts
    assert {**won, "fields": {"amount": 99}, "survey": "none"} in drafts
    [detractor] = [draft for draft in drafts if draft.get("score") == 3]
    assert set(detractor["actions"]) == {
        "write_score via crm",
        "open_ticket via helpdesk",
        "send_alert via team",
        "invite_review via google",
    }
    proof = cli("doctor", "prove", plugins=None).out
    assert f"{len(drafts)} expectations" in proof
    assert "no finding" in proof
