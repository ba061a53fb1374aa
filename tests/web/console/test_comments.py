"""The page of comments: search, themes, tags, and what a hostile comment does."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from support.console import ConsoleClient, add_console_user

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.comments.classify import classify_comments

HOSTILE = "<script>alert(1)</script> \"' {{ 7*7 }} =cmd()"


@pytest.fixture
def with_comments(harness):
    for person, (score, comment) in enumerate(
        [(2, "Livraison en retard"), (10, "Prix corrects"), (6, HOSTILE), (9, "")]
    ):
        harness.answer(harness.surveyed(str(person), f"p{person}@example.com"), score, comment)
    classify_comments(harness.app.ctx, {})
    return harness


def first_id(harness) -> str:
    with harness.ledger.read() as session:
        return session.execute(select(ResponseRow.public_id).order_by(ResponseRow.id)).scalars().first()


def test_comments_are_listed_with_their_themes_and_hostile_ones_are_escaped(with_comments, admin_client):
    page = admin_client.get("/console/comments").text
    assert "Livraison en retard" in page
    assert "Prix corrects" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert '<span class="tag">Delivery</span>' in page


@pytest.mark.parametrize("search", ["livraison", '"en retard"', "LIVR", "retard -prix"])
def test_a_search_and_a_theme_narrow_the_list(with_comments, admin_client, search):
    page = admin_client.get("/console/comments", params={"q": search}).text
    assert "Livraison en retard" in page
    assert "Prix corrects" not in page


@pytest.mark.parametrize("query", ['"', "'; DROP TABLE responses; --", "a" * 200, "NEAR(", "%00", "<script>", "* OR *"])
def test_no_search_is_an_error_and_none_is_shown_unescaped(with_comments, admin_client, query):
    response = admin_client.get("/console/comments", params={"q": query})
    assert response.status_code == 200
    assert "<script>" not in response.text


def test_the_theme_of_the_address_is_shown_and_can_be_removed(with_comments, admin_client):
    page = admin_client.get("/console/comments?theme=price").text
    assert "Prix corrects" in page
    assert "Livraison en retard" not in page
    assert 'aria-current="true"' in page
    assert admin_client.get("/console/comments?theme=%3Cb%3E").status_code == 200


def test_a_tag_is_added_found_removed_and_recorded(with_comments, admin_client):
    response_id = first_id(with_comments)
    added = admin_client.post(f"/console/comments/{response_id}/tags", {"tag": "rappeler", "back": "/console/comments"})
    assert added.status_code == 303
    page = admin_client.get("/console/comments?tag=rappeler").text
    assert "Livraison en retard" in page
    assert "Prix corrects" not in page
    admin_client.post(f"/console/comments/{response_id}/tags", {"tag": "rappeler", "remove": "1"})
    assert "Livraison en retard" not in admin_client.get("/console/comments?tag=rappeler").text
    with with_comments.ledger.read() as session:
        commands = session.execute(select(AuditRow.command).where(AuditRow.command.like("comments%"))).scalars().all()
    assert commands == ["comments tag", "comments untag"]


def test_a_tag_that_is_too_long_is_refused_and_a_foreign_address_is_not_followed(with_comments, admin_client):
    path = f"/console/comments/{first_id(with_comments)}/tags"
    refused = admin_client.post(path, {"tag": "x" * 60, "back": "https://example.com/"})
    assert refused.headers["location"] == "/console/comments"
    assert admin_client.get("/console/comments").text.count("x" * 41) == 0
    assert admin_client.post("/console/comments/unknown/tags", {"tag": "a"}).status_code == 404


def test_a_viewer_sees_no_forms_and_cannot_tag(with_comments, runner):
    viewer = ConsoleClient(with_comments, runner, add_console_user(with_comments, "v@example.com", "viewer"))
    assert "Add a tag" not in viewer.get("/console/comments").text
    assert viewer.post(f"/console/comments/{first_id(with_comments)}/tags", {"tag": "a"}).status_code == 403


def test_a_viewer_of_a_team_sees_nothing_of_others(with_comments, runner):
    user = add_console_user(with_comments, "t@example.com", "team_viewer", team="lyon")
    page = ConsoleClient(with_comments, runner, user).get("/console/comments").text
    assert "Livraison" not in page
    with with_comments.ledger.write() as session:
        session.execute(update(ResponseRow).values(tags=["secret"]))
    assert "secret" not in ConsoleClient(with_comments, runner, user).get("/console/comments").text
