"""`nps-connect config check`: ok and a summary, or every mistake and exit code 2."""

import json


def test_the_summary(configured):
    told = json.loads(configured("config", "check", "--json").out)
    assert told["ok"] is True
    assert told["mode"] == "shadow"
    assert {"name": "mail", "plugin": "email", "events": "none"} in told["connections"]
    assert told["surveys"] == [{"name": "after-purchase", "channel": "mail"}]
    assert told["routes"]
    assert any(note.startswith('mode = "shadow"') for note in told["notes"])


def test_the_notes(configured):
    result = configured(
        "config",
        "check",
        plugins="alerts,email,absent",
        NPS_CONNECT_CORE__MODE="live",
        NPS_CONNECT_CORE__RECIPIENT_ALLOW_LIST="@example.com",
    )
    assert result.code == 0
    assert "note: customer mail goes to 1 allowed recipients only" in result.out
    assert "note: plugin 'absent': is not installed" in result.out
    assert "shadow" not in result.out


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
