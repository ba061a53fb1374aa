"""`nps-connect config check`: a summary with warnings, or all mistakes and exit code 2."""

import json

import pytest

NO_ADDRESS = "core.postal_address is not set: many countries require one in such mails; set core.postal_address"
NO_TRIGGER = "no trigger is configured, so no event leads to a survey; add [[triggers]]"


def test_json_summary(configured_cli):
    output = json.loads(configured_cli("config", "check", "--json").out)
    assert output["ok"] is True
    assert output["mode"] == "shadow"
    assert {"name": "mail", "plugin": "email", "events": "none"} in output["connections"]
    assert output["surveys"] == [{"name": "after-purchase", "channel": "mail"}]
    assert output["routes"]
    assert any(finding["id"] == "shadow-mode" for finding in output["findings"])


def warnings(cli, **environ):
    findings = json.loads(cli("config", "check", "--json", **environ).out)["findings"]
    return [f"{finding['text']}; {finding['fix']}" for finding in findings]


def test_warnings_about_an_initial_configuration(configured_cli):
    assert warnings(configured_cli) == [
        'mode = "shadow": decisions are recorded, nothing is sent; set mode = "live" to start sending',
        NO_ADDRESS,
        NO_TRIGGER,
        "core.public_url still has its example value; set core.public_url",
        "core.fallback_email still has its example value; set core.fallback_email",
        "core.privacy_notice_url still has its example value; set core.privacy_notice_url",
        "connections.mail.smtp_url still has its example value; set it in nps-connect.env, line 3 (SMTP_URL)",
        "connections.mail.sender still has its example value; set connections.mail.sender",
        "connections.mail.reply_to still has its example value; set connections.mail.reply_to",
        "connections.team.urls.1 still has its example value; set it in nps-connect.env, line 4 (ALERT_URL)",
    ]


def test_warnings_about_a_live_configuration(configured_cli):
    *settings_warnings, broken_plugin = warnings(
        configured_cli,
        plugins="alerts,email,absent",
        NPS_CONNECT_CORE__MODE="live",
        NPS_CONNECT_CORE__RECIPIENT_ALLOW_LIST="@staging.example.net,anna@staging.example.net",
        NPS_CONNECT_CORE__PUBLIC_URL="https://nps.example.net",
        NPS_CONNECT_CORE__FALLBACK_EMAIL="care@example.net",
        NPS_CONNECT_CORE__PRIVACY_NOTICE_URL="https://example.net/privacy",
        NPS_CONNECT_CONNECTIONS__OTHER__PLUGIN="alerts",
        NPS_CONNECT_CONNECTIONS__OTHER__URLS="json://alerts.example.net/x",
        NPS_CONNECT_CONNECTIONS__MAIL__SENDER="Acme <care@example.net>",
        NPS_CONNECT_CONNECTIONS__MAIL__REPLY_TO="care@example.net",
        SMTP_URL="smtps://relay.example.net",
        ALERT_URL="json://alerts.example.net/y",
    )
    assert settings_warnings == [
        (
            "recipient_allow_list is set: customer mail goes only to @staging.example.net, anna@staging.example.net; "
            "remove core.recipient_allow_list to reach every customer"
        ),
        NO_ADDRESS,
        NO_TRIGGER,
        (
            "connection 'other' is used by no survey, trigger or route; "
            "remove [connections.other], or name it in a survey, trigger or route"
        ),
    ]
    assert broken_plugin.startswith("plugin 'absent': is not installed; installed: ")


def test_warning_about_a_database_whose_restore_is_not_noticed(configured_cli):
    warning = "core.state_dir is not set: a restore of the database is not noticed; run by hand after it: nps-connect db restored"
    postgres = {"NPS_CONNECT_CORE__DATABASE_URL": "postgresql://db.example.net/nps"}
    assert warning in warnings(configured_cli, **postgres)
    assert warning not in warnings(configured_cli, **postgres, NPS_CONNECT_CORE__STATE_DIR="state")
    assert warning not in warnings(configured_cli)


def test_warning_about_missing_postal_address(configured_cli):
    assert NO_ADDRESS in warnings(configured_cli)
    assert NO_ADDRESS not in warnings(
        configured_cli, NPS_CONNECT_CORE__POSTAL_ADDRESS="1 rue de l'Exemple, 75000 Paris"
    )


def test_warning_about_secrets_readable_by_others(configured_cli):
    (configured_cli.folder / "nps-connect.env").chmod(0o640)
    sentence = "nps-connect.env is readable by other users; chmod 600 nps-connect.env"
    assert sentence in warnings(configured_cli)


@pytest.mark.parametrize(("password", "is_weak"), [("wrong", True), ("incorrectly", True), ("x7-Qp2!kd", False)])
def test_warning_about_secrets_that_may_be_ordinary_words(configured_cli, password, is_weak):
    found = warnings(configured_cli, SMTP_URL=f"smtps://mailer:{password}@relay.example.net")
    sentence = (
        "connections.mail.smtp_url is too weak, or is not the vendor's secret; "
        "set one of 8 or more characters, not only letters"
    )
    assert (sentence in found) == is_weak
    assert password not in " ".join(found)


def test_example_values_are_listed_in_shadow_mode_and_refused_in_live_mode(configured_cli):
    shadow = configured_cli("config", "check")
    assert "before going live: core.public_url still has its example value; set core.public_url\n" in shadow.out
    assert (shadow.code, "error:" in shadow.out) == (0, False)
    live = configured_cli("config", "check", NPS_CONNECT_CORE__MODE="live")
    assert (live.code, "core.public_url: still has its example value" in live.err) == (2, True)


def test_mistakes_are_printed_to_standard_error_with_exit_code_2(configured_cli):
    result = configured_cli("config", "check", NPS_CONNECT_CORE__MODE="lvie", NPS_CONNECT_LIMITS__COOLDOWN="soon")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        "Error: 2 mistakes in the configuration",
        (
            "  environment variable NPS_CONNECT_CORE__MODE: core.mode: is not one of the allowed values; "
            "allowed: shadow, live"
        ),
        (
            "  environment variable NPS_CONNECT_LIMITS__COOLDOWN: limits.cooldown: not a duration: write a number and a "
            "unit, such as 30s, 20m, 2h, 3d or 1w"
        ),
    ]


def test_mistakes_as_json(configured_cli):
    result = configured_cli("config", "check", "--json", NPS_CONNECT_SURVEYS__AFTER_PURCHASE__CHANNEL="mial")
    assert result.code == 2
    output = json.loads(result.out)
    assert output["ok"] is False
    assert output["mistakes"] == [
        {
            "where": "environment variable NPS_CONNECT_SURVEYS__AFTER_PURCHASE__CHANNEL",
            "line": None,
            "key": "surveys.after-purchase.channel",
            "problem": "there is no connection 'mial'",
            "allowed": "mail",
            "nearest": "mail",
            "fix": None,
            "shown": None,
        }
    ]


def test_config_option_works_before_and_after_the_command(configured_cli):
    (configured_cli.folder / "nps-connect.toml").rename(configured_cli.folder / "other.toml")
    (configured_cli.folder / "nps-connect.env").rename(configured_cli.folder / "other.env")
    assert configured_cli("config", "check").err == (
        "Error: nps-connect.toml: there is no such file; write one with: nps-connect init\n"
    )
    assert configured_cli("--config", "other.toml", "config", "check").code == 0
    assert configured_cli("config", "check", "--config", "other.toml").code == 0
    assert configured_cli("config", "check", NPS_CONNECT_CONFIG="other.toml").code == 0
