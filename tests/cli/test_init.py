"""`nps-connect init` writes a configuration that passes its own check."""

import json
import re
import stat
import tomllib

import pytest
from support.sample_mails import dark_logo

from nps_connect import ConnectionSettings, ConnectorInfo, EventKind, ExampleConfiguration
from nps_connect.cli._support.config_template import build_config_template


def test_what_it_writes_passes_the_check_at_once(cli):
    assert cli("init").code == 0
    result = cli("config", "check")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("nps-connect.toml: ok\n")


def test_with_every_installed_plugin_too(cli):
    assert cli("init", plugins=None).code == 0
    result = cli("config", "check", plugins=None)
    assert (result.code, result.err) == (0, "")


def test_whatever_it_offers_in_comments_can_be_switched_on(cli):
    assert cli("init").code == 0
    path = cli.folder / "nps-connect.toml"
    offered = re.compile(r"^# (?=\[\[|[a-z_]+ = )", re.MULTILINE)
    written = offered.sub("", path.read_text(encoding="utf-8"))
    path.write_text(written, encoding="utf-8")
    (cli.folder / "logo.png").write_bytes(dark_logo())
    result = cli("config", "check", BOUNCES_URL="imaps://user:password@mail.example.com")
    assert (result.code, result.err) == (0, "")
    core, [survey] = tomllib.loads(written)["core"], tomllib.loads(written)["surveys"].values()
    assert {"colour", "logo", "postal_address"} <= set(core)
    assert core["company"] not in core["postal_address"]  # it stands above it in every mail
    assert {"signed_by", "reminder_after", "reminders", "follow_ups"} <= set(survey)
    assert {"quiet_hours", "quiet_days"} <= set(tomllib.loads(written)["limits"])
    assert {"per_minute", "bounces_url"} <= set(tomllib.loads(written)["connections"]["mail"])
    assert len(written.splitlines()) < 120


def test_the_secrets_are_for_the_owner_only_and_the_key_is_fresh(cli):
    cli("init")
    secrets = cli.folder / "nps-connect.env"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    first = secrets.read_text()
    cli("--config", "other.toml", "init")
    assert "NPS_SIGNING_KEY=" in first
    assert first != (cli.folder / "other.env").read_text()
    assert first.split("NPS_SIGNING_KEY=")[1][:40] not in (cli.folder / "nps-connect.toml").read_text()


def test_it_does_not_overwrite(configured):
    before = (configured.folder / "nps-connect.toml").read_text()
    result = configured("init")
    assert result.code == 1
    assert result.err == (
        "Error: nps-connect.toml exists already; name another with --config FILE, or overwrite it with --force\n"
    )
    assert (configured.folder / "nps-connect.toml").read_text() == before


def test_force_overwrites_the_configuration_and_keeps_every_secret(configured):
    (configured.folder / "nps-connect.toml").write_text("")
    secrets = configured.folder / "nps-connect.env"
    kept = [line for line in secrets.read_text().splitlines() if line.startswith("NPS_SIGNING_KEY")]
    secrets.write_text(f"{kept[0]}\nOWN='mine'\n")
    assert configured("init", "--force").code == 0
    lines = secrets.read_text().splitlines()
    assert lines[:2] == [kept[0], "OWN='mine'"]
    assert "SMTP_URL" in {line.partition("=")[0] for line in lines[2:]}
    assert configured("config", "check").code == 0


def test_json_names_the_files_and_what_to_fill_in(cli):
    told = json.loads(cli("init", "--json").out)
    assert told["config"] == "nps-connect.toml"
    assert told["environment"] == "nps-connect.env"
    assert "email" in told["connections"].values()
    assert "SMTP_URL" in told["placeholders"]
    assert "NPS_SIGNING_KEY" not in told["placeholders"]


def test_a_broken_plugin_is_left_out_and_named(cli):
    result = cli("init", plugins="alerts,email,absent")
    assert result.code == 0
    assert "note: left out plugin 'absent': is not installed" in result.err


def test_without_a_channel_there_is_nothing_to_write(cli):
    result = cli("init", plugins="alerts")
    assert (result.code, result.err) == (
        1,
        "Error: no installed plugin can carry messages to people; see: nps-connect plugins list\n",
    )


def test_a_place_that_cannot_be_written_or_read(cli):
    (cli.folder / "folder").mkdir()
    (cli.folder / "file").write_text("")
    written = cli("--config", "folder", "init", "--force")
    assert (written.code, written.err) == (1, "Error: cannot write folder: Is a directory\n")
    read = cli("--config", "file/nps-connect.toml", "init")
    assert (read.code, read.err) == (2, "Error: file/nps-connect.env: cannot be read: Not a directory\n")


def plugin(name, connection, **known):
    return ConnectorInfo(
        name=name,
        title=name,
        settings=ConnectionSettings,
        example=ExampleConfiguration(
            connection=connection,
            table=f'[connections.{connection}]\nplugin = "{name}"\n[connections.{connection}.more]\na = 1',
            triggers=f'[[triggers]]\nfrom = "{connection}"',
            routes=f'[[routes]]\nvia = "{connection}"',
            environment={"TOKEN": name},
        ),
        **known,
    )


def test_plugins_that_suggest_one_name_get_different_ones():
    events = (EventKind(name="deal.won", description="A deal is won."),)
    composed = build_config_template(
        [plugin("post", "mail", channel=True), plugin("a_crm", "crm", events=events), plugin("b_crm", "crm")],
        environment_file="x.env",
    )
    assert composed.connections == {"crm": "a_crm", "mail": "post", "b-crm": "b_crm"}
    assert '[connections.b-crm]\nplugin = "b_crm"\n[connections.b-crm.more]' in composed.text
    assert '[[triggers]]\nfrom = "b-crm"' in composed.text
    assert '[[routes]]\nvia = "b-crm"' in composed.text
    assert composed.text.count("[connections.crm]") == 1


def test_a_channel_is_needed():
    with pytest.raises(ValueError, match="no installed plugin can carry messages"):
        build_config_template([plugin("a_crm", "crm")], environment_file="x.env")
