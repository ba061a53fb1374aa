"""`nps-connect config check`: ok and a summary, or every mistake and exit code 2."""

import json

NO_ADDRESS = "core.postal_address is not given: many countries want one at the foot of such mails"


def test_the_summary(configured):
    told = json.loads(configured("config", "check", "--json").out)
    assert told["ok"] is True
    assert told["mode"] == "shadow"
    assert {"name": "mail", "plugin": "email", "events": "none"} in told["connections"]
    assert told["surveys"] == [{"name": "after-purchase", "channel": "mail"}]
    assert told["routes"]
    assert any(note.startswith('mode = "shadow"') for note in told["notes"])


def notes(cli, **environ):
    return json.loads(cli("config", "check", "--json", **environ).out)["notes"]


def test_notes_on_a_fresh_configuration(configured):
    assert notes(configured) == [
        'mode = "shadow": decisions are recorded, nothing is sent; set mode = "live" when they look right',
        NO_ADDRESS,
        "there is no trigger, so no event leads to a survey",
        "core.public_url is still the example's",
        "core.fallback_email is still the example's",
        "core.privacy_notice_url is still the example's",
        "connections.mail.smtp_url is still the example's; give it in the environment variable SMTP_URL",
        "connections.team.urls.1 is still the example's; give it in the environment variable ALERT_URL",
    ]


def test_notes_on_a_live_one(configured):
    *told, broken = notes(
        configured,
        plugins="alerts,email,absent",
        NPS_CONNECT_CORE__MODE="live",
        NPS_CONNECT_CORE__RECIPIENT_ALLOW_LIST="@staging.example.net,anna@staging.example.net",
        NPS_CONNECT_CORE__PUBLIC_URL="https://nps.example.net",
        NPS_CONNECT_CORE__FALLBACK_EMAIL="care@example.net",
        NPS_CONNECT_CORE__PRIVACY_NOTICE_URL="https://example.net/privacy",
        NPS_CONNECT_CONNECTIONS__OTHER__PLUGIN="alerts",
        NPS_CONNECT_CONNECTIONS__OTHER__URLS="json://alerts.example.net/x",
        SMTP_URL="smtps://relay.example.net",
        ALERT_URL="json://alerts.example.net/y",
    )
    assert told == [
        "customer mail goes only to: @staging.example.net, anna@staging.example.net",
        NO_ADDRESS,
        "there is no trigger, so no event leads to a survey",
        "connection 'other' is used by no survey, trigger or route",
    ]
    assert broken.startswith("plugin 'absent': is not installed; installed: ")


def test_a_postal_address_is_asked_for_until_it_is_given(configured):
    assert NO_ADDRESS in notes(configured, NPS_CONNECT_CORE__MODE="live")
    assert NO_ADDRESS not in notes(configured, NPS_CONNECT_CORE__POSTAL_ADDRESS="1 rue de l'Exemple, 75000 Paris")


def test_secrets_that_others_can_read(configured):
    (configured.folder / "nps-connect.env").chmod(0o640)
    sentence = "nps-connect.env can be read by others than its owner; run: chmod 600 nps-connect.env"
    assert sentence in notes(configured)


def test_notes_are_shown_to_people_too(configured):
    assert "note: core.public_url is still the example's\n" in configured("config", "check").out


def test_mistakes_go_to_standard_error_with_exit_code_2(configured):
    result = configured("config", "check", NPS_CONNECT_CORE__MODE="lvie", NPS_CONNECT_LIMITS__COOLDOWN="soon")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        "Error: 2 mistakes in the configuration",
        (
            "  environment variable NPS_CONNECT_CORE__MODE: core.mode: is not one of the allowed words; "
            "allowed: shadow, live"
        ),
        (
            "  environment variable NPS_CONNECT_LIMITS__COOLDOWN: limits.cooldown: not a duration: write a number and a "
            "unit, such as 30s, 20m, 2h, 3d or 1w"
        ),
    ]


def test_mistakes_as_json(configured):
    result = configured("config", "check", "--json", NPS_CONNECT_SURVEYS__AFTER_PURCHASE__CHANNEL="mial")
    assert result.code == 2
    told = json.loads(result.out)
    assert told["ok"] is False
    assert told["mistakes"] == [
        {
            "where": "nps-connect.toml",
            "key": "surveys.after-purchase.channel",
            "problem": "there is no connection 'mial'",
            "allowed": "mail",
            "nearest": "mail",
            "fix": None,
            "shown": None,
        }
    ]


def test_the_file_can_be_named_before_or_after_the_command(configured):
    (configured.folder / "nps-connect.toml").rename(configured.folder / "other.toml")
    (configured.folder / "nps-connect.env").rename(configured.folder / "other.env")
    assert configured("config", "check").err == (
        "Error: nps-connect.toml: there is no such file; write one with: nps-connect init\n"
    )
    assert configured("--config", "other.toml", "config", "check").code == 0
    assert configured("config", "check", "--config", "other.toml").code == 0
    assert configured("config", "check", NPS_CONNECT_CONFIG="other.toml").code == 0
