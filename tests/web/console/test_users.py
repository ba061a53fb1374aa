"""Administrators invite, change, lock, reset and remove users; the last administrator stays."""

import re

import pytest
from sqlalchemy import select
from sqlmodel import col
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.users import UserRow

INVITATION = {"name": "Paul Bernard", "email": "paul@example.com", "role": "case_worker"}


@pytest.fixture
def paul(harness):
    return add_console_user(harness, "paul@example.com", "case_worker", name="Paul Bernard", language="fr")


def audited(ledger):
    with ledger.read() as session:
        rows = session.execute(select(AuditRow).where(col(AuditRow.actor_kind) == "console")).scalars()
        return [(row.actor_name, row.command) for row in rows]


def test_an_invited_user_chooses_a_password_and_is_signed_in(harness, admin_client, visitor, ledger):
    assert admin_client.post("/console/users/invite", INVITATION).status_code == 303
    assert "on its way to paul@example.com" in admin_client.get("/console/users").text
    harness.run()
    [mail] = harness.post.items
    assert (mail.to.email, mail.to.name, mail.language) == ("paul@example.com", "Paul Bernard", "fr")
    path = re.search(r"https://nps\.example\.com(\S+)", mail.text)[1]
    page = visitor.get(path, headers={"Accept-Language": "fr"})
    assert "Bienvenue, Paul Bernard" in page.text
    visitor.csrf = re.search(r'name="csrf" value="(\w+)"', page.text)[1]
    words = "quatre mots tranquilles ici"
    assert visitor.post(path, {"password": words, "repeated": words}).status_code == 303
    assert visitor.get("/console/users").status_code == 403
    assert audited(ledger) == [("claire@example.com", "users add"), ("paul@example.com", "password")]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": " "}, "Enter a name"),
        ({"email": "paul"}, "Enter an e-mail address"),
        ({"email": "Claire@example.com"}, "has access already"),
        ({"role": "team_viewer"}, "Choose a team"),
    ],
)
def test_a_wrong_invitation_says_what_to_correct(admin_client, change, text):
    response = admin_client.post("/console/users/invite", INVITATION | change)
    assert response.status_code == 422
    assert text in response.text


def test_without_a_mail_connection_the_administrator_hands_the_link_over(ledger, clock, runner):
    harness = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    client = ConsoleClient(harness, runner, add_console_user(harness))
    page = client.post("/console/users/invite", INVITATION)
    assert page.status_code == 200
    assert re.search(r"https://nps\.example\.com/console/password/[\w-]{43}", page.text)


def test_role_lock_reset_and_removal_take_effect_and_are_recorded(harness, admin_client, runner, paul, ledger):
    path = f"/console/users/{paul.public_id}"
    for action, fields in (("role", {"role": "viewer"}), ("lock", {}), ("unlock", {}), ("reset", {}), ("remove", {})):
        client = ConsoleClient(harness, runner, paul)
        assert admin_client.get(path).status_code == 200
        assert admin_client.post(f"{path}/{action}", fields).status_code == 303, action
        assert (client.get("/console/account").status_code == 200) == (action == "unlock")
    assert [command for _, command in audited(ledger)] == [
        "users role", "users lock", "users unlock", "users reset", "users remove",
    ]  # fmt: skip
    assert admin_client.get(path).status_code == 404
    assert admin_client.post(f"{path}/lock").status_code == 404


@pytest.mark.parametrize("action", ["role", "lock", "remove"])
def test_the_last_administrator_stays(harness, admin, admin_client, paul, ledger, action):
    response = admin_client.post(f"/console/users/{admin.public_id}/{action}", {"role": "viewer"})
    assert response.status_code == 422
    assert "last administrator" in response.text
    add_console_user(harness, "second@example.com")
    assert admin_client.post(f"/console/users/{admin.public_id}/{action}", {"role": "viewer"}).status_code == 303


def test_a_user_chooses_the_language_of_all_their_pages(admin_client, ledger):
    assert '<html lang="en"' in admin_client.get("/console/account").text
    response = admin_client.post("/console/language", {"language": "fr", "next": "/console/users"})
    assert response.headers["location"] == "/console/users"
    assert '<html lang="fr"' in admin_client.get("/console/users", headers={"Accept-Language": "en"}).text
    with ledger.read() as session:
        assert session.execute(select(col(UserRow.language))).scalar() == "fr"


def test_a_team_viewer_is_bound_to_a_configured_team(ledger, clock, runner):
    teams = {"lyon-nord": {"where": "language == 'fr'", "members": ["chloe@example.com"]}}
    harness = ApplicationHarness(ledger, clock, {"teams": teams})
    client = ConsoleClient(harness, runner, add_console_user(harness))
    assert "lyon nord" in client.get("/console/users/invite").text
    chosen = INVITATION | {"role": "team_viewer"}
    assert client.post("/console/users/invite", chosen | {"team": "nowhere"}).status_code == 422
    assert client.post("/console/users/invite", chosen | {"team": "lyon-nord"}).status_code == 303
    with ledger.read() as session:
        user = session.execute(select(UserRow).where(col(UserRow.email) == "paul@example.com")).scalar()
        assert (user.role, user.team) == ("team_viewer", "lyon-nord")
    assert "lyon nord" in client.get("/console/users").text
    assert client.post(f"/console/users/{user.public_id}/role", {"role": "viewer"}).status_code == 303
