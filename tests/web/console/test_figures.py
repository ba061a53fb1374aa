"""Overview, explore, responses and their stories over HTTP, on the demo's twelve months of three shops."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user, words

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.rendering.figure_texts import format_score
from nps_connect.sandbox.demo_history import insert_demo_history

GROUPS = {
    "core": {"dimensions": {"location": "shop", "owner": "owner"}},
    "teams": {
        "lyon": {"where": "location == 'Lyon'", "members": [f"{name}@example.com" for name in ("ana", "bo", "cy")]},
        "lille": {"where": "location == 'Lille'", "members": [f"{name}@example.com" for name in ("di", "ed", "flo")]},
        "duo": {"where": "location == 'Paris'", "members": ["ana@example.com", "bo@example.com"]},
    },
}
MAX_PAGE_BYTES = 120_000


@pytest.fixture
def harness(ledger, clock):
    harness = ApplicationHarness(ledger, clock, GROUPS)
    insert_demo_history(harness.app.ctx, responses=200)
    return harness


@pytest.fixture
def client(harness, runner):
    return ConsoleClient(harness, runner, add_console_user(harness))


@pytest.fixture
def team_client(harness, runner):
    return ConsoleClient(harness, runner, add_console_user(harness, "lea@example.com", "team_viewer", team="lyon"))


def read(client: ConsoleClient, path: str, **query: str) -> str:
    """The text of a page, whose markup obeys the console's rules."""
    response = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert response.status_code == 200
    assert len(response.content) < MAX_PAGE_BYTES
    assert " style=" not in response.text
    return response.text


def scores(harness: ApplicationHarness, **restriction: object) -> list[int]:
    """The confirmed scores that a plain query finds."""
    query = select(col(ResponseRow.score)).where(col(ResponseRow.revision) > 0)
    if shop := restriction.get("shop"):
        of_shop = select(col(ResponseDimensionRow.response_id)).where(col(ResponseDimensionRow.value) == shop)
        query = query.where(col(ResponseRow.id).in_(of_shop))
    if days := restriction.get("days"):
        start = harness.clock() - timedelta(days=days)
        query = query.where(col(ResponseRow.answered_at) >= start)
    with harness.ledger.read() as session:
        return list(session.execute(query).scalars())


def plain_nps(values: list[int]) -> str:
    return format_score(100 * (sum(value > 8 for value in values) - sum(value < 7 for value in values)) / len(values))


def test_overview_tells_the_score_whether_it_moved_and_what_to_do(harness, client) -> None:
    page = read(client, "/console/overview", period="12-months")
    text, expected = words(page), scores(harness)
    assert f">{plain_nps(expected)}</p>" in page
    assert f"{len(expected)} responses" in text
    for part in ("The true score is probably between", "Response rate", "To do today",
                 "From survey to answer", "Half of the answers arrive within", "Review invitations",
                 "Open cases by age", "Latest comments", "Connections"):  # fmt: skip
        assert part in text
    assert f"{sum(value > 8 for value in expected)} promoters" in text
    assert re.search("customers? to call today|Nothing is due today", text)
    assert "rating" not in text.casefold()  # no connection delivers public ratings


def test_default_period_is_named_and_other_periods_can_be_chosen(harness, client) -> None:
    assert re.search(r"Last (4 weeks|3 months|12 months)", words(read(client, "/console/overview")))
    today = harness.clock().date()
    start = (today - timedelta(days=6)).isoformat()
    few = read(client, "/console/overview", **{"from": start, "until": today.isoformat()})
    assert "too few to judge" in words(few)
    assert 'class="big unsure"' in few
    assert few.index("Latest comments") < few.index("To do today")
    assert "As a table" in few
    assert "No responses yet." in words(
        read(client, "/console/overview", **{"from": "2019-01-01", "until": "2019-02-01"})
    )


def test_every_figure_leads_to_exactly_its_responses(harness, client) -> None:
    page = read(client, "/console/explore", by="location", period="12-months")
    for shop in ("Lyon", "Paris", "Lille"):
        assert shop in words(page)
    total = 0
    for link, count in re.findall(r'<a href="(/console/responses\?[^"]+)">(\d+)</a></td>', page):
        listed = words(read(client, html.unescape(link)))
        assert f"{count} responses" in listed
        total += int(count)
    assert total == len(scores(harness))
    link = re.search(r'href="(/console/responses\?[^"]*segment=detractor[^"]*)"', read(client, "/console/overview"))
    listed = read(client, html.unescape(link[1]))
    assert set(re.findall(r'class="pill (\w+)"', listed)) == {"detractor"}


def test_explore_knows_every_dimension_and_compares_two_groups(harness, client) -> None:
    for dimension in ("survey", "touchpoint", "language", "collected_by", "team", "none"):
        text = words(read(client, "/console/explore", by=dimension, period="12-months"))
        assert "not a ranking" in text
        assert "Two periods" in text
    text = words(read(client, "/console/explore", by="location", period="12-months", first="Lyon", second="Lille"))
    lyon, lille = scores(harness, shop="Lyon"), scores(harness, shop="Lille")
    assert "Lyon is" in text
    assert "above Lille" in text
    assert f"Lyon {len(lyon)} {plain_nps(lyon)}" in text
    assert f"Lille {len(lille)} {plain_nps(lille)}" in text


