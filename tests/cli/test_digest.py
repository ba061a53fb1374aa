"""`nps-connect digest`: list, preview, send."""

import json
import re
from pathlib import Path

import pytest

DIGEST = {
    "NPS_CONNECT_DIGEST": '{"management": ["boss@example.com", "anna@example.com"]}',
}


@pytest.fixture
def run(seeded_cli):
    """Run a command with a digest for two people and return what it prints as JSON."""

    def run_command(*arguments, **environ):
        result = seeded_cli("digest", *arguments, "--json", **DIGEST, **environ)
        assert result.code == 0, result.err
        return json.loads(result.out)

    return run_command


def test_a_preview_is_written_to_two_files_and_nothing_is_sent(run, seeded_cli):
    files = run("preview", "--folder", "out")
    html = (seeded_cli.folder / files["html"]).read_text(encoding="utf-8")
    text = (seeded_cli.folder / files["text"]).read_text(encoding="utf-8")
    assert re.fullmatch(r"out/digest-company-week-\d{4}-\d\d-\d\d\.html", files["html"])
    assert text.startswith(f"Subject: {files['subject']}\n")
    assert "cid:" not in html
    assert json.loads(seeded_cli("deliveries", "list", "--json").out)
    assert "send_digest" not in seeded_cli("deliveries", "list", "--json").out


def test_a_dry_run_names_the_recipients_and_queues_nothing(run, seeded_cli):
    (plan,) = run("send", "--dry-run")["digests"]
    assert plan["recipients"] == ["boss@example.com", "anna@example.com"]
    assert "send_digest" not in seeded_cli("deliveries", "list", "--json").out


def test_what_is_not_sent_is_not_asked_about_and_says_why(run, seeded_cli):
    (plan,) = run("send")["digests"]
    assert plan["skipped"] == "shadow"
    assert "skipped" in seeded_cli("digest", "send", **DIGEST).out
    assert "send_digest" not in seeded_cli("deliveries", "list", "--json").out


def test_the_list_names_recipients(run, seeded_cli):
    assert run("list") == [
        {"team": None, "address": "boss@example.com", "left_at": None},
        {"team": None, "address": "anna@example.com", "left_at": None},
    ]
    assert "nobody receives a digest" in seeded_cli("digest", "list").out


def test_without_recipients_and_for_an_unknown_team_the_error_says_what_to_do(seeded_cli):
    result = seeded_cli("digest", "send", "--yes")
    assert result.code == 1
    assert "[digest]" in result.err
    assert "team" in seeded_cli("digest", "preview", "--team", "lyn").err


def test_the_commands_and_the_configuration_of_the_page_work(configured_cli, seeded_cli):
    page = (Path(__file__).parents[2] / "docs" / "digest.md").read_text(encoding="utf-8")
    config = configured_cli.folder / "nps-connect.toml"
    config.write_text(config.read_text() + re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    commands = re.findall(r"^nps-connect (digest .*)$", page, re.MULTILINE)
    assert len(commands) == 4
    for line in commands:
        result = seeded_cli(*line.split())
        assert result.code == 0, result.err
    listed = json.loads(seeded_cli("digest", "list", "--json").out)
    assert [row["team"] for row in listed] == [None, "lyon", "lyon", "lyon"]
