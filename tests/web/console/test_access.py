"""Who sees the console: nobody before there is a user, nobody without a session, and roles only what is theirs."""

import pytest
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