def test_figures_of_single_members_of_staff_are_not_shown(client) -> None:
    assert client.get("/console/overview?d.owner=Claire").status_code == 400
    assert client.get("/console/explore?team=duo").status_code == 400
    page = read(client, "/console/explore", by="team", period="12-months")
    assert ">duo<" not in page
    assert "single members of staff" in words(page)
    assert not re.search(r'href="[^"]*by=owner', read(client, "/console/explore", by="owner"))


def test_user_of_a_team_sees_the_team_only(harness, client, team_client) -> None:
    expected = scores(harness, shop="Lyon")
    text = words(read(team_client, "/console/overview", period="12-months"))
    assert f"{len(expected)} responses" in text
    assert "Connections" not in text
    assert "From survey to answer" not in text
    assert "No responses yet." in words(read(team_client, "/console/overview", team="duo"))
    listed = read(team_client, "/console/responses", period="12-months")
    assert "Paris" not in words(listed)
    foreign = re.search(
        r'href="(/console/responses/\w+)"', read(client, "/console/responses", **{"d.location": "Paris"})
    )
    assert client.get(foreign[1]).status_code == 200
    assert team_client.get(foreign[1]).status_code == 404
    assert client.get("/console/responses/" + "0" * 32).status_code == 404


def test_list_is_paged_without_gaps(harness, client) -> None:
    path, seen = "/console/responses?period=12-months", []
    while path:
        page = client.get(path).text
        seen += re.findall(r'class="pill \w+" href="/console/responses/(\w+)"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        path = html.unescape(older[1]) if older else None
    assert len(seen) == len(set(seen)) == len(scores(harness))


def test_story_of_a_response_is_told_in_both_languages(harness, client, runner) -> None:
    path = re.search(r'href="(/console/responses/\w+)"', read(client, "/console/responses", segment="detractor"))[1]
    story = words(read(client, path))
    for step in ("Decided to ask the customer", "The survey page was opened", "The customer answered: score"):
        assert step in story
    for internal in ("deal.won", "invite_review", "open_ticket", "succeeded", "matched"):
        assert internal not in story
    french = ConsoleClient(harness, runner, add_console_user(harness, "luc@example.com", "viewer", language="fr"))
    story = words(read(french, path))
    for step in ("Décision : interroger le client", "La page d’enquête a été ouverte", "Le client a répondu : note"):
        assert step in story.replace("\u00a0", " ")
    overview = words(read(french, "/console/overview")).replace("\u00a0", " ").replace("\u202f", " ")
    assert "Le vrai score se situe probablement entre" in overview
    assert "par rapport aux" in overview


def test_hostile_words_of_customers_stay_text(harness, client) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }}"
    with harness.ledger.write() as session:
        session.execute(update(ResponseRow).values(comment=attack * 20))
        session.execute(update(ContactRow).values(name=attack))
        session.execute(
            update(ResponseDimensionRow).where(col(ResponseDimensionRow.value) == "Lyon").values(value=attack[:99])
        )
    for path in ("/console/overview", "/console/explore?by=location", "/console/responses"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert " 49" not in page
        assert len(page) < MAX_PAGE_BYTES


def test_texts_that_retention_deleted_are_explained(harness, client) -> None:
    with harness.ledger.write() as session:
        session.execute(update(ResponseRow).values(comment=None, follow_up=[]))
        newest = session.execute(select(func.max(ResponseRow.answered_at))).scalar_one()
    harness.clock.now += harness.app.ctx.settings.retention.comments + timedelta(days=1)
    day = newest.date().isoformat()
    later = ConsoleClient(harness, client._runner, add_console_user(harness, "later@example.com"))
    text = words(read(later, "/console/responses", **{"from": "2020-01-01", "until": day}))
    assert "Details were deleted under retention on" in text


def test_responses_are_downloaded_for_a_french_spreadsheet(harness, client):
    response = client.get("/console/export?segment=detractor&period=12-months&lang=fr")
    assert response.headers["content-disposition"].startswith('attachment; filename="responses-')
    header, *lines = response.content.decode("utf-8-sig").splitlines()
    assert response.content.startswith("\ufeff".encode())
    assert header.startswith("id;survey;touchpoint;scale;score")
    with harness.ledger.read() as session:
        unhappy = select(func.count()).select_from(ResponseRow).where(col(ResponseRow.score) <= 6)
        assert 0 < len(lines) <= session.execute(unhappy).scalar_one()
        [audited] = session.execute(select(AuditRow).where(col(AuditRow.command) == "responses export")).scalars()
    assert audited.actor_kind == "console"
    assert {line.split(";")[5] for line in lines} == {"detractor"}


def test_a_download_has_the_responses_of_the_list(client):
    page = read(client, "/console/responses", period="12-months", q="merci")
    [path] = re.findall(r'href="(/console/export[^"]*jsonl)"', page)
    answers = [json.loads(line) for line in client.get(html.unescape(path)).text.splitlines()]
    assert f"{len(answers)} responses" in words(page)
    assert all("merci" in answer["comment"].lower() for answer in answers)


def test_a_team_downloads_its_own_responses(team_client):
    answers = [json.loads(line) for line in team_client.get("/console/export?format=jsonl").text.splitlines()]
    assert {answer["location"] for answer in answers} == {"Lyon"}


@pytest.mark.parametrize("query", ["format=xls", "team=duo", "from=yesterday"])
def test_a_download_that_is_refused_says_why(client, query):
    assert client.get(f"/console/export?{query}").status_code == 400
