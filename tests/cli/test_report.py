"""`nps-connect report`: the score, its margin of error, and the filters."""

import json

import pytest


def report_json(cli, *arguments):
    return json.loads(cli("report", "--json", *arguments).out)


def test_score_with_margin_and_count(seeded_cli):
    report = report_json(seeded_cli)
    assert report["score"] == 0.0
    assert (report["margin"], report["low"], report["high"]) == (61.1, -61.1, 61.1)
    assert (report["promoters"], report["passives"], report["detractors"]) == (1, 1, 1)
    assert report["responses"] == 3
    assert report["provisional_share"] == 0.25
    assert report["too_small"] is True
    assert report["surveys"]["after-purchase"]["responses"] == 3


def test_text_output(seeded_cli):
    shown = seeded_cli("report").out
    assert "+0.0 (-61.1 to +61.1)" in shown
    assert "25.0%" in shown
    assert "too small to judge" in shown
    assert "all surveys" not in shown


def test_no_responses(configured_cli):
    configured_cli("db", "create")
    assert configured_cli("report").out == "no responses\n"
    report = report_json(configured_cli)
    assert (report["score"], report["margin"], report["responses"]) == (None, None, 0)


def test_period_in_days_of_the_company_zone(seeded_cli):
    assert report_json(seeded_cli, "--since", "2026-11-21")["responses"] == 2
    assert report_json(seeded_cli, "--since", "2026-11-21", "--until", "2026-11-23")["responses"] == 1
    assert report_json(seeded_cli, "--until", "2026-11-19")["responses"] == 0
    assert report_json(seeded_cli, "--since", "3650d")["responses"] == 3


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--until", "yesterday"], ["--until", "9999-12-31"]])
def test_invalid_period_is_a_usage_error(seeded_cli, arguments):
    result = seeded_cli("report", *arguments)
    assert result.code == 2
    assert "a day such as 2026-01-31" in result.err


def test_latest_counts_one_response_per_contact(seeded_cli):
    application = seeded_cli.application
    application.clock.forward("91d")
    application.webhook(application.won("3", deal="later"))
    application.run(only="crm")
    application.clock.forward("3d")
    application.post.raising = []
    application.run(only="send_survey")
    application.answer(application.token("jean@example.com"), 9)
    assert report_json(seeded_cli)["responses"] == 4
    latest = report_json(seeded_cli, "--latest")
    assert (latest["responses"], latest["promoters"], latest["detractors"]) == (3, 2, 0)


def test_survey_filter(seeded_cli):
    assert report_json(seeded_cli, "--survey", "after-purchase")["responses"] == 3
    refused = seeded_cli("report", "--survey", "after-purchas")
    assert (refused.code, "did you mean 'after-purchase'?" in refused.err) == (2, True)
