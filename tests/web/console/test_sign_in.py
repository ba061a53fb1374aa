"""Sign-in: what is wrong is not said, storms are limited, and the session ends where it must."""

import re
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import col
from support.console import PASSWORD, ConsoleClient, add_console_user

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.users import SignInLimitRow, UserLinkRow, UserRow, UserSessionRow
from nps_connect.services.users.changes import change_role, lock_user, remove_user, reset_user
from nps_connect.services.users.expiry import delete_expired_secrets
from nps_connect.services.users.passwords import PASSWORD_HASHER, hash_token
from nps_connect.services.users.sign_in_limits import count_attempt, password_scopes

SIGN_IN = "/console/sign-in"


@pytest.fixture
def claire(harness):
    return add_console_user(harness, password=PASSWORD)


@pytest.fixture
def sign_in():
    def sign_in(client, email="claire@example.com", password=PASSWORD, **fields):
        client.csrf = re.search(r'name="csrf" value="(\w+)"', client.get(SIGN_IN).text)[1]
        return client.post(SIGN_IN, {"email": email, "password": password, **fields})

    return sign_in


def session_cookie(response):
    return next(line for line in response.headers.get_list("set-cookie") if "console_session" in line)


def test_a_session_opens_with_a_cookie_that_scripts_and_other_sites_cannot_use(claire, visitor, sign_in, ledger):
    response = sign_in(visitor, " Claire@Example.com ", next="/console/users")
    assert (response.status_code, response.headers["location"]) == (303, "/console/users")
    cookie = session_cookie(response)
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    session_id = re.search(r"__Secure-console_session=([\w-]{43});", cookie)[1]
    with ledger.read() as session:
        [row] = session.execute(select(UserSessionRow)).scalars()
        assert row.id_hash == hash_token(session_id)
        assert session_id not in str(row.model_dump())
    assert visitor.get("/console/users").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example.com/", "//evil.example.com", "/s/token", "/console\\@evil"])
def test_the_sign_in_leads_to_no_other_site(claire, visitor, sign_in, target):
    assert sign_in(visitor, next=target).headers["location"] == "/console"


def test_unknown_locked_and_invited_users_look_like_a_wrong_password(harness, claire, visitor, sign_in, ledger, clock):
    add_console_user(harness, "invited@example.com", name="Paul")
    locked = add_console_user(harness, "locked@example.com", "viewer", password=PASSWORD)
    with ledger.write() as session:
        session.execute(update(UserRow).where(col(UserRow.id) == locked.id).values(locked_at=clock()))
    answers = set()
    for email in ("claire@example.com", "nobody@example.com", "invited@example.com", "locked@example.com"):
        password = "wrong" if email.startswith("claire") else PASSWORD
        response = sign_in(visitor, email, password)
        answers.add((response.status_code, response.text.replace(email, "").replace(visitor.csrf, "")))
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_a_storm_on_one_account_is_refused_also_with_the_right_password(harness, claire, runner, sign_in, clock):
    for number in range(10):
        client = ConsoleClient(harness, runner, address=f"198.51.{number}.7")
        assert sign_in(client, password=f"guess {number}").status_code == 401
    client = ConsoleClient(harness, runner, address="192.0.2.7")
    refused = sign_in(client)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "900")
    clock.forward(timedelta(minutes=15))
    assert sign_in(client).status_code == 303


def test_a_storm_of_one_network_on_many_accounts_is_refused(harness, claire, visitor, sign_in, ledger, clock):
    with ledger.write() as session:
        for number in range(49):
            scopes = password_scopes(harness.app.ctx, f"user{number}@example.com", "203.0.113.0/24")
            assert count_attempt(session, scopes, clock()) is None
    statuses = [sign_in(visitor, f"user{number}@example.com", "x").status_code for number in (49, 50)]
    assert statuses == [401, 429]
    assert sign_in(visitor).status_code == 429


def test_a_refused_storm_writes_nothing_and_no_address(harness, claire, visitor, sign_in, ledger, clock):
    for _ in range(12):
        sign_in(visitor, "marie@example.com", "x")
    with ledger.read() as session:
        rows = session.execute(select(SignInLimitRow)).scalars().all()
        assert sorted(row.failures for row in rows) == [10, 10]
        assert "marie" not in str([row.model_dump() for row in rows])
    clock.forward(timedelta(minutes=16))
    delete_expired_secrets(harness.app.ctx)
    with ledger.read() as session:
        assert session.execute(select(SignInLimitRow)).first() is None


