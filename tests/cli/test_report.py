"""`nps-connect report`: the score, how far to trust it, and what it leaves out."""

import json

import pytest


def told(cli, *arguments):
    return json.loads(cli("report", "--json", *arguments).out)


def test_the_score_with_margin_and_number(seeded_cli):
    figures = told(seeded_cli)
    assert figures["score"] == 0.0
    assert figures["margin"] == 92.4
    assert (figures["promoters"], figures["passives"], figures["detractors"]) == (1, 1, 1)
    assert figures["responses"] == 3
    assert figures["provisional_share"] == 0.25
    assert figures["too_small"] is True
    assert figures["surveys"]["after-purchase"]["responses"] == 3


def test_for_people(seeded_cli):
    shown = seeded_cli("report").out
    assert "+0.0 ± 92.4" in shown
    assert "25.0%" in shown
    assert "too small to judge" in shown
    assert "all surveys" not in shown


def test_without_answers(configured):
    configured("db", "upgrade")
    assert configured("report").out == "no responses\n"
    figures = told(configured)
    assert (figures["score"], figures["margin"], figures["responses"]) == (None, None, 0)


def test_a_period_in_days_of_the_company(seeded_cli):
    assert told(seeded_cli, "--since", "2026-11-21")["responses"] == 2
    assert told(seeded_cli, "--since", "2026-11-21", "--until", "2026-11-23")["responses"] == 1
    assert told(seeded_cli, "--until", "2026-11-19")["responses"] == 0
    assert told(seeded_cli, "--since", "3650d")["responses"] == 3


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--until", "yesterday"], ["--until", "9999-12-31"]])
def test_what_is_no_day(seeded_cli, arguments):
    result = seeded_cli("report", *arguments)
    assert result.code == 2
    assert "a day such as 2026-01-31" in result.err


def test_only_the_latest_answer_of_each_contact(seeded_cli):
    application = seeded_cli.application
    application.clock.forward("91d")
    application.webhook(application.won("3", deal="later"))
    application.run(only="crm")
    application.clock.forward("3d")
    application.post.raising = []
    application.run(only="send_survey")
    application.answer(application.token("jean@example.com"), 9)
    assert told(seeded_cli)["responses"] == 4
    latest = told(seeded_cli, "--latest")
    assert (latest["responses"], latest["promoters"], latest["detractors"]) == (3, 2, 0)


def test_another_survey(seeded_cli):
    assert told(seeded_cli, "--survey", "other")["responses"] == 0
