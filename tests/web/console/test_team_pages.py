"""The pages of teams: each sees its own, nobody is ranked, and small teams have no score."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user
from support.response_rows import Answer, store_answers

from nps_connect.ledger.cases import CaseRow
from nps_connect.services.reports.team_figures import load_teams

MEMBERS = [f"{name}@example.com" for name in "abc"]
TEAMS = {
    "south": {"where": 'location == "Nice"', "members": MEMBERS},
    "north": {
        "where": 'location == "Lille"',
        "members": MEMBERS,
        "label": {"fr": "Magasin de Lille", "en": "Lille shop"},
    },
    "pair": {"where": 'location == "Lyon"', "members": MEMBERS[:2]},
}
DAY = timedelta(days=1)


@pytest.fixture
def harness(ledger, clock):
    return ApplicationHarness(ledger, clock, {"core": {"dimensions": {"location": "shop"}}, "teams": TEAMS})


def store_periods(harness, by_location, *, comment=None):
    """Store the answers of each location: split of the last four weeks, split of the four weeks before."""
    today, answers = harness.clock().date(), []
    for location, splits in by_location.items():
        for days_ago, (promoters, passives, detractors) in zip((1, 29), splits, strict=True):
            for score in [10] * promoters + [8] * passives + [2] * detractors:
                day = today - (days_ago + len(answers) % 20) * DAY
                answers.append(Answer(len(answers) + 1, day, score, {"location": location}, comment=comment))
    store_answers(harness.ctx, answers)
    return answers


def client_of(harness, runner, role, team=None):
    return ConsoleClient(harness, runner, add_console_user(harness, f"{role}@example.com", role, team=team))


def text_of(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def load(harness):
    with harness.ledger.read() as session:
        return {item.team: item for item in load_teams(session, harness.ctx.settings, harness.clock())}


def test_an_improvement_beyond_chance_and_customers_won_back_are_recognised(harness, admin_client):
    answers = store_periods(
        harness, {"Lille": ((70, 20, 10), (40, 20, 40)), "Nice": ((42, 20, 38), (40, 20, 40))}, comment="Merci"
    )
    won_back = next(number for number, answer in enumerate(answers, 1) if answer.score == 2)
    late = won_back + 1
    now = harness.clock()
    with harness.ledger.write() as session:
        for response, values in (
            (won_back, {"state": "solved", "recovered_at": now - DAY, "recovered_score": 9}),
            (late, {"deadline": now - DAY}),
        ):
            ticket = {"connection": "helpdesk", "ticket_id": str(response), "opened_at": now}
            session.add(CaseRow(response_id=response, contact_id=response, **ticket, **values))
    teams = load(harness)
    assert list(teams) == ["south", "north", "pair"]  # as configured
    assert (teams["north"].figure.score, teams["north"].earlier.score) == (60.0, 0.0)
    assert (teams["north"].has_improved, teams["south"].has_improved) == (True, False)
    assert (teams["north"].recovered, teams["north"].open_cases, teams["north"].late_cases) == (1, 1, 1)
    page = text_of(admin_client.get("/console/teams/north"))
    assert "Lille shop" in page
    assert "The score improved beyond chance." in page
    assert "1 customer won back" in page
    assert "1 unhappy customer waits 1 late" in page
    assert "Merci" in page


def test_among_many_teams_an_improvement_must_pass_holms_correction(ledger, clock):
    names = [f"team{number}" for number in range(8)]
    teams = {name: {"where": f'location == "{name}"', "members": MEMBERS} for name in names}
    harness = ApplicationHarness(ledger, clock, {"core": {"dimensions": {"location": "shop"}}, "teams": teams})
    # +20 against 0 among 100 each: p = 0.098; +26 points: p = 0.03; +70 points: far below 0.05 / 8
    splits = dict.fromkeys(names, ((40, 20, 40), (40, 20, 40)))
    splits |= {"team1": ((53, 20, 27), (40, 20, 40)), "team2": ((80, 10, 10), (40, 20, 40))}
    store_periods(harness, splits)
    assert [name for name, item in load(harness).items() if item.has_improved] == ["team2"]
    assert load(harness)["team1"].difference.p_value < 0.05


def test_the_score_of_a_small_team_is_not_shown(harness, admin_client):
    store_periods(harness, {"Lyon": ((70, 20, 10), (40, 20, 40))})
    figures = load(harness)["pair"]
    assert (figures.figure, figures.earlier, figures.difference, figures.has_improved) == (None, None, None, False)
    page = text_of(admin_client.get("/console/teams/pair"))
    assert "A team of fewer than three members has no score here" in page
    assert "+60" not in page + text_of(admin_client.get("/console/teams"))


def test_a_team_without_answers_has_an_empty_page(admin_client):
    page = text_of(admin_client.get("/console/teams/south"))
    assert "No responses yet." in page
    assert "Nobody waits for a call." in page


def test_a_viewer_of_a_team_sees_no_other_team(harness, runner):
    client = client_of(harness, runner, "team_viewer", team="north")
    assert client.get("/console/teams").headers["location"] == "/console/teams/north"
    assert client.get("/console/teams/north").status_code == 200
    assert client.get("/console/teams/south").status_code == 404
    assert "/console/teams/south" not in client.get("/console/teams/north").text


def test_an_unknown_team_is_not_found(admin_client):
    assert admin_client.get("/console/teams/nobody").status_code == 404