def test_the_right_password_counts_as_no_attempt(claire, visitor, sign_in):
    for _ in range(2):
        for _ in range(9):
            sign_in(visitor, password="x")
        assert sign_in(visitor).status_code == 303


def test_a_form_without_the_token_of_its_cookie_is_refused(claire, visitor, sign_in):
    sign_in(visitor, password="x")
    visitor.csrf = "0" * 64
    assert visitor.post(SIGN_IN, {"email": "claire@example.com", "password": PASSWORD}).status_code == 403


def test_a_form_of_another_site_is_refused(admin_client):
    claire_headers = {"Sec-Fetch-Site": "cross-site"}
    assert admin_client.post("/console/sign-out", headers=claire_headers).status_code == 403
    assert admin_client.get("/console/users").status_code == 200


def test_a_form_of_a_session_needs_its_token(admin_client):
    token, admin_client.csrf = admin_client.csrf, "0" * 64
    assert admin_client.post("/console/pause-mail", {"reason": "test"}).status_code == 403
    assert "Pause all mail now" in admin_client.get("/console/users").text
    admin_client.csrf = token
    assert admin_client.post("/console/sign-out").status_code == 303
    assert admin_client.get("/console/users").status_code == 303


CHANGES = {
    "role": lambda session, user, **by: change_role(session, user, "viewer", None, **by),
    "lock": lock_user,
    "reset": reset_user,
    "remove": remove_user,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_user_ends_all_sessions(harness, admin_client, admin, runner, ledger, clock, change):
    add_console_user(harness, "other@example.com")
    stolen = ConsoleClient(harness, runner, admin)
    with ledger.write() as session:
        user = session.get(UserRow, admin.id)
        CHANGES[change](session, user, actor=Actor("cli", "operator"), now=clock())
    assert {client.get("/console/account").status_code for client in (admin_client, stolen)} == {303}


def test_a_stolen_session_is_void_after_a_password_change(harness, claire, runner, visitor, sign_in):
    sign_in(visitor)
    visitor.csrf = re.search(r'name="csrf" value="(\w+)"', visitor.get("/console/account").text)[1]
    stolen = ConsoleClient(harness, runner, claire)
    assert stolen.get("/console/account").status_code == 200
    form = {"current": PASSWORD, "password": "three other words", "repeated": "three other words"}
    assert visitor.post("/console/account/password", form | {"current": "x"}).status_code == 422
    assert visitor.post("/console/account/password", form).status_code == 303
    assert stolen.get("/console/account").status_code == 303
    assert "Your password is changed" in visitor.get("/console/account").text
    assert sign_in(ConsoleClient(harness, runner), password="three other words").status_code == 303


@pytest.mark.parametrize(("idle", "total"), [(timedelta(hours=13), 1), (timedelta(hours=11), 16)])
def test_a_session_ends_after_twelve_idle_hours_or_a_week(harness, admin_client, ledger, clock, idle, total):
    for _ in range(total):
        assert admin_client.get("/console/account").status_code == 200
        clock.forward(idle)
    assert admin_client.get("/console/account").status_code == 303
    delete_expired_secrets(harness.app.ctx)
    with ledger.read() as session:
        assert session.execute(select(UserSessionRow)).first() is None
        assert session.execute(select(UserLinkRow)).first() is None


def test_an_unknown_address_takes_as_much_time_as_a_wrong_password(claire, visitor, sign_in):
    def processor_seconds(email):
        durations = []
        for _ in range(3):
            started_at = time.process_time()
            assert sign_in(visitor, email, "x").status_code == 401
            durations.append(time.process_time() - started_at)
        return min(durations)

    wrong_password, unknown = processor_seconds("claire@example.com"), processor_seconds("nobody@example.com")
    assert unknown > 0.6 * wrong_password


def test_too_many_passwords_at_a_time_are_refused_instead_of_waiting(claire, visitor, sign_in, monkeypatch):
    monkeypatch.setattr(PASSWORD_HASHER, "_waiting", threading.BoundedSemaphore(1))
    with PASSWORD_HASHER._take_turn():
        assert sign_in(visitor).status_code == 503
    assert sign_in(visitor).status_code == 303
