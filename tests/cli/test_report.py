"""`nps-connect report`: the score, how far to trust it, and what it leaves out."""

import json

import pytest


def told(cli, *arguments):
    return json.loads(cli("report", "--json", *arguments).out)


def test_the_score_with_margin_and_number(stocked):
    figures = told(stocked)
    assert figures["score"] == 0.0
    assert figures["margin"] == 92.4
    assert (figures["promoters"], figures["passives"], figures["detractors"]) == (1, 1, 1)
    assert figures["responses"] == 3
    assert figures["provisional_share"] == 0.25
    assert figures["too_small"] is True
    assert figures["surveys"]["after-purchase"]["responses"] == 3


def test_for_people(stocked):
    shown = stocked("report").out
    assert "+0.0 ± 92.4" in shown
    assert "25.0%" in shown
    assert "too small to judge" in shown
    assert "all surveys" not in shown


def test_without_answers(configured):
    configured("db", "upgrade")
    assert configured("report").out == "no responses\n"
    figures = told(configured)
    assert (figures["score"], figures["margin"], figures["responses"]) == (None, None, 0)


def test_a_period_in_days_of_the_company(stocked):
    assert told(stocked, "--since", "2026-11-21")["responses"] == 2
    assert told(stocked, "--since", "2026-11-21", "--until", "2026-11-23")["responses"] == 1
    assert told(stocked, "--until", "2026-11-19")["responses"] == 0
    assert told(stocked, "--since", "3650d")["responses"] == 3


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--until", "yesterday"], ["--until", "9999-12-31"]])
def test_what_is_no_day(stocked, arguments):
    result = stocked("report", *arguments)
    assert result.code == 2
    assert "a day such as 2026-01-31" in result.err


def test_only_the_latest_answer_of_each_contact(stocked):
    house = stocked.house
    house.clock.forward("91d")
    house.webhook(house.won("3", deal="later"))
    house.run(only="crm")
    house.clock.forward("3d")
    house.post.raising = []
    house.run(only="send_survey")
    house.answer(house.token("jean@example.com"), 9)
    assert told(stocked)["responses"] == 4
    latest = told(stocked, "--latest")
    assert (latest["responses"], latest["promoters"], latest["detractors"]) == (3, 2, 0)


def test_another_survey(stocked):
    assert told(stocked, "--survey", "other")["responses"] == 0
