"""The pages about problems: the verdict in one sentence, the forms, and who sees what."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user
from support.problem_rows import add_problems

from nps_connect.ledger.problems import ProblemRow

MEMBERS = [f"{name}@example.com" for name in "abc"]
CONFIGURATION = {
    "core": {"dimensions": {"location": "shop"}},
    "teams": {"north": {"where": 'location == "Lille"', "members": MEMBERS}},
}


@pytest.fixture
def harness(ledger, clock):
    return ApplicationHarness(ledger, clock, CONFIGURATION)


def text_of(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_the_verdict_is_one_sentence_with_its_band_and_what_could_have_been_seen(harness, admin_client):
    numbers = add_problems(harness.ctx)
    worked = text_of(admin_client.get(f"/console/problems/{numbers['worked']}"))
    # (260-80)/450 - (180-140)/440 = 30.9 points, (2150-790)/3820 - (2100-800)/3800 = 1.4 points
    assert "The fix worked: the score rose by 30 points more than that of the others (95% band: +18 to +41)." in worked
    assert "The smallest effect that could be seen with these answers: 16 points" in worked
    unseen = text_of(admin_client.get(f"/console/problems/{numbers['unseen']}"))
    assert "No change that chance would not explain: 8% of respondents name it, 9% before" in unseen


def test_before_the_evaluation_is_due_the_page_shows_no_figure(harness, admin_client):
    numbers = add_problems(harness.ctx)
    page = text_of(admin_client.get(f"/console/problems/{numbers['waiting']}"))
    assert "Not yet due. The answers are looked at once, on" in page
    assert "band" not in page


def test_a_problem_is_opened_fixed_and_closed_in_the_console(harness, admin_client, clock):
    today = clock().date()
    fields = {
        "title": "Late deliveries", "owner": "Paul", "deadline": (today + timedelta(days=9)).isoformat(),
        "fact.touchpoint": "after-purchase", "from": (today - timedelta(days=20)).isoformat(), "note": "",
    }  # fmt: skip
    opened = admin_client.post("/console/problems", fields)
    assert opened.status_code == 303
    path = opened.headers["location"]
    fixed = admin_client.post(f"{path}/fix", {"fixed_on": today.isoformat(), "days": "56", "note": "new carrier"})
    assert fixed.status_code == 303
    page = text_of(admin_client.get(path))
    assert "Late deliveries" in page
    assert "new carrier" in page
    assert "Not yet due." in page
    assert admin_client.post(f"{path}/close", {"reason": "sold"}).status_code == 303
    assert "The problem is closed: there is nothing to do." in text_of(admin_client.get(path))
    refused = admin_client.post(f"{path}/close", {"reason": "again"})
    assert refused.status_code == 422
    assert "The problem is closed." in text_of(refused)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"title": ""}, "Say in a few words what is wrong."),
        ({"fact.touchpoint": ""}, "without others there is nothing to compare with"),
        ({"deadline": "tomorrow"}, "State every date as a day"),
        ({"fact.d.owner": "Paul"}, "Customers cannot be told apart by d.owner"),
    ],
)
def test_a_problem_that_cannot_be_judged_is_refused_and_the_form_keeps_its_values(admin_client, changed, sentence):
    fields = {"title": "Zoé's idea", "owner": "Paul", "deadline": "2026-12-31", "fact.touchpoint": "after-purchase"}
    response = admin_client.post("/console/problems", fields | {"from": "2026-11-01"} | changed)
    assert response.status_code == 422
    page = unescape(response.text)
    assert sentence in page
    assert ('value="Zoé\'s idea"' in page) == ("title" not in changed)


def test_a_filter_of_another_page_fills_the_form(admin_client, harness):
    page = admin_client.get("/console/problems/new?touchpoint=after-purchase&from=2026-10-01").text
    assert 'value="2026-10-01"' in page


@pytest.mark.parametrize("number", ["0", "999", "x", "9" * 30])
def test_an_unknown_problem_is_not_found(admin_client, number):
    assert admin_client.get(f"/console/problems/{number}").status_code == 404
    assert admin_client.post(f"/console/problems/{number}/close", {}).status_code == 404


def test_a_viewer_of_a_team_sees_the_problems_of_the_team_only(harness, runner):
    numbers = add_problems(harness.ctx)
    with harness.ledger.write() as session:
        row = session.get(ProblemRow, numbers["late"])
        row.concerned = {"team": "north"}
        session.add(row)
    user = add_console_user(harness, "chloe@example.com", "team_viewer", team="north")
    client = ConsoleClient(harness, runner, user)
    listed = text_of(client.get("/console/problems"))
    assert "Factures illisibles" in listed
    assert "Livraisons en retard" not in listed
    assert client.get(f"/console/problems/{numbers['late']}").status_code == 200
    assert client.get(f"/console/problems/{numbers['worked']}").status_code == 404
    assert client.get("/console/problems/new").status_code == 403
    assert client.post(f"/console/problems/{numbers['late']}/close", {}).status_code == 403
