"""Who sees the console: nobody before there is a user, nobody without a session, and roles only what is theirs."""

from contextlib import contextmanager

import pytest
from sqlalchemy import text
from support.console import ConsoleClient, add_console_user

PAGES = ["/console", "/console/sign-in", "/console/users", "/console/assets/1/console.css"]


@pytest.mark.parametrize("path", PAGES)
def test_without_a_user_there_is_no_console(visitor, path):
    assert visitor.get(path).status_code == 404


def test_a_visitor_is_led_to_the_sign_in_page_and_back(visitor, admin):
    response = visitor.get("/console/users?page=2")
    assert (response.status_code, response.headers["location"]) == (
        303,
        "/console/sign-in?next=/console/users%3Fpage%3D2",
    )
    assert "/console/users?page=2" in visitor.get(response.headers["location"]).text


def test_an_administrator_sees_the_users(admin_client):
    page = admin_client.get("/console/users")
    assert page.status_code == 200
    assert "claire@example.com" in page.text


@pytest.mark.parametrize(("role", "team"), [("team_viewer", "lyon"), ("viewer", None), ("case_worker", None)])
def test_only_administrators_see_users_and_the_audit_log(harness, runner, role, team):
    user = add_console_user(harness, "paul@example.com", role, team=team)
    client = ConsoleClient(harness, runner, user)
    assert client.get("/console/account").status_code == 200
    assert {client.get(path).status_code for path in ("/console/users", "/console/audit")} == {403}


@contextmanager
def renamed_table(harness, name):
    """Take a table away for a while."""
    names = (name, "elsewhere")
    for old, new in (names, names[::-1]):
        with harness.ledger.write() as session:
            session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
        if old == name:
            yield


def test_an_unexpected_error_is_told_in_the_console_and_says_nothing_about_it(harness, admin_client):
    with renamed_table(harness, "audit_log"):
        answer = admin_client.get("/console/audit?lang=fr")
    assert answer.status_code == 503
    assert "audit_log" not in answer.text
    assert "Réessayer" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
